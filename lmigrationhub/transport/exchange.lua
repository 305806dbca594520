-- One request over a cosocket: connects or takes a kept connection, sends, reads, and puts the
-- connection away. nginx may end whoever waits in here, without a word; it closes the socket then.

local clock = require "lmigrationhub.transport.clock"
local failure = require "lmigrationhub.transport.failure"
local http1 = require "lmigrationhub.transport.http1"
local new_limit = require("lmigrationhub.transport.limit").new

local seconds_until, to_milliseconds = clock.seconds_until, clock.to_milliseconds

local KEPT = 20 -- seconds that an idle connection is kept
local BLOCK = 16384 -- bytes, a TLS record
local PAUSE = 32 -- reads after which others have their turn
local LATE = 0.2 -- seconds after which somebody who connects must have ended
local ADDRESSES = { localhost = "127.0.0.1" } -- RFC 6761, 6.3; nginx would ask a name server

-- A pool as far as one knows: nginx does not tell how many connections it keeps.
local function new_pool(share, name)
  local pool = {
    options = { pool = name, pool_size = share.connections.places },
    idle = 0, kept_at = 0, -- how many, and the time of the last
  }
  share.pools[name] = pool
  return pool
end

local function expects_idle(pool, now) return pool.idle > 0 and now < pool.kept_at + KEPT end

local function count_idle(pool, change) pool.idle = math.max(0, pool.idle + change) end

-- nginx's timeouts do not bound the look-up of a name. A light thread can be killed.
local function connect_by_name(attempt, socket)
  local to, options = attempt.to, attempt.pool.options
  local done, connected, problem = clock.new_semaphore(), nil, nil
  local thread = ngx.thread.spawn(function()
    connected, problem = socket:connect(to.host, to.port, options)
    done:post(1)
  end)
  if clock.await(done, seconds_until(attempt.connect_by)) then
    ngx.thread.wait(thread) -- which frees it
    return connected, problem
  end
  ngx.thread.kill(thread)
  return nil, "timeout"
end

-- An idle connection needs no look-up, and no light thread, of which nginx keeps a trace until the
-- request ends. When it is gone after all, nginx's resolver_timeout bounds the look-up this once.
local function connect_somehow(attempt, socket, now)
  local to, pool = attempt.to, attempt.pool
  local expected = expects_idle(pool, now)
  local address = to.is_address and to.host or ADDRESSES[to.host]
  local rest = to_milliseconds(attempt.end_by - now)
  socket:settimeouts(to_milliseconds(attempt.connect_by - now), rest, rest)
  if not (address or expected) then return connect_by_name(attempt, socket) end
  local connected, problem = socket:connect(address or to.host, to.port, pool.options)
  local is_missing = expected and connected and socket:getreusedtimes() == 0
  if is_missing then count_idle(pool, -math.huge) end
  return connected, problem
end

