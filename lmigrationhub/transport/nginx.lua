-- The transport inside nginx: cosockets, whose waits let the worker go on. The worker's requests
-- share its connections. nginx may end a request at any wait without a word to the code that waits:
-- what such a one had taken is found again by looking for it.
-- `ngx` is asked for when it is needed, since there may be none at `require`.
local http1 = require "lmigrationhub.transport.http1"
local light_threads = require "lmigrationhub.transport.light_threads"

local MAX_CONNECTIONS = 256 -- at once in a worker
local MAX_HANDSHAKES = 16 -- at once in a worker; each takes some 0.6 ms of its time
local KEPT = 20 -- seconds that an idle connection is kept
local BLOCK = 16384 -- bytes, a TLS record
local PAUSE = 8 -- blocks after which others have their turn
local LOOK = 0.2 -- seconds between two looks for abandoned places
local GRACE = 1 -- seconds after its deadline in which a request must have ended
local LONGEST = 1000000 -- seconds; nginx counts milliseconds in 31 bits
local DEFAULT_PORTS = { http = 80, https = 443 }
local ADDRESSES = { localhost = "127.0.0.1" } -- RFC 6761, 6.3; nginx would ask a name server

-- The phases in which nginx lets nobody wait.
local WAITLESS = {}
for phase in ([[
  init init_worker set balancer header_filter body_filter log exit_worker ssl_session_store
]]):gmatch "%S+" do
  WAITLESS[phase] = true
end

-- OpenSSL's numbers for: no authority that is known, or one that is too far away.
local UNTRUSTED = {}
for number in ("2 18 19 20 21 22"):gmatch "%d+" do UNTRUSTED[number] = true end

local TRUST = "; in http{} of nginx's configuration, lua_ssl_trusted_certificate must name a file "
  .. "with its authority, and lua_ssl_verify_depth be large enough, such as 5"
local REFUSED = "the certificate or its name was refused, as nginx's error log may tell" .. TRUST

local REFUSALS = {
  protocol = "no valid answer from %s: %s",
  too_large = "the answer from %s is too large: %s",
}

local function seconds_until(time) return time - ngx.now() end

local function to_milliseconds(seconds)
  return math.max(1, math.ceil(math.min(seconds, LONGEST) * 1000))
end

local function new_semaphore(count) return assert(require("ngx.semaphore").new(count)) end

-- nginx cuts fractions of a millisecond off: the half keeps whole ones whole.
local function await(semaphore, seconds)
  return semaphore:wait((to_milliseconds(seconds) + 0.5) / 1000)
end

-- A limit of what attempts do at once: `taken` places are taken but for those that `free` holds, a
-- semaphore that is made, in the worker, when somebody has to wait.
local Limit = {}
Limit.__index = Limit

local function new_limit(places)
  return setmetatable({ places = places, taken = 0, holders = {}, looked = 0 }, Limit)
end

-- nginx closes the sockets of a request that it ends, and of a light thread that is killed.
local function is_abandoned(attempt)
  if attempt.socket then return not attempt.socket:getreusedtimes() end
  return seconds_until(attempt.connect_by) < -LOOK
end

function Limit:leave(attempt)
  if not self.holders[attempt] then return end
  self.holders[attempt] = nil
  if self.free then
    self.free:post(1)
  else
    self.taken = self.taken - 1
  end
end

-- Frees the places of those who can no longer give them back.
function Limit:look()
  if seconds_until(self.looked + LOOK) > 0 then return end
  self.looked = ngx.now()
  for attempt in next, self.holders do
    if is_abandoned(attempt) then self:leave(attempt) end
  end
end

-- Tells whether there was a place in time.
function Limit:enter(attempt, by)
  local entered = self.taken < self.places
  if entered then self.taken = self.taken + 1 end
  while not entered do
    self.free = self.free or new_semaphore(0)
    self:look()
    local left = seconds_until(by)
    if left <= 0 then return false end
    entered = await(self.free, math.min(left, LOOK))
  end
  self.holders[attempt] = true
  return true
end

