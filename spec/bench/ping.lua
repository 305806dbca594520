-- Asks a worker for /ping two hundred times a second and prints, in milliseconds, how long the 99th
-- of a hundred and the slowest took, each from when its turn was: ping.lua PORT SECONDS.

local socket = require "socket"

local RATE = 200 -- a second
local REQUEST = "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"

local connection = assert(socket.connect("127.0.0.1", tonumber(arg[1])))
connection:setoption("tcp-nodelay", true)

local function ask()
  assert(connection:send(REQUEST))
  local length
  repeat
    local line = assert(connection:receive "*l")
    length = tonumber(line:match "^Content%-Length: (%d+)") or length
  until line == ""
  assert(connection:receive(length))
end

local count = math.floor(tonumber(arg[2]) * RATE)
local latencies, begun = {}, socket.gettime()
for index = 1, count do
  local turn = begun + index / RATE
  local left = turn - socket.gettime()
  if left > 0 then socket.sleep(left) end
  ask()
  latencies[index] = (socket.gettime() - turn) * 1000
end
table.sort(latencies)
print(("%.3f %.3f"):format(latencies[math.ceil(count * 0.99)], latencies[count]))
