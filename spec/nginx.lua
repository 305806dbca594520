-- Starts an nginx for specs and scripts, from a configuration in which ${name} stands for what is
-- known only then. It inherits its listening sockets, so that no port can be lost between choosing
-- and using it, and it ends when we end, however we do.
--   local server = require("spec.nginx").new "some-name"
--   server:listen "port"
--   server:start("spec/some/nginx.conf", { word = "value" }, "port", "/ready")

local socket = require "socket"

-- Seconds in which it must come up. To seed a hub with a hundred thousand updates takes one start
-- in thirty ten times as long: LuaJIT hashes a few places of a long string, as chance has it.
local TIMEOUT = 60
local MODULE_FOLDERS = {
  "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules",
}
-- The shell ends nginx when nobody holds the other end of its input any more, and itself when nginx
-- has ended, since it holds the listening sockets too. $NGINX is nginx's own way to take these
-- over, by their descriptors. The caller's Lua paths and preloaded sanitizers are not for nginx,
-- nor is the Ctrl-C that is for us: hence a session of its own.
local COMMAND = [[
unset LUA_PATH LUA_CPATH LD_PRELOAD; exec setsid sh -c '
  { PATH=$PATH:/usr/sbin NGINX=$1 $2 nginx -p "$0/" -e error.log -c nginx.conf \
      >"$0/output.log" 2>&1
    kill $$; } &
  read -r line
  until nginx=$(cat "$0/nginx.pid") && [ "$nginx" ]; do sleep 0.1; done 2>/dev/null
  trap "" TERM; rm -rf "$0"; kill $nginx; wait
' %s %s %s]]

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local function output_of(command)
  local process = assert(io.popen(command))
  local text = process:read("*a"):gsub("%s+$", "")
  process:close()
  return text
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function project_folder()
  local folder = debug.getinfo(1, "S").source:match "^@(.*)spec/nginx%.lua$"
  return output_of("cd " .. quote(folder == "" and "." or folder) .. " && pwd")
end

local function modules_folder()
  for _, folder in ipairs(MODULE_FOLDERS) do
    if read(folder .. "/ngx_http_lua_module.so") then return folder end
  end
  error "nginx's Lua module was not found; Debian has it in libnginx-mod-http-lua"
end

---@class spec.Nginx
---@field folder string where it runs; gone when it has ended
---@field root string   the project's folder
---@field ports table<string, integer> by name
local Nginx = { __name = "spec.nginx" }
Nginx.__index = Nginx

--- Listens at a port that the system chooses; ${name} in the configuration.
---@param name string
---@param address string? 127.0.0.1 by default
---@return integer? port nil when there is no such address
function Nginx:listen(name, address)
  local listener = socket.bind(address or "127.0.0.1", 0, 511)
  if not listener then return nil end
  table.insert(self._listeners, listener)
  self.ports[name] = math.floor(tonumber((select(2, listener:getsockname()))))
  return self.ports[name]
end

--- The text of a file in its folder; nil when there is none.
---@param name string
---@return string?
function Nginx:read(name) return read(self.folder .. "/" .. name) end

---@param name string
---@param text string
function Nginx:write(name, text)
  local file = assert(io.open(self.folder .. "/" .. name, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function fill(server, template, words)
  local values = {
    modules = modules_folder(),
    -- A worker of another user could not read the folder.
    user = output_of "id -u" == "0" and "user root;" or "",
    root = server.root,
    folder = server.folder,
  }
  for name, port in pairs(server.ports) do values[name] = port end
  for name, word in pairs(words) do values[name] = word end
  return (template:gsub("%${([%w_]+)}", values))
end

local function spawn(server, prefix)
  local descriptors = {}
  for index, listener in ipairs(server._listeners) do
    descriptors[index] = ("%d;"):format(listener:getfd())
  end
  server._process = assert(io.popen(COMMAND:format(
    quote(server.folder), quote(table.concat(descriptors)), quote(prefix)), "w"))
  for _, listener in ipairs(server._listeners) do listener:close() end
  server._listeners = {}
end

-- The sockets listen already: the first request waits in their queue until nginx is up, and is
-- refused at once when nginx is not coming.
local function await(server, port, path)
  local connection = assert(socket.tcp())
  connection:settimeout(TIMEOUT)
  connection:connect("127.0.0.1", server.ports[port])
  connection:send(("GET %s HTTP/1.0\r\n\r\n"):format(path))
  local line, problem = connection:receive "*l"
  connection:close()
  if line then return end
  local log = server:error_log()
  server:stop()
  error(("nginx did not come up (%s); it says:\n%s"):format(problem, log), 0)
end

--- Starts it and waits until it answers.
---@param configuration string path of a file of the project
---@param words table<string, string|integer> more that stands as ${name} in it
---@param port string name of the port that is asked for
---@param path string that something is to be answered to
---@param prefix string? a command that is to run it
function Nginx:start(configuration, words, port, path, prefix)
  local template = assert(read(self.root .. "/" .. configuration))
  self:write("nginx.conf", fill(self, template, words))
  spawn(self, prefix or "")
  await(self, port, path)
end

---@return integer of the master process
function Nginx:pid() return math.floor(tonumber((self:read "nginx.pid"))) end

---@return string log what nginx said, its first words too
function Nginx:error_log()
  return (self:read "error.log" or "") .. (self:read "output.log" or "")
end

--- Ends it and waits until it is gone, with its folder. Stopping twice is fine.
function Nginx:stop()
  if self._process then self._process:close() end
  self._process = nil
  os.execute("rm -rf " .. quote(self.folder))
end

--- An nginx that is not started yet.
---@param name string what its folder is called
---@return spec.Nginx
local function new(name)
  return setmetatable({
    folder = output_of(("mktemp -d -t %s.XXXXXX"):format(name)), root = project_folder(),
    ports = {}, _listeners = {},
  }, Nginx)
end

return { new = new }
