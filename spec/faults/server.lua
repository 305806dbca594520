-- An HTTP server on loopback that answers as each request tells it: the request's body is Lua text
-- made of the actions below, such as `send "HTTP/1.1 200 OK\r\n" reset()`.
-- It prints its port. /stop ends it; /seen/NAME says how often /NAME was asked for; /last gives the
-- head of the last request that was none of these.
local socket = require "socket"

local IDLE = 60 -- seconds without any event after which an orphan ends

local listener = assert(socket.bind("127.0.0.1", 0, 64))
listener:settimeout(0)
print((select(2, listener:getsockname())))
io.stdout:flush()

local readers, writers, sleepers = {}, {}, {} -- socket -> coroutine; coroutine -> time
local seen = {}
local connections = 0
local last_head = ""

local function wait_in(queue, client)
  queue[client] = coroutine.running()
  coroutine.yield()
end

local function sleep(seconds)
  sleepers[coroutine.running()] = socket.gettime() + seconds
  coroutine.yield()
end

local function receive(client, pattern)
  local text = ""
  repeat
    local data, err, partial = client:receive(pattern, text)
    if data then
      return data
    end
    text = partial
    if err == "timeout" then
      wait_in(readers, client)
    end
  until err ~= "timeout"
end

local function send(client, bytes)
  local from = 1
  while from <= #bytes do
    local last, err, partial = client:send(bytes, from)
    if err and err ~= "timeout" then
      return false
    end
    from = (last or partial) + 1
    if err then
      wait_in(writers, client)
    end
  end
  return true
end

local function read_request(client)
  local lines, length = {}, 0
  repeat
    local line = receive(client, "*l")
    if not line then
      return
    end
    lines[#lines + 1] = line
    length = tonumber(line:lower():match("^content%-length:%s*(%d+)")) or length
  until line == ""
  local body = length > 0 and receive(client, length) or ""
  local path = lines[1]:match("^%S+ (%S+)")
  seen[path] = (seen[path] or 0) + 1
  return { path = path, head = table.concat(lines, "\r\n"), body = body }
end

local function with_length(body)
  return "HTTP/1.1 200 OK\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

-- What the text of a request may do with its connection.
local function actions(client, request)
  local open = true
  local env = { connection = connections, request = request.head .. request.body }
  function env.send(bytes)
    send(client, bytes)
  end
  function env.answer(body)
    send(client, with_length(tostring(body)))
  end
  function env.drip(bytes, seconds)
    for byte in bytes:gmatch(".") do
      if not send(client, byte) then
        break
      end
      sleep(seconds)
    end
  end
  function env.forever(bytes)
    local block = bytes:rep(math.ceil(8192 / #bytes))
    repeat local sent = send(client, block) until not sent
  end
  function env.sleep(seconds)
    sleep(seconds)
  end
  function env.mark(name)
    seen[name] = (seen[name] or 0) + 1
  end
  function env.stall()
    receive(client, 1)
  end
  function env.read()
    read_request(client)
  end
  function env.close()
    open = false
  end
  function env.half_close()
    client:shutdown("send")
  end
  function env.reset()
    client:setoption("linger", { on = true, timeout = 0 })
    open = false
  end
  env.rep = string.rep
  return env, function()
    return open
  end
end

local function play(client, request)
  last_head = request.head
  local env, is_open = actions(client, request)
  assert(load(request.body, "request", "t", env))()
  return is_open()
end

local function serve(client)
  client:settimeout(0)
  client:setoption("tcp-nodelay", true) -- what is sent has come when the client is told so
  connections = connections + 1
  local open = true
  while open do
    local request = read_request(client)
    if not request then
      break
    end
    local name = request.path:match("^/seen(/.+)")
    if request.path == "/stop" then
      os.exit(0, true)
    elseif name then
      open = send(client, with_length(tostring(seen[name] or 0)))
    elseif request.path == "/last" then
      open = send(client, with_length(last_head))
    else
      open = play(client, request)
    end
  end
  client:close()
end

local function resume(task)
  local ok, err = coroutine.resume(task)
  if not ok then
    io.stderr:write("fault server: ", err, "\n")
  end
end

local function wake(queue, ready)
  for _, client in ipairs(ready) do
    local task = queue[client]
    queue[client] = nil
    if task then
      resume(task)
    end
  end
end

local function keys(queue)
  local list = {}
  for client in pairs(queue) do
    list[#list + 1] = client
  end
  return list
end

local function wake_sleepers(now)
  local due = {}
  for task, time in pairs(sleepers) do
    if time <= now then
      due[#due + 1] = task
    end
  end
  for _, task in ipairs(due) do
    sleepers[task] = nil
    resume(task)
  end
  return #due
end

local function accept()
  local client = listener:accept()
  if client then
    resume(coroutine.create(function()
      serve(client)
    end))
  end
end

local last_event = socket.gettime()
while socket.gettime() - last_event < IDLE do
  local wanted = keys(readers)
  wanted[#wanted + 1] = listener
  local readable, writable = socket.select(wanted, keys(writers), next(sleepers) and 0.01 or 1)
  if #readable + #writable + wake_sleepers(socket.gettime()) > 0 then
    last_event = socket.gettime()
  end
  if readable[listener] then
    accept()
  end
  wake(readers, readable)
  wake(writers, writable)
end