-- What transports share: two limits, and how many idle connections each pool should have.
local function new_share(options)
  return {
    connections = new_limit(options.max_connections or MAX_CONNECTIONS),
    handshakes = new_limit(options.max_handshakes or MAX_HANDSHAKES),
    idle = {},
  }
end

local WORKER = new_share {}

local function expects_idle(attempt, now)
  local idle = attempt.share.idle[attempt.to.pool]
  return idle and idle.count > 0 and now < idle.last + KEPT
end

local function count_idle(attempt, change)
  local pools, pool = attempt.share.idle, attempt.to.pool
  local idle = pools[pool] or { count = 0, last = 0 }
  pools[pool] = idle
  idle.count = math.max(0, idle.count + change)
  if change > 0 then idle.last = ngx.now() end
end

local function parse_host(host)
  if host:find "^%[[%x:.]+%]$" or host:find "^%d+%.%d+%.%d+%.%d+$" then return host, true end
  return host:match "^[%w_][%w._-]*$", false
end

-- nil when it is no URL of ours.
local function parse_url(url)
  local scheme, authority, path, query = tostring(url):match "^(%a+)://([^/?#]+)([^?#]*)([^#]*)"
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then return nil end
  local name, digits = authority:match "^(.*):(%d+)$"
  local host, is_address = parse_host((name or authority):lower())
  local port = digits and tonumber(digits) or DEFAULT_PORTS[scheme]
  if not host or port < 1 or port > 65535 then return nil end
  return {
    scheme = scheme,
    authority = authority,
    host = host,
    port = port,
    is_address = is_address,
    target = (path == "" and "/" or path) .. query,
    shown = scheme .. "://" .. authority .. path,
    -- A connection out of the pool is not verified again, so the pool's name says all that the
    -- verification depends on: the host; with https always its name; the one trust that nginx has.
    pool = ("lmigrationhub|%s://%s:%d"):format(scheme, host, port),
  }
end

-- What is wrong when there was too little time.
local function no_place(attempt)
  return nil, ("no place for the request to %s within %g s: %d are under way"):format(
    attempt.to.shown, attempt.total, attempt.share.connections.places), "timeout"
end

local function no_connection(attempt)
  return nil, ("no connection to %s within %g s"):format(
    attempt.to.authority, math.min(attempt.connect, attempt.total)), "timeout"
end

local function no_answer(attempt)
  local begun = (attempt.reader.status or 0) >= 200
  return nil, ("no %s from %s within %g s"):format(
    begun and "complete answer" or "answer", attempt.to.shown, attempt.total), "timeout"
end

local function unreachable(attempt, problem)
  if problem == "timeout" then return no_connection(attempt) end
  if problem:find("no resolver defined", 1, true) then
    problem = problem .. "; add the directive resolver to http{} of nginx's configuration"
  end
  return nil, ("could not connect to %s: %s"):format(attempt.to.authority, problem), "connection"
end

local function insecure(attempt, problem)
  if problem == "timeout" then return no_connection(attempt) end
  if UNTRUSTED[problem:match "^%d+"] then problem = problem .. TRUST end
  return nil, ("no secure connection to %s: %s"):format(attempt.to.shown, problem), "tls"
end

local function broken(attempt, problem)
  if problem == "timeout" then return no_answer(attempt) end
  local _, place = attempt.reader:eof()
  return nil, ("the connection to %s broke: %s"):format(
    attempt.to.shown, problem == "closed" and place or problem), "connection"
end

-- nginx's timeouts do not bound the look-up of a name. A light thread can be killed.
local function connect_by_name(attempt, socket, options)
  local done, connected, problem = new_semaphore(0), nil, nil
  local thread = ngx.thread.spawn(function()
    connected, problem = socket:connect(attempt.to.host, attempt.to.port, options)
    done:post(1)
  end)
  if await(done, seconds_until(attempt.connect_by)) then
    ngx.thread.wait(thread) -- which frees it
    return connected, problem
  end
  ngx.thread.kill(thread)
  return nil, "timeout"
end

