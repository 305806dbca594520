-- Starts the benchmark's own server and the trust in it.

local certificates = require "spec.hub.certificates"
local nginx = require "spec.nginx"

local PORTS = { "http", "https", "https_20ms", "https_50ms" }

-- Writes certs/: a copy of the system's roots and one more, as bundle and by hash.
local TRUST = [[
cd '%s' && cp -a /etc/ssl/certs certs
cat ca.pem >>certs/ca-certificates.crt
cp ca.pem certs/$(openssl x509 -noout -hash -in ca.pem).0]]

---@class bench.Server
---@field folder string with the trust, in certs/
---@field urls table<string, string> by the names in PORTS
local Server = {}
Server.__index = Server

--- Ends nginx and waits until it is gone, with its folder.
function Server:stop() self._nginx:stop() end

--- Makes a certificate authority and a copy of the system's roots with it, and starts the server.
---@param cpu string the CPU it runs on
---@return bench.Server
local function start(cpu)
  local server = nginx.new "migration-hub-bench"
  local urls = {}
  certificates.make(server.folder)
  assert(os.execute(TRUST:format(server.folder)))
  for _, name in ipairs(PORTS) do
    urls[name] = ("%s://127.0.0.1:%d"):format(name:match "^%a+", server:listen(name))
  end
  server:start("spec/bench/nginx.conf", {}, "http", "/ready", "taskset -c " .. cpu)
  return setmetatable({ folder = server.folder, urls = urls, _nginx = server }, Server)
end

return { start = start }
