-- A proxy in a process of its own, started by proxy.lua: tunnels what CONNECT asks for, refuses all
-- else, writes down each request, and ends with its stdin.
--   lua5.4 spec/services/tunnel.lua DESCRIPTOR FILE

local socket = require "socket"

local PATIENCE = 5 -- seconds
local REFUSAL = "HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
local CHUNK = 65536 -- bytes

local stdin = { getfd = function() return 0 end, dirty = function() return false end }
local record = assert(io.open(arg[2], "a"))
record:setvbuf "line"

local others = {} -- an end of a tunnel -> its other end

local function read_head(client)
  local first = client:receive "*l"
  local line = first
  while line and line ~= "" do
    if line == first or line:lower():find "^proxy%-authorization:" then record:write(line, "\n") end
    line = client:receive "*l"
  end
  return first or ""
end

local function welcome(client)
  client:settimeout(PATIENCE)
  local host, port = read_head(client):match "^CONNECT (%S+):(%d+) "
  local server = host and socket.connect(host, tonumber(port))
  if not server then
    client:send(REFUSAL)
    return client:close()
  end
  client:send "HTTP/1.1 200 OK\r\n\r\n"
  others[client], others[server] = server, client
end

local function part(near)
  local far = others[near]
  others[near], others[far] = nil, nil
  near:close()
  far:close()
end

local function relay(near)
  local far = others[near]
  if not far then return end
  near:settimeout(0)
  local data, problem, rest = near:receive(CHUNK)
  far:settimeout(PATIENCE)
  local is_sent = far:send(data or rest)
  if problem == "closed" or not is_sent then part(near) end
end

local listener = socket.tcp()
listener:setfd(tonumber(arg[1]))
assert(listener:listen())

while true do
  local watched = { stdin, listener }
  for near in pairs(others) do table.insert(watched, near) end
  local ready = socket.select(watched)
  if ready[stdin] then break end
  if ready[listener] then welcome(listener:accept()) end
  for near in pairs(ready) do
    if type(near) == "userdata" and near ~= listener then relay(near) end
  end
end
