-- Starts the benchmark's own server and the trust in it. nginx inherits its listening sockets and
-- ends when the process that started it does.

local certificates = require "spec.hub.certificates"
local shell = require "spec.bench.shell"
local socket = require "socket"

local PORTS = { "http", "https", "https_20ms", "https_50ms" }
local MODULE_FOLDERS = {
  "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules",
}
local COMMAND = [[
unset LUA_PATH LUA_CPATH; PATH=$PATH:/usr/sbin NGINX='%s' \
exec setsid taskset -c %s nginx -p '%s/' -e error.log -c nginx.conf >'%s/output.log' 2>&1]]

-- Writes certs/: a copy of the system's roots and one more, as bundle and by hash.
local TRUST = [[
cd '%s' && cp -a /etc/ssl/certs certs
cat ca.pem >>certs/ca-certificates.crt
cp ca.pem certs/$(openssl x509 -noout -hash -in ca.pem).0]]

local function modules_folder()
  for _, folder in ipairs(MODULE_FOLDERS) do
    local file = io.open(folder .. "/ngx_http_lua_module.so")
    if file then
      file:close()
      return folder
    end
  end
  error "nginx's Lua module was not found; Debian has it in libnginx-mod-http-lua"
end

---@class bench.Server
---@field urls table<string, string> by the names in PORTS
local Server = {}
Server.__index = Server

--- Ends nginx and waits until it is gone.
function Server:stop()
  os.execute("kill " .. shell.read(self._folder .. "/nginx.pid"))
  self._process:close()
end

local function listen(values)
  local listeners, descriptors, urls = {}, {}, {}
  for index, name in ipairs(PORTS) do
    local listener = assert(socket.bind("127.0.0.1", 0, 511))
    local _, port = listener:getsockname()
    values[name] = ("%d"):format(port)
    listeners[index], descriptors[index] = listener, ("%d;"):format(listener:getfd())
    urls[name] = ("%s://127.0.0.1:%d"):format(name:match "^%a+", port)
  end
  return listeners, table.concat(descriptors), urls
end

--- Makes a certificate authority, and a copy of the system's roots with it, in folder/certs.
---@param folder string
local function make_trust(folder)
  certificates.make(folder)
  assert(os.execute(TRUST:format(folder)))
end

--- Starts the server.
---@param folder string where make_trust wrote
---@param cpu string the CPU it runs on
---@return bench.Server
local function start(folder, cpu)
  local values = {
    modules = modules_folder(), root = shell.output "pwd",
    -- A worker of another user could not read the folder.
    user = shell.output "id -u" == "0" and "user root;" or "",
  }
  local listeners, descriptors, urls = listen(values)
  local text = shell.read "spec/bench/nginx.conf"
  shell.write(folder .. "/nginx.conf", (text:gsub("%${([%w_]+)}", values)))
  local process = assert(io.popen(COMMAND:format(descriptors, cpu, folder, folder), "w"))
  for _, listener in ipairs(listeners) do listener:close() end
  return setmetatable({ urls = urls, _folder = folder, _process = process }, Server)
end

return { start = start, make_trust = make_trust }
