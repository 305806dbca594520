-- Starts the local Migration Hub for specs and scripts, and speaks to its control door.
--   local hub = require("spec.hub.server").start { seed = "spec/hub/demo.json" }
-- nginx inherits its listening sockets, so no port can be lost between choosing and using it,
-- and reads a pipe that we hold: it ends when we end, however we do.

local certificates = require "spec.hub.certificates"
local cjson = require "cjson"
local ltn12 = require "ltn12"
local seeds = require "spec.hub.seed"
local socket = require "socket"
local http = require "socket.http"

local CONTROL_TIMEOUT = 10 -- seconds; also the time in which nginx must come up
local DEFAULT_SEED = "spec/hub/demo.json"
local MODULE_FOLDERS = {
  "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules",
}
-- A shell that becomes nginx. The caller's Lua paths and preloaded sanitizers are not for nginx.
-- $NGINX is nginx's own way to take over listening sockets, by their descriptors. In a session of
-- its own it does not hear the Ctrl-C that is for us.
local COMMAND = [[
unset LUA_PATH LUA_CPATH LD_PRELOAD; PATH=$PATH:/usr/sbin NGINX=%s \
exec setsid nginx -p %s -e error.log -c nginx.conf >%s 2>&1]]

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
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

local function project_folder()
  local folder = debug.getinfo(1, "S").source:match("^@(.*)spec/hub/server%.lua$")
  return output_of("cd " .. quote(folder == "" and "." or folder) .. " && pwd")
end

local function modules_folder()
  for _, folder in ipairs(MODULE_FOLDERS) do
    if read(folder .. "/ngx_http_lua_module.so") then return folder end
  end
  error("nginx's Lua module was not found; Debian has it in libnginx-mod-http-lua")
end

local function configuration(root, folder, ports, locations)
  local values = {
    modules = modules_folder(),
    -- A worker of another user could not read the folder.
    user = output_of("id -u") == "0" and "user root;" or "",
    root = root,
    folder = folder,
    port = ports.http,
    https_port = ports.https,
    locations = locations and assert(read(root .. "/" .. locations)) or "",
  }
  return (read(root .. "/spec/hub/nginx.conf"):gsub("%${(%w+[_%w]*)}", values))
end

local function listen()
  local listener = assert(socket.bind("127.0.0.1", 0, 511))
  local _, port = listener:getsockname()
  return listener, math.floor(port)
end

local function spawn(folder, listeners)
  local descriptors = {}
  for index, listener in ipairs(listeners) do
    descriptors[index] = ("%d;"):format(listener:getfd())
  end
  local command = COMMAND:format(
    quote(table.concat(descriptors)), quote(folder .. "/"), quote(folder .. "/output.log"))
  local process = assert(io.popen(command, "w"))
  for _, listener in ipairs(listeners) do listener:close() end
  return process
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
function Hub:save(path) write(path, self:_control("save", "")) end

--- The updates of a task in the seed's first account.
function Hub:updates(stream, task) return seeds.updates(seeds.task(self.seed, stream, task)) end

function Hub:error_log()
  local log, output = read(self._folder .. "/error.log"), read(self._folder .. "/output.log")
  return (log or "") .. (output or "")
end

--- Ends nginx and waits until it is gone. Stopping twice is fine.
function Hub:stop()
  if not self._process then return end
  local pid = tonumber(read(self._folder .. "/nginx.pid"))
  if pid then os.execute(("kill %d 2>/dev/null"):format(pid)) end
  self._process:close()
  self._process = nil
  os.execute("rm -rf " .. quote(self._folder))
end

local function describe(hub, seed, ports)
  local key = seed.accounts[1].keys[1]
  hub.seed = seed
  hub.endpoint = ("http://127.0.0.1:%d"):format(ports.http)
  hub.https_endpoint = ("https://127.0.0.1:%d"):format(ports.https)
  hub.ca_file = hub._folder .. "/ca.pem"
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

-- The sockets listen already: the first request waits in their queue until nginx is up, and is
-- refused at once when nginx is not coming.
local function await(hub)
  local answer, problem = exchange(hub.endpoint .. "/_hub/ready")
  if answer then return end
  local log = hub:error_log()
  hub:stop()
  error(("the local hub did not come up (%s); nginx says:\n%s"):format(problem, log), 3)
end

--- Starts a hub.
---@param options table? seed: the path of a seed file, or a seed as a table; locations: the path of
---further locations for nginx to serve beside it
local function start(options)
  local seed = options and options.seed or DEFAULT_SEED
  local text = type(seed) == "table" and cjson.encode(seed) or read(seed)
  if not text then error("no such seed: " .. tostring(seed), 2) end
  local hub = setmetatable({ _folder = output_of "mktemp -d -t migration-hub.XXXXXX" }, Hub)
  certificates.make(hub._folder)
  write(hub._folder .. "/seed.json", text)
  local plain, plain_port = listen()
  local tls, tls_port = listen()
  local ports = { http = plain_port, https = tls_port }
  write(hub._folder .. "/nginx.conf", configuration(
    project_folder(), hub._folder, ports, options and options.locations))
  describe(hub, cjson.decode(text), ports)
  hub._process = spawn(hub._folder, { plain, tls })
  await(hub)
  return hub
end

return { start = start }
