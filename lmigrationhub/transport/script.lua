-- The transport of a plain script: libcurl, and waits that block.
-- A transport is one multi handle, and with it one pool of connections.
local curl = require "lmigrationhub.curl"

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
  return self._multi:start(request)
end

---Waits for a request that was begun; each may be waited for once, in any order.
---@param pending userdata
---@return lmigrationhub.Response? response
---@return string? message
---@return "timeout"|"connection"|"tls"|"protocol"|"too_large"|nil kind
function Transport:wait(pending)
  while not pending:finished() do
    self._multi:poll(SLICE)
  end
  local status, headers, body = pending:result()
  if not status then
    return nil, headers, body
  end
  return { status = status, headers = headers, body = body }
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
  local wake = self:now() + seconds
  repeat
    self._multi:poll(math.max(0, math.min(SLICE, wake - self:now())))
  until self:now() >= wake
end

---A clock that nobody sets.
---@type fun(self: lmigrationhub.ScriptTransport): number seconds since some point in the past
Transport.now = curl.now

---Closes all connections. What is under way ends as a failure of kind "connection".
function Transport:close()
  self._multi:close()
end

Transport.__close = Transport.close

---@param options lmigrationhub.TransportOptions?
---@return lmigrationhub.ScriptTransport
local function new(options)
  return setmetatable({ _multi = curl.new(options) }, Transport)
end

return { new = new }
