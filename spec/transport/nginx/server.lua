-- Starts an nginx whose worker runs what a spec sends it, with a name server of its own. Both
-- inherit their sockets, and end when the process that started them does.
local certificates = require "spec.hub.certificates"
local cjson = require "cjson"
local ltn12 = require "ltn12"
local socket = require "socket"
local http = require "socket.http"

local TIMEOUT = 30 -- seconds in which a run must have ended
local MODULE_FOLDERS = {
  "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules",
}
local PORTS = { "", "bare_", "plain_", "good_", "chain_", "shallow_", "phases_", "phases_tls_" }

local START_NGINX = [[
unset LUA_PATH LUA_CPATH LD_PRELOAD; PATH=$PATH:/usr/sbin NGINX='%s' \
exec nginx -p '%s/' -e error.log -c nginx.conf >'%s/output.log' 2>&1]]
local START_NAMES = "unset LUA_PATH LUA_CPATH LD_PRELOAD; exec lua5.4 %s/names.lua %d"

-- A certificate for localhost at the end of a chain with two authorities in between.
local MAKE_CHAIN = [[
cd '%s' && exec 2>>openssl.log && set -e
printf 'basicConstraints = critical, CA:TRUE\n' >authority.ext
printf 'subjectAltName = DNS:localhost\n' >host.ext
new() { openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
  -subj "/CN=$1" -keyout $1.key -out $1.csr; }
sign() { new $2; openssl x509 -req -in $2.csr -CA $1.pem -CAkey $1.key -days 7 -extfile $3.ext \
  -out $2.pem; }
sign ca upper authority; sign upper lower authority; sign lower chain host
cat lower.pem upper.pem >>chain.pem
cat ca.pem %s >trusted.pem
]]

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

local function modules_folder()
  for _, folder in ipairs(MODULE_FOLDERS) do
    if read(folder .. "/ngx_http_lua_module.so") then return folder end
  end
  error("nginx's Lua module was not found; Debian has it in libnginx-mod-http-lua")
end

local function port_of(listener)
  return math.floor(tonumber((select(2, listener:getsockname()))))
end

-- Listens at all ports, and fills them in.
local function listen(values)
  local listeners = {}
  for _, name in ipairs(PORTS) do
    local listener = assert(socket.bind("127.0.0.1", 0, 511))
    values[name .. "port"] = port_of(listener)
    table.insert(listeners, listener)
  end
  local listener = socket.bind("::1", 0, 511)
  values.ipv6_port = listener and port_of(listener)
  values.listen_ipv6 = listener and ("listen [::1]:%d;"):format(values.ipv6_port) or ""
  table.insert(listeners, listener)
  return listeners
end

local function start_nginx(folder, listeners)
  local descriptors = {}
  for _, listener in ipairs(listeners) do
    table.insert(descriptors, ("%d;"):format(listener:getfd()))
  end
  local process = assert(io.popen(
    START_NGINX:format(table.concat(descriptors), folder, folder), "w"))
  for _, listener in ipairs(listeners) do listener:close() end
  return process
end

local function start_names(values)
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  values.names_port = port_of(udp)
  local process = io.popen(
    START_NAMES:format(values.root .. "/spec/transport/nginx", udp:getfd()), "w")
  udp:close()
  return process
end

local Server = {}
Server.__index = Server

local function create_socket()
  local connection = assert(socket.tcp())
  connection:settimeout(TIMEOUT)
  return connection
end

--- Runs Lua text in the worker, with what app.lua offers; gives what it returns.
---@param where string? a location; "bare:/…" of the other server
function Server:run(text, where)
  local bare, path = (where or "/"):match "^(bare:)(.*)$"
  local parts = {}
  local done, status = http.request {
    url = ("http://127.0.0.1:%d%s"):format(
      bare and self.bare_port or self.port, path or where or "/"),
    method = "POST",
    headers = { ["content-length"] = #text },
    source = ltn12.source.string(text),
    sink = ltn12.sink.table(parts),
    create = create_socket,
  }
  if not done or status ~= 200 then error(("%s: %s"):format(status, self:error_log()), 2) end
  local result = cjson.decode(table.concat(parts))
  local values = result.values
  for index = 1, result.count do
    if values[index] == cjson.null then values[index] = nil end
  end
  if not result.ok then error(values[1], 2) end
  return (table.unpack or unpack)(values, 1, result.count)
end

--- Begins to run Lua text; the connection is the spec's to close.
function Server:open(text)
  local connection = assert(socket.connect("127.0.0.1", self.port))
  assert(connection:send(("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s")
    :format(#text, text)))
  return connection
end

--- Asks for a path of the server of phases, whatever comes of it.
function Server:visit(path)
  local connection = assert(socket.connect("127.0.0.1", self.phases_port))
  connection:settimeout(TIMEOUT)
  assert(connection:send("GET " .. path .. " HTTP/1.0\r\n\r\n"))
  connection:receive "*a"
  connection:close()
end

function Server:error_log()
  return (read(self.folder .. "/error.log") or "") .. (read(self.folder .. "/output.log") or "")
end

--- Ends both and waits until they are gone.
function Server:stop()
  local pid = tonumber(read(self.folder .. "/nginx.pid") or "")
  if pid then os.execute(("kill %d 2>/dev/null"):format(pid)) end
  self._nginx:close()
  self._names:close()
  os.execute("rm -rf '" .. self.folder .. "'")
end

--- Starts them.
---@param faults_url string  of a fault server
---@param authority string   a PEM file that is trusted besides the server's own
local function start(faults_url, authority)
  local folder = output_of "mktemp -d -t transport-nginx.XXXXXX"
  local values = {
    modules = modules_folder(),
    -- A worker of another user could not read the folder.
    user = output_of "id -u" == "0" and "user root;" or "",
    root = output_of "pwd",
    folder = folder,
    faults_url = faults_url,
  }
  certificates.make(folder)
  os.execute(MAKE_CHAIN:format(folder, authority))
  values._names = start_names(values)
  local listeners = listen(values)
  local configuration = read "spec/transport/nginx/nginx.conf":gsub("%${([%w_]+)}", values)
  write(folder .. "/nginx.conf", configuration)
  values._nginx = start_nginx(folder, listeners)
  return setmetatable(values, Server)
end

return { start = start }
