-- Starts the dashboard: nginx with the configuration beside this file. It ends with the process
-- that started it, and inherits its listening socket: a port that was free stays its own.

local socket = require "socket"

local LISTEN = "127.0.0.1:0" -- port 0: the system chooses
local INTERVAL = 10 -- seconds between two polls
local TIMEOUT = 10 -- seconds in which nginx must come up
local MODULE_FOLDERS = {
  "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules",
}
local AUTHORITIES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
}
-- The shell ends nginx when nobody holds the other end of its input any more, and itself when nginx
-- does not come up. In a session of its own it does not hear the Ctrl-C that is for us.
local COMMAND = [[
exec setsid sh -c '
  unset LUA_PATH LUA_CPATH LD_PRELOAD; cd "$0" || exit
  { PATH=$PATH:/usr/sbin NGINX="%d;" nginx -p "$0/" -e error.log -c nginx.conf >output.log 2>&1
    kill $$; } &
  read -r line; trap "" TERM; kill $(cat nginx.pid); wait
' %s]]

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function output_of(command)
  local process = assert(io.popen(command))
  local text = process:read("*a"):gsub("%s+$", "")
  process:close()
  return text
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function first_there(paths, problem)
  for _, path in ipairs(paths) do
    if read(path) then return path end
  end
  error(problem, 0)
end

local function modules_folder()
  local paths = {}
  for _, folder in ipairs(MODULE_FOLDERS) do
    table.insert(paths, folder .. "/ngx_http_lua_module.so")
  end
  return first_there(paths,
    "nginx's Lua module was not found; Debian has it in libnginx-mod-http-lua"):match "(.*)/"
end

local function name_servers()
  local servers = {}
  for server in (read "/etc/resolv.conf" or ""):gmatch "nameserver%s+(%S+)" do
    table.insert(servers, server:find ":" and "[" .. server .. "]" or server)
  end
  return #servers > 0 and table.concat(servers, " ") or "127.0.0.1"
end

local function root_folder()
  local folder = debug.getinfo(1, "S").source:match "^@(.*)examples/dashboard/server%.lua$"
  return output_of("cd " .. quote(folder == "" and "." or folder) .. " && pwd")
end

local function listen(place)
  local address, port = place:match "^%[?(.-)%]?:(%d+)$"
  if not address then error("not an ADDRESS:PORT: " .. place, 0) end
  local listener, problem = socket.bind(address, tonumber(port), 511)
  if not listener then error(("cannot listen at %s: %s"):format(place, problem), 0) end
  address = address:find ":" and "[" .. address .. "]" or address
  return listener, ("%s:%d"):format(address, (select(2, listener:getsockname())))
end

local function configuration(place, options, environment)
  local root = root_folder()
  local values = {
    modules = modules_folder(),
    -- A worker of another user could not read the folder.
    user = output_of "id -u" == "0" and "user root;" or "",
    root = root,
    examples = root .. "/examples",
    listen = place,
    names = "localhost 127.0.0.1 [::1] " .. table.concat(options.names or {}, " "),
    resolver = name_servers(),
    trusted = environment.AWS_CA_BUNDLE or os.getenv "AWS_CA_BUNDLE"
      or first_there(AUTHORITIES, "no list of trusted authorities; name one in AWS_CA_BUNDLE"),
    interval = options.interval or INTERVAL,
  }
  return (read(root .. "/examples/dashboard/nginx.conf"):gsub("%${(%w+)}", values))
end

local function assignments(environment)
  local words = { "unset AWS_CA_BUNDLE" } -- what it says stands in the configuration
  for name, value in pairs(environment) do
    if name ~= "AWS_CA_BUNDLE" then
      table.insert(words, ("export %s=%s"):format(name, quote(value)))
    end
  end
  return table.concat(words, "; ")
end

local Server = {}
Server.__index = Server

function Server:error_log()
  return (read(self.folder .. "/error.log") or "") .. (read(self.folder .. "/output.log") or "")
end

--- Ends it and waits until it is gone. Stopping twice is fine.
function Server:stop()
  if not self._process then return end
  self._process:close()
  self._process = nil
  os.execute("rm -rf " .. quote(self.folder))
end

-- The socket listens already: what is asked waits in its queue until nginx is up, and is refused
-- when nginx is not coming.
local function await(server, port)
  local connection = assert(socket.tcp())
  connection:settimeout(TIMEOUT)
  local address = server.place:match "^%[?(.-)%]?:%d+$"
  local unspecified = { ["0.0.0.0"] = "127.0.0.1", ["*"] = "127.0.0.1", ["::"] = "::1" }
  connection:connect(unspecified[address] or address, port)
  connection:send "GET / HTTP/1.0\r\n\r\n"
  local line = connection:receive "*l"
  connection:close()
  if line then return end
  local log = server:error_log()
  server:stop()
  error("the dashboard did not come up; nginx says:\n" .. log, 0)
end

--- Starts a dashboard.
---@param options table? listen: ADDRESS:PORT; names: those it answers to besides localhost;
---interval: seconds between two polls; environment: AWS_… variables in the place of ours
local function start(options)
  options = options or {}
  local environment = options.environment or {}
  local listener, place = listen(options.listen or LISTEN)
  local port = place:match "%d+$"
  local server = setmetatable({
    place = place, url = ("http://%s/"):format(place),
    folder = output_of "mktemp -d -t dashboard.XXXXXX",
  }, Server)
  write(server.folder .. "/nginx.conf", configuration(place, options, environment))
  server._process = assert(io.popen(assignments(environment) .. "\n"
    .. COMMAND:format(listener:getfd(), quote(server.folder)), "w"))
  listener:close()
  await(server, port)
  return server
end

return { start = start }
