-- The transport of a plain script: libcurl, and waits that block or, inside `concurrently`, let the
-- others go on. A transport is one multi handle, and with it one pool of connections.
local curl = require "lmigrationhub.curl"
local scheduler = require "lmigrationhub.transport.scheduler"

-- A wait comes back to Lua this often (seconds), so that Ctrl-C is heeded.
local SLICE = 1

---@class lmigrationhub.Timeouts
---@field connect number  seconds until the connection, TLS included, is ready
---@field total number    seconds for the whole attempt

---@class lmigrationhub.Request
---@field method string
---@field url string                               http or https; sent as it is
---@field headers table<string, string|string[]>?  sent as they are; Host and framing are added
---@field body string?
---@field timeouts lmigrationhub.Timeouts

---@class lmigrationhub.Response
---@field status integer
---@field headers table<string, string>  names in lower case; repeated ones joined by ", "
---@field body string

---@class lmigrationhub.TransportOptions
---@field ca_file string?      a PEM bundle, instead of the system's trust
---@field ca_path string?      a hashed directory, instead of the system's trust
---@field proxy string?        URL; the environment is not asked
---@field no_proxy string?     hosts reached without the proxy, separated by commas
---@field max_header integer?  bytes of all response headers, 65536 by default
---@field max_body integer?    bytes of the response body, 33554432 by default

---@class lmigrationhub.ScriptTransport
local Transport = {}
Transport.__index = Transport
Transport.__name = "lmigrationhub.transport.script"

---Begins a request. Raises when the request is malformed or the transport is closed.
---@param request lmigrationhub.Request
---@return userdata pending
function Transport:start(request)
  local pending = self._multi:start(request)
  scheduler.own(self, pending)
  return pending
end

-- For the scheduler: no task waits for it any more.
function Transport:forget(pending)
  self._waiting[pending] = nil
end

local function wake_waiting(self, pending)
  local task = self._waiting[pending]
  self._waiting[pending] = nil
  if task then scheduler.wake(task) end
end

-- For the scheduler, and for waits of our own: comes back after so many seconds, or when a request
-- has ended. Whose ever it is, the task that waits for it goes on.
function Transport:poll(seconds)
  local pending = self._multi:poll(seconds)
  if pending then wake_waiting(self, pending) end
end

local function finish(self, pending)
  local task = scheduler.current()
  if task and not pending:finished() then
    if self._waiting[pending] then error("another coroutine waits for this request", 3) end
    self._waiting[pending] = task
    return scheduler.await(task, self, pending)
  end
  while not pending:finished() do self:poll(SLICE) end
end

---Waits for a request that was begun; each may be waited for once, in any order.
---@param pending userdata
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
function Transport:wait(pending)
  finish(self, pending)
  scheduler.disown(pending)
  local status, headers, body = pending:result()
  if not status then
    return nil, headers, body
  end
  return { status = status, headers = headers, body = body }
end

---Ends a request that was begun, as a failure of kind "connection".
---@param pending userdata
function Transport:cancel(pending)
  pending:cancel()
  wake_waiting(self, pending)
end

---@param request lmigrationhub.Request
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
function Transport:send(request)
  return self:wait(self:start(request))
end

---Sleeps; requests under way go on meanwhile.
---@param seconds number
function Transport:sleep(seconds)
  local task, wake = scheduler.current(), self:now() + seconds
  if task then return scheduler.sleep(task, wake) end
  repeat
    self:poll(math.max(0, math.min(SLICE, wake - self:now())))
  until self:now() >= wake
end

---Runs `fn(next_item())` for each item in a coroutine of its own, until there is none: at most
---`limit` at a time, on one thread. Waits inside them, also those of other transports, let the
---others go on; not so where Lua cannot yield, which in PUC Lua 5.1 is everywhere. An error in one
---stops the others and is raised. When this returns, no request that was begun inside is under way.
---@param next_item function gives an item, in any number of values; nil ends; may wait
---@param limit integer|fun(): integer from 1; a function is asked before each item
---@param fn function
function Transport:concurrently(next_item, limit, fn)
  scheduler.run(self, curl.now, next_item, limit, fn)
end

---A clock that nobody sets.
---@type fun(self: lmigrationhub.ScriptTransport): number seconds since some point in the past
Transport.now = curl.now

---Closes all connections. What is under way ends as a failure of kind "connection".
function Transport:close()
  self._multi:close()
  for pending in next, self._waiting do wake_waiting(self, pending) end
end

Transport.__close = Transport.close

---@param options lmigrationhub.TransportOptions?
---@return lmigrationhub.ScriptTransport
local function new(options)
  -- _waiting: what tasks wait for -> the task
  return setmetatable({ _multi = curl.new(options), _waiting = {} }, Transport)
end

return { new = new }