-- An idle connection needs no look-up, and no light thread, of which nginx keeps a trace until the
-- request ends. When it is gone after all, nginx's resolver_timeout bounds the look-up this once.
local function connect_somehow(attempt, socket, now)
  local to, expected = attempt.to, expects_idle(attempt, now)
  local options = { pool = to.pool, pool_size = attempt.share.connections.places }
  local address = to.is_address and to.host or ADDRESSES[to.host]
  local rest = to_milliseconds(attempt.end_by - now)
  socket:settimeouts(to_milliseconds(attempt.connect_by - now), rest, rest)
  if not (address or expected) then return connect_by_name(attempt, socket, options) end
  local connected, problem = socket:connect(address or to.host, to.port, options)
  local is_missing = expected and connected and socket:getreusedtimes() == 0
  if is_missing then count_idle(attempt, -math.huge) end
  return connected, problem
end

-- A handshake that needs not wait raises when the certificate or its name is wrong, and would give
-- true, were the session not nil (lua-nginx-module #2506). Without a name, none is verified.
local function shake_hands(attempt)
  local socket, handshakes = attempt.socket, attempt.share.handshakes
  if not handshakes:enter(attempt, attempt.connect_by) then return no_connection(attempt) end
  socket:settimeout(to_milliseconds(seconds_until(attempt.connect_by)))
  local returned, raised, problem = pcall(socket.sslhandshake, socket, nil, attempt.to.host, true)
  handshakes:leave(attempt)
  if returned and not problem then return true end
  if not returned and not tostring(raised):find "assertion failed" then error(raised, 0) end
  return insecure(attempt, problem or REFUSED)
end

-- Sets socket and is_reused. A fresh connection is wanted after a kept one was dead: others that
-- were kept are dropped on the way.
local function connect(attempt, is_fresh)
  local socket, now = ngx.socket.tcp(), ngx.now()
  attempt.socket, attempt.connect_by = false, math.min(now + attempt.connect, attempt.end_by)
  repeat
    local connected, problem = connect_somehow(attempt, socket, now)
    if not connected then return unreachable(attempt, problem) end
    attempt.is_reused = socket:getreusedtimes() > 0
    if attempt.is_reused then count_idle(attempt, -1) end
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
    if message then return nil, REFUSALS[kind]:format(attempt.to.shown, message), kind end
    attempt.is_answered = true
    reads = reads + 1
    if reads % PAUSE == 0 then ngx.sleep(0.001) end
    if not set_deadline(attempt) then return no_answer(attempt) end
  end
  return broken(attempt, problem)
end

local function put_away(attempt)
  local socket, reader = attempt.socket, attempt.reader
  if reader and reader:reusable() and socket:setkeepalive(KEPT * 1000) then
    count_idle(attempt, 1)
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

-- response | nil, message, kind. A kept connection that the server has closed meanwhile is no
-- failure of the request, which is sent once more; libcurl has the same rule.
local function exchange(attempt)
  local connections = attempt.share.connections
  if attempt.to.scheme == "https" and attempt.to.is_address then
    return insecure(attempt, "nginx verifies no certificate of an IP address; use a host's name")
  end
  if not connections:enter(attempt, attempt.end_by) then return no_place(attempt) end
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

-- A transport mostly asks for the same URL again.
local function find(self, url)
  if url ~= self._url then self._url, self._to = url, parse_url(url) end
  return self._to
end

local function new_attempt(self, request)
  local to, timeouts = find(self, request.url), request.timeouts
  if not to then return nil, "'url' must be an http or https URL" end
  local message = check_timeout(timeouts, "connect") or check_timeout(timeouts, "total")
  if message then return nil, message end
  local headers = with_host(request.headers or {}, to.authority)
  local bytes, problem = http1.request(request.method, to.target, headers, request.body)
  if not bytes then return nil, problem end
  ngx.update_time() -- else time that the handler has used is taken from the request's
  local end_by = ngx.now() + timeouts.total
  return {
    share = self._share,
    limits = self._limits,
    to = to,
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

local function check_wait()
  local phase = ngx.get_phase()
  if not WAITLESS[phase] then return end
  error(("nginx cannot wait for anything in its phase %s: "):format(phase)
    .. "do it in a timer, which ngx.timer.at(0, …) starts", 3)
end

local function begin(self, request)
  if self._closed then error("the transport is closed", 3) end
  local attempt, message = new_attempt(self, request)
  if not attempt then error(message, 3) end
  return attempt
end

---@class lmigrationhub.NginxTransport
local Transport = { __name = "lmigrationhub.transport.nginx" }
Transport.__index = Transport

---Begins a request in a light thread. Raises when the request is malformed, when the transport is
---closed, and in a phase of nginx that cannot wait.
---@param request lmigrationhub.Request
---@return table pending
function Transport:start(request)
  check_wait()
  local attempt = begin(self, request)
  attempt.ended = new_semaphore(0)
  attempt.thread = ngx.thread.spawn(function()
    attempt.outcome = { pcall(exchange, attempt) }
    attempt.ended:post(1)
  end)
  return attempt
end

---Waits for a request that was begun; each may be waited for once, in any order.
---@param pending table
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
function Transport:wait(pending) -- luacheck: no self
  check_wait()
  if pending.is_taken then error("the result was taken already", 2) end
  pending.is_taken = true
  if not pending.outcome then await(pending.ended, seconds_until(pending.end_by) + GRACE) end
  local outcome = pending.outcome
  if not outcome then
    return nil, ("the request to %s was given up: nginx has ended it"):format(pending.to.shown),
      "connection"
  end
  pcall(ngx.thread.wait, pending.thread) -- frees it, unless another coroutine began it
  if not outcome[1] then error(outcome[2], 0) end
  return outcome[2], outcome[3], outcome[4]
end

---@param request lmigrationhub.Request
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
function Transport:send(request)
  check_wait()
  return exchange(begin(self, request))
end

---Sleeps; everything else goes on meanwhile. Raises in a phase of nginx that cannot wait.
---@param seconds number
function Transport:sleep(seconds) -- luacheck: no self
  check_wait()
  ngx.update_time() -- else time that the handler has used counts as slept
  ngx.sleep(to_milliseconds(seconds) / 1000)
end

---Runs a function for many items, in light threads.
---@param next_item function  gives an item, or nil
---@param limit integer|fun(): integer  at once
---@param fn function
function Transport:concurrently(next_item, limit, fn) -- luacheck: no self
  check_wait()
  light_threads.run(next_item, limit, fn)
end

---Lets go of a request that was begun. Its connection is closed.
---@param pending table
function Transport:cancel(pending) -- luacheck: no self
  pending.is_taken = true
  pcall(ngx.thread.kill, pending.thread)
end

---@return number seconds
function Transport:now() -- luacheck: no self
  ngx.update_time()
  return ngx.now()
end

---Ends the use of the transport. What is under way goes on; idle connections, which the transports
---of a worker share, close after 20 seconds.
function Transport:close()
  self._closed = true
end

local COUNTS = { "max_header", "max_body", "max_connections", "max_handshakes" }

local function check_options(options)
  if options.proxy and options.proxy ~= "" then
    error("inside nginx there is no support for an HTTP proxy (option 'proxy')", 3)
  end
  if options.ca_file or options.ca_path then
    error("inside nginx trusted authorities are named by lua_ssl_trusted_certificate in http{} of "
      .. "its configuration, not by the options 'ca_file' and 'ca_path'", 3)
  end
  for _, name in ipairs(COUNTS) do
    local count = options[name]
    if count ~= nil and not (type(count) == "number" and count >= 1 and count % 1 == 0) then
      error(("'%s' must be a positive whole number"):format(name), 3)
    end
  end
end

---@class lmigrationhub.NginxTransportOptions
---@field max_header integer?      bytes of all response headers, 65536 by default
---@field max_body integer?        bytes of the response body, 16777216 by default
---@field max_connections integer? at once; by default 256 for all transports of the worker together
---@field max_handshakes integer?  of TLS at once; by default 16 for all transports of the worker

---@param options lmigrationhub.NginxTransportOptions?
---@return lmigrationhub.NginxTransport
local function new(options)
  options = options or {}
  check_options(options)
  local has_own = options.max_connections or options.max_handshakes
  return setmetatable({
    _limits = { max_header = options.max_header, max_body = options.max_body },
    _share = has_own and new_share(options) or WORKER,
  }, Transport)
end

return { new = new }
