-- Asks one thing after the other until a file is there, and prints how many requests came to what:
--   lua5.4 spec/reload/client.lua PORT FILE
-- Half of the requests leave their connections open for the next ones. nginx closes such ones when
-- it reloads: then a request is sent again, on a new connection.

local socket = require "socket"
local tasks = require "spec.reload.tasks"

local TIMEOUT = 20 -- seconds
local PAUSE = 0.05 -- seconds, when nobody is there

local port, stop_file = arg[1], arg[2]
local kept -- a connection
local counts = { answered = 0, again = 0, refused = 0, cut = 0, wrong = 0, late = 0 }

local function connect()
  local connection = socket.tcp()
  connection:settimeout(TIMEOUT)
  if connection:connect("127.0.0.1", port) then return connection end
  socket.sleep(PAUSE)
  return nil
end

-- -> status line, body | nil, "timeout" or "closed", whether there was any byte
local function receive(connection)
  local first, problem, part = connection:receive "*l"
  if not first then return nil, problem, #part > 0 end
  local length
  repeat
    local line, why = connection:receive "*l"
    if not line then return nil, why, true end
    length = tonumber(line:match "^Content%-Length: (%d+)$") or length
  until line == ""
  local body, why = connection:receive(length or "*a")
  if not body then return nil, why, true end
  return first, body
end

-- -> what came of it
local function exchange(connection, path, keeps)
  connection:send(("GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"):format(
    path, keeps and "" or "Connection: close\r\n"))
  local line, body, is_begun = receive(connection)
  if not line and body == "timeout" then return "late" end
  if not line then return is_begun and "cut" or "refused" end
  local expected = ("%d updates\n"):format(tasks.answers[path])
  return line == "HTTP/1.1 200 OK" and body == expected and "answered" or "wrong"
end

local function ask(path, keeps)
  local is_kept = kept ~= nil
  local connection = kept or connect()
  kept = nil
  if not connection then return "refused" end
  local result = exchange(connection, path, keeps)
  if result == "answered" and keeps then
    kept = connection
  else
    connection:close()
  end
  if result == "refused" and is_kept then
    counts.again = counts.again + 1
    return ask(path, keeps)
  end
  return result
end

local function is_over()
  local file <close> = io.open(stop_file)
  return file ~= nil
end

local function ask_all()
  for _, keeps in ipairs { true, false } do
    for path in pairs(tasks.answers) do
      local result = ask(path, keeps)
      counts[result] = counts[result] + 1
    end
  end
end

ask_all()
print "begun"
io.flush()
repeat ask_all() until is_over()
for result, count in pairs(counts) do print(result, count) end
