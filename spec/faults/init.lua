-- The misbehaving peers of the transport specs: started as child processes, on ports that the
-- system chose, and stopped by whoever started them.
local nginx = require "spec.nginx"
local socket = require "socket"

local function run(command)
  local ok = os.execute(command)
  assert(ok == true or ok == 0, command)
end

local function read(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- A port of 127.0.0.1 at which nobody listens.
local function free_ports(count)
  local sockets, ports = {}, {}
  for i = 1, count do
    sockets[i] = assert(socket.bind("127.0.0.1", 0))
    ports[i] = tonumber((select(2, sockets[i]:getsockname())))
  end
  for i = 1, count do
    sockets[i]:close()
  end
  return ports
end

local HEADERS = rawget(_G, "jit") and "luajit-2.1" or _VERSION:lower():gsub(" ", "")

-- The modules load these themselves, but only what was preloaded finds its like in them.
local LIBRARIES = { refusals = "-Wl,--no-as-needed -lcrypto -lcurl" }

-- Compiles spec/faults/NAME.c; the caller removes the file.
local function compile(name)
  local path = os.tmpname()
  run(("cc -std=c99 -shared -fPIC -I/usr/include/%s -o %s spec/faults/%s.c %s")
    :format(HEADERS, path, name, LIBRARIES[name] or ""))
  return path
end

-- The command line that runs a script with this interpreter and these modules.
local function interpreter()
  local first = -1
  while arg[first - 1] do
    first = first - 1
  end
  return ("LUA_PATH='%s' LUA_CPATH='%s' %s"):format(package.path, package.cpath, arg[first])
end

-- Runs Lua text in a process of its own, where the preloaded library makes the system less kind;
-- gives what it printed.
local function run_in(library, settings, text)
  local script = os.tmpname()
  write(script, text)
  local output = read(("env --default-signal=PIPE ASAN_OPTIONS=verify_asan_link_order=0 "
    .. "LD_PRELOAD=%s %s %s %s 2>&1; echo exit $?")
    :format(library, settings, interpreter(), script))
  os.remove(script)
  return output
end

local Server = {}
Server.__index = Server

local function start_server()
  local pipe = assert(io.popen("exec lua5.4 spec/faults/server.lua"))
  local port = tonumber(pipe:read("*l"))
  return setmetatable({ pipe = pipe, port = port, url = "http://127.0.0.1:" .. port }, Server)
end

function Server:ask(path)
  local client = assert(socket.connect("127.0.0.1", self.port))
  client:send("GET " .. path .. " HTTP/1.1\r\n\r\n")
  local length
  repeat
    local line = client:receive("*l")
    length = line and tonumber(line:match("^Content%-Length: (%d+)")) or length
  until not line or line == ""
  local body = length == 0 and "" or length and client:receive(length)
  client:close()
  return body
end

function Server:seen(name)
  return tonumber(self:ask("/seen" .. name))
end

-- The head of the last request.
function Server:last()
  return self:ask("/last")
end

function Server:stop()
  self:ask("/stop")
  self.pipe:close()
end

-- Certificates for 127.0.0.1 and localhost, and nginx to show them, each at a port of its own.
local SERVER = [[
  server {
    listen 127.0.0.1:%d ssl;
    ssl_certificate %s.pem;
    ssl_certificate_key key.pem;
    %s
    location / { return 200 "$connection $ssl_session_reused"; }
  }
]]

local OPENSSL_CA = [[
[ca]
default_ca = own
[own]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
]]

local MAKE_CERTIFICATES = [[
here=subjectAltName=IP:127.0.0.1,DNS:localhost
cd %s && exec 2>openssl.log && touch index.txt &&
openssl ecparam -name prime256v1 -genkey -noout -out key.pem &&
openssl req -x509 -new -key key.pem -subj /CN=ca -days 2 -out ca.pem &&
openssl ecparam -name prime256v1 -genkey -noout -out strange-key.pem &&
openssl req -x509 -new -key strange-key.pem -subj /CN=strange -days 2 -out strange-ca.pem &&
openssl req -x509 -new -key key.pem -subj /CN=self -addext $here -days 2 -out self_signed.pem &&
openssl req -new -key key.pem -subj /CN=here -addext $here -out here.csr &&
openssl req -new -key key.pem -subj /CN=there -addext subjectAltName=DNS:other.test \
  -out there.csr &&
openssl ca -batch -config ca.cnf -cert ca.pem -keyfile key.pem -days 2 -notext \
  -in here.csr -out good.pem &&
openssl ca -batch -config ca.cnf -cert ca.pem -keyfile key.pem -days 2 -notext \
  -in there.csr -out wrong_name.pem &&
openssl ca -batch -config ca.cnf -cert strange-ca.pem -keyfile strange-key.pem -days 2 -notext \
  -subj /CN=far -in here.csr -out unknown.pem && cp good.pem old.pem &&
openssl ca -batch -config ca.cnf -cert ca.pem -keyfile key.pem -notext \
  -startdate 20200101000000Z -enddate 20210101000000Z -subj /CN=late -in here.csr \
  -out expired.pem &&
mkdir hashed && cp ca.pem hashed/$(openssl x509 -hash -noout -in ca.pem).0
]]

local CERTIFICATES = { "good", "wrong_name", "expired", "self_signed", "unknown", "old" }

-- What their servers have besides: no version of TLS that is still in use.
local DIRECTIVES = {
  old = "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;",
}

local Tls = {}
Tls.__index = Tls

function Tls:url(name)
  return "https://127.0.0.1:" .. self.ports[name] .. "/"
end

function Tls:stop()
  local client = assert(socket.connect("127.0.0.1", self.ports.abrupt))
  client:send("stop")
  self._abrupt:close()
  client:close()
  self._nginx:stop()
end

-- The port of a server that hangs up without close_notify, and its process.
local function start_abrupt(folder)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  local process = assert(io.popen(("exec python3 spec/faults/abrupt.py %s >&%d")
    :format(folder, listener:getfd()), "w"))
  listener:close()
  return tonumber(port), process
end

local function start_tls()
  local server, servers = nginx.new "tls", {}
  local folder = server.folder
  server:write("ca.cnf", OPENSSL_CA)
  run(MAKE_CERTIFICATES:format(folder))
  for i, name in ipairs(CERTIFICATES) do
    servers[i] = SERVER:format(server:listen(name), name, DIRECTIVES[name] or "")
  end
  server:start("spec/faults/tls.conf", { servers = table.concat(servers) }, "good", "/")
  local ports = server.ports
  local port, abrupt = start_abrupt(folder)
  ports.abrupt = port
  return setmetatable({
    folder = folder, ports = ports, ca = folder .. "/ca.pem", _nginx = server, _abrupt = abrupt,
  }, Tls)
end

return {
  compile = compile,
  free_ports = free_ports,
  read = read,
  run_in = run_in,
  start_server = start_server,
  start_tls = start_tls,
}
