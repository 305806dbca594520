-- Starts the local Migration Hub for specs and scripts, and speaks to its control door.
--   local hub = require("spec.hub.server").start { seed = "spec/hub/demo.json" }
-- It ends when we end, however we do.

local certificates = require "spec.hub.certificates"
local cjson = require "cjson"
local ltn12 = require "ltn12"
local nginx = require "spec.nginx"
local seeds = require "spec.hub.seed"
local socket = require "socket"
local http = require "socket.http"

local CONTROL_TIMEOUT = 10 -- seconds
local DEFAULT_SEED = "/spec/hub/demo.json"

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local function connect_soon()
  local connection = assert(socket.tcp())
  connection:settimeout(CONTROL_TIMEOUT)
  return connection
end

local function exchange(url, body)
  local parts = {}
  local done, status = http.request {
    url = url,
    method = body and "POST" or "GET",
    headers = body and { ["content-length"] = #body },
    source = body and ltn12.source.string(body),
    sink = ltn12.sink.table(parts),
    create = connect_soon,
  }
  if not done then return nil, status end
  local answer = table.concat(parts)
  if status ~= 200 then return nil, answer end
  return answer
end

local Hub = {}
Hub.__index = Hub
Hub.__name = "spec.hub.server"

function Hub:_control(action, body)
  local answer, problem = exchange(self.endpoint .. "/_hub/" .. action, body)
  if not answer then error(("the hub refused %s: %s"):format(action, problem), 3) end
  return answer
end

--- Asks what a further location serves; posts when there is a body.
function Hub:ask(path, body)
  local answer, problem = exchange(self.endpoint .. path, body)
  if not answer then error(("%s: %s"):format(path, problem), 2) end
  return answer
end

--- Spoils coming requests; spec/hub/README.md lists the ways.
---@param entries table one misbehaviour or a list of them
function Hub:misbehave(entries) self:_control("misbehave", cjson.encode(entries)) end

--- Back to the seed: no misbehaviour, nothing seen.
function Hub:reset() self:_control("reset", "") end

--- What the hub saw since the last reset.
---@return table requests see the README
function Hub:requests() return cjson.decode(self:_control "requests") end

--- All that the hub holds now, as a seed that another hub may start with.
function Hub:state() return cjson.decode(self:_control("save", "")) end

--- Writes that seed to a file.
function Hub:save(path)
  local file = assert(io.open(path, "wb"))
  assert(file:write((self:_control("save", ""))))
  assert(file:close())
end

--- The updates of a task in the seed's first account.
function Hub:updates(stream, task) return seeds.updates(seeds.task(self.seed, stream, task)) end

function Hub:error_log() return self._nginx:error_log() end

--- Ends nginx and waits until it is gone. Stopping twice is fine.
function Hub:stop() self._nginx:stop() end

-- For a client inside nginx, which verifies names only, by its own configuration's authorities.
local function describe_inside_nginx(hub)
  hub.https_endpoint = hub.https_endpoint:gsub("127.0.0.1", "localhost")
  hub.ca_file = nil
end

local function describe(hub, seed)
  local key, ports = seed.accounts[1].keys[1], hub._nginx.ports
  hub.seed = seed
  hub.endpoint = ("http://127.0.0.1:%d"):format(ports.port)
  hub.https_endpoint = ("https://127.0.0.1:%d"):format(ports.https_port)
  hub.ca_file = hub._nginx.folder .. "/ca.pem"
  if rawget(_G, "ngx") then describe_inside_nginx(hub) end
  hub.region = seed.region
  hub.access_key_id = key.access_key_id
  hub.secret_access_key = key.secret_access_key
  hub.environment = {
    AWS_ENDPOINT_URL_MIGRATION_HUB = hub.https_endpoint,
    AWS_CA_BUNDLE = hub.ca_file,
    AWS_ACCESS_KEY_ID = key.access_key_id,
    AWS_SECRET_ACCESS_KEY = key.secret_access_key,
    AWS_REGION = seed.region,
    AWS_DEFAULT_REGION = seed.region, -- for botocore
  }
end

-- The path of a file of the project -> what nginx is to serve besides.
local function further_locations(server, path)
  return path and assert(read(server.root .. "/" .. path)) or ""
end

--- Starts a hub.
---@param options table? seed: the path of a seed file, or a seed as a table; locations: the path of
---further locations for nginx to serve beside it
local function start(options)
  options = options or {}
  local server = nginx.new "migration-hub"
  local seed = options.seed or server.root .. DEFAULT_SEED
  local text = type(seed) == "table" and cjson.encode(seed) or read(seed)
  if not text then
    server:stop()
    error("no such seed: " .. tostring(seed), 2)
  end
  certificates.make(server.folder)
  server:write("seed.json", text)
  server:listen "port"
  server:listen "https_port"
  local hub = setmetatable({ _nginx = server }, Hub)
  describe(hub, cjson.decode(text))
  server:start("spec/hub/nginx.conf",
    { locations = further_locations(server, options.locations) }, "port", "/_hub/ready")
  return hub
end

return { start = start }
