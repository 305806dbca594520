-- Starts a proxy for HTTPS, and reads what it was asked.

local socket = require "socket"

local COMMAND = "unset LUA_PATH LUA_CPATH; exec lua5.4 spec/services/tunnel.lua %d %s"

local Proxy = { __name = "spec.services.proxy" }
Proxy.__index = Proxy

--- The first line of each request so far, each followed by its Proxy-Authorization if it had one.
function Proxy:lines()
  local lines = {}
  for line in io.lines(self._record) do lines[#lines + 1] = line end
  return lines
end

function Proxy:stop()
  self._process:close()
  os.remove(self._record)
end

-- The proxy inherits the listening socket: who connects before it is up waits in its queue.
local function start()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local record = os.tmpname()
  local process = assert(io.popen(COMMAND:format(listener:getfd(), record), "w"))
  listener:close()
  return setmetatable({
    authority = ("127.0.0.1:%d"):format(port), _process = process, _record = record,
  }, Proxy)
end

return { start = start }