-- A handshake that needs not wait raises when the certificate or its name is wrong, and would give
-- true, were the session not nil (lua-nginx-module #2506). Without a name, none is verified.
local function shake_hands(attempt)
  local socket, handshakes = attempt.socket, attempt.share.handshakes
  local entered = handshakes:enter(attempt, attempt.connect_by)
  if not entered then return failure.no_connection(attempt) end
  socket:settimeout(to_milliseconds(seconds_until(attempt.connect_by)))
  local returned, raised, problem = pcall(socket.sslhandshake, socket, nil, attempt.to.host, true)
  handshakes:leave(attempt)
  if returned and not problem then return true end
  if not returned and not tostring(raised):find "assertion failed" then error(raised, 0) end
  return failure.insecure(attempt, problem)
end

-- Sets socket and is_reused. A fresh connection is wanted after a kept one was dead: others that
-- were kept are dropped on the way.
local function connect(attempt, is_fresh)
  local socket, now = ngx.socket.tcp(), ngx.now()
  attempt.socket, attempt.connect_by = false, math.min(now + attempt.connect, attempt.end_by)
  repeat
    local connected, problem = connect_somehow(attempt, socket, now)
    if not connected then return failure.unreachable(attempt, problem) end
    attempt.is_reused = socket:getreusedtimes() > 0
    if attempt.is_reused then count_idle(attempt.pool, -1) end
  until not (is_fresh and attempt.is_reused)
  attempt.socket = socket
  if attempt.to.scheme == "http" or attempt.is_reused then return true end
  return shake_hands(attempt)
end

-- Sets the socket's timeout: gives whether there is time left.
local function set_deadline(attempt)
  local left = seconds_until(attempt.end_by)
  attempt.socket:settimeout(to_milliseconds(left))
  return left > 0
end

-- Sends and receives over the socket: true | nil, message, kind. A server that always has bytes at
-- hand would keep the worker to itself, and the time from passing.
local function converse(attempt)
  local socket, reader = attempt.socket, http1.new(attempt.limits)
  local reads = 0
  attempt.reader = reader
  if not attempt.is_reused then set_deadline(attempt) end -- time has passed
  local bytes, problem = socket:send(attempt.bytes)
  while bytes do
    bytes, problem = socket:receiveany(BLOCK)
    if not bytes then break end
    local done, message, kind = reader:feed(bytes)
    if done then return true end
    if message then return failure.refused(attempt, message, kind) end
    attempt.is_answered = true
    reads = reads + 1
    if reads % PAUSE == 0 then ngx.sleep(0.001) end
    if not set_deadline(attempt) then return failure.no_answer(attempt) end
  end
  return failure.broken(attempt, problem)
end

local function put_away(attempt)
  local socket, reader = attempt.socket, attempt.reader
  if reader and reader:reusable() and socket:setkeepalive(KEPT * 1000) then
    count_idle(attempt.pool, 1)
    attempt.pool.kept_at = ngx.now()
  elseif socket then
    socket:close()
  end
end

local function try(attempt, is_fresh)
  local ok, message, kind = connect(attempt, is_fresh)
  if ok then ok, message, kind = converse(attempt) end
  put_away(attempt)
  return ok, message, kind
end

--- Performs an attempt. A kept connection that the server has closed meanwhile is no failure of the
--- request, which is sent once more; libcurl has the same rule.
---@param attempt lmigrationhub.Attempt
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
local function perform(attempt)
  local connections = attempt.share.connections
  if attempt.to.scheme == "https" and attempt.to.is_address then
    return failure.insecure(
      attempt, "nginx verifies no certificate of an IP address; use a host's name")
  end
  if not connections:enter(attempt, attempt.end_by) then return failure.no_place(attempt) end
  local ok, message, kind = try(attempt, false)
  if kind == "connection" and attempt.is_reused and not attempt.is_answered then
    ok, message, kind = try(attempt, true)
  end
  connections:leave(attempt)
  if not ok then return nil, message, kind end
  local reader = attempt.reader
  return { status = reader.status, headers = reader.headers, body = reader:body() }
end

local function check_timeout(timeouts, name)
  local seconds = type(timeouts) == "table" and timeouts[name]
  if type(seconds) == "number" and seconds > 0 and seconds < math.huge then return nil end
  return ("'%s' must be a positive number of seconds"):format(name)
end

local function with_host(headers, authority)
  if headers.host or headers.Host then return headers end
  local all = { Host = authority }
  for name, value in next, headers do
    if tostring(name):lower() == "host" then return headers end
    all[name] = value
  end
  return all
end

---@class lmigrationhub.Attempt
---@field to lmigrationhub.Destination
---@field end_by number    time
---@field connect_by number time, later than which nobody connects any more
---@field total number     seconds
---@field socket table|false while nobody connects

--- Prepares an attempt.
---@param share lmigrationhub.Share
---@param limits lmigrationhub.http1.Limits
---@param to lmigrationhub.Destination
---@param request lmigrationhub.Request
---@return lmigrationhub.Attempt?
---@return string? message what is wrong with the request
local function new(share, limits, to, request)
  local timeouts = request.timeouts
  local message = check_timeout(timeouts, "connect") or check_timeout(timeouts, "total")
  if message then return nil, message end
  local headers = with_host(request.headers or {}, to.authority)
  local bytes, problem = http1.request(request.method, to.target, headers, request.body)
  if not bytes then return nil, problem end
  local end_by = clock.now() + timeouts.total
  return {
    share = share,
    limits = limits,
    to = to,
    pool = share.pools[to.pool] or new_pool(share, to.pool),
    bytes = bytes,
    connect = timeouts.connect,
    total = timeouts.total,
    connect_by = end_by,
    end_by = end_by,
    socket = false,
    reader = false,
    is_reused = false,
    is_answered = false, -- in part, at least
  }
end

-- nginx closes the sockets of a request that it ends, and of a light thread that is killed.
local function is_abandoned(attempt)
  if attempt.socket then return not attempt.socket:getreusedtimes() end
  return seconds_until(attempt.connect_by) < -LATE
end

---@class lmigrationhub.Share what the attempts of a worker share
---@field connections lmigrationhub.Limit
---@field handshakes lmigrationhub.Limit
---@field pools table<string, table>

---@param max_connections integer at once
---@param max_handshakes integer at once
---@return lmigrationhub.Share
local function new_share(max_connections, max_handshakes)
  return {
    connections = new_limit("connection", max_connections, is_abandoned),
    handshakes = new_limit("handshake", max_handshakes, is_abandoned),
    pools = {},
  }
end

return { new = new, perform = perform, new_share = new_share }
