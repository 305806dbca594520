-- Starts an nginx whose worker runs what a spec sends it, with a name server of its own. Both
-- inherit their sockets, and end when the process that started them does.

local certificates = require "spec.hub.certificates"
local cjson = require "cjson"
local ltn12 = require "ltn12"
local nginx = require "spec.nginx"
local socket = require "socket"
local http = require "socket.http"

local TIMEOUT = 30 -- seconds in which a run must have ended
local PORTS = {
  "port", "bare_port", "plain_port", "good_port", "chain_port", "shallow_port", "phases_port",
  "phases_tls_port",
}

local START_NAMES = [[
unset LUA_PATH LUA_CPATH LD_PRELOAD; exec lua5.4 '%s/spec/transport/nginx/names.lua' %d]]

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

-- Listens at all ports, and tells them.
local function listen(server)
  for _, name in ipairs(PORTS) do server[name] = server._nginx:listen(name) end
  server.ipv6_port = server._nginx:listen("ipv6_port", "::1")
end

-- Gives its port.
local function start_names(server)
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  local _, port = udp:getsockname()
  server._names = io.popen(START_NAMES:format(server._nginx.root, udp:getfd()), "w")
  udp:close()
  return ("%d"):format(port)
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

function Server:error_log() return self._nginx:error_log() end

--- Ends both and waits until they are gone.
function Server:stop()
  self._nginx:stop()
  self._names:close()
end

--- Runs Lua text in each worker, in a timer; gives what it returned, in a list.
function Server:run_everywhere(text)
  return self:run(("return everywhere(%q)"):format(text))
end

local function is_running(pid)
  local ok = os.execute(("kill -0 %d 2>/dev/null"):format(pid))
  return ok == true or ok == 0 -- the second is Lua 5.1's
end

--- Lets nginx read its configuration again, and waits until all workers are new.
function Server:reload()
  local before = self:run_everywhere "return ngx.worker.pid()"
  os.execute(("kill -HUP %d"):format(self._nginx:pid()))
  for _, pid in ipairs(before) do
    local deadline = socket.gettime() + TIMEOUT
    while is_running(pid) do
      assert(socket.gettime() < deadline, "an old worker goes on")
      socket.sleep(0.01)
    end
  end
end

--- Starts them.
---@param faults_url string  of a fault server
---@param authority string   a PEM file that is trusted besides the server's own
---@param workers integer?   default 1
local function start(faults_url, authority, workers)
  local server = setmetatable({ _nginx = nginx.new "transport-nginx" }, Server)
  local folder, root = server._nginx.folder, server._nginx.root
  certificates.make(folder)
  os.execute(MAKE_CHAIN:format(folder, authority))
  listen(server)
  local ipv6_port = server.ipv6_port
  server._nginx:start("spec/transport/nginx/nginx.conf", {
    names_port = start_names(server), faults_url = faults_url,
    workers = workers or 1,
    library = os.getenv "COVERAGE" or root, -- spec/coverage/run has a copy of it
    listen_ipv6 = ipv6_port and ("listen [::1]:%d;"):format(ipv6_port) or "",
  }, "plain_port", "/")
  return server
end

return { start = start }
