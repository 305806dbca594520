-- The transport inside nginx: cosockets, whose waits let the worker go on. The worker's requests
-- share its connections. `ngx` is asked for when it is needed: there may be none at `require`.

local clock = require "lmigrationhub.transport.clock"
local exchange = require "lmigrationhub.transport.exchange"
local light_threads = require "lmigrationhub.transport.light_threads"
local parse_url = require("lmigrationhub.transport.url").parse

local MAX_CONNECTIONS = 256 -- at once in a worker
local MAX_HANDSHAKES = 16 -- at once in a worker; each takes some 0.6 ms of its time
local GRACE = 1 -- seconds after its deadline in which a request must have ended

-- The phases in which nginx lets nobody wait.
local WAITLESS = {}
for phase in ([[
  init init_worker set balancer header_filter body_filter log exit_worker ssl_session_store
]]):gmatch "%S+" do
  WAITLESS[phase] = true
end

local WORKER = exchange.new_share(MAX_CONNECTIONS, MAX_HANDSHAKES)

local function check_wait()
  local phase = ngx.get_phase()
  if not WAITLESS[phase] then return end
  error(("nginx cannot wait for anything in its phase %s: "):format(phase)
    .. "do it in a timer, which ngx.timer.at(0, …) starts", 3)
end

-- A transport mostly asks for the same URL again.
local function find(self, url)
  if url ~= self._url then self._url, self._to = url, parse_url(url) end
  return self._to
end

local function begin(self, request)
  if self._closed then error("the transport is closed", 3) end
  local to = find(self, request.url)
  if not to then error("'url' must be an http or https URL", 3) end
  local attempt, message = exchange.new(self._share, self._limits, to, request)
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
  attempt.ended = clock.new_semaphore()
  attempt.thread = ngx.thread.spawn(function()
    attempt.outcome = { pcall(exchange.perform, attempt) }
    attempt.ended:post(1)
  end)
  return attempt
end

---Waits for a request that was begun; each may be waited for once, in any order.
---@param pending table
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
function Transport:wait(pending)
  check_wait()
  if pending.is_taken then error("the result was taken already", 2) end
  pending.is_taken = true
  if not pending.outcome then
    clock.await(pending.ended, clock.seconds_until(pending.end_by) + GRACE)
  end
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
  return exchange.perform(begin(self, request))
end

---Sleeps; everything else goes on meanwhile. Raises in a phase of nginx that cannot wait.
---@param seconds number
function Transport:sleep(seconds)
  check_wait()
  clock.sleep(seconds)
end

---Runs a function for many items, in light threads.
---@param next_item function  gives an item, or nil
---@param limit integer|fun(): integer  at once
---@param fn function
function Transport:concurrently(next_item, limit, fn)
  check_wait()
  light_threads.run(next_item, limit, fn)
end

---Lets go of a request that was begun. Its connection is closed.
---@param pending table
function Transport:cancel(pending)
  pending.is_taken = true
  pcall(ngx.thread.kill, pending.thread)
end

---@return number seconds
function Transport:now()
  return clock.now()
end

---Is the worker to end, as after a reload, as soon as nothing waits in it?
---@return boolean
function Transport:is_exiting()
  return ngx.worker.exiting()
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
  local connections, handshakes = options.max_connections, options.max_handshakes
  local share = (connections or handshakes) and exchange.new_share(
    connections or MAX_CONNECTIONS, handshakes or MAX_HANDSHAKES)
  return setmetatable({
    _limits = { max_header = options.max_header, max_body = options.max_body },
    _share = share or WORKER,
  }, Transport)
end

return { new = new }
