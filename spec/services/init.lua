-- Starts the local hub with the services that credentials come from beside it, and makes clients
-- that live in a world of their own: an environment, a home directory, steady dice.

local cjson = require "cjson"
local client = require "lmigrationhub.client"
local server = require "spec.hub.server"

local PREFIX = "/_services/"
local DICE = 0.01 -- short pauses between attempts

local function run(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function write(path, text)
  run(("mkdir -p '%s'"):format(path:match "^(.*)/"))
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local function iso8601(time) return os.date("!%Y-%m-%dT%H:%M:%SZ", time) end

local Services = { __name = "spec.services" }
Services.__index = Services

function Services:_control(name, body)
  return self.hub:ask(PREFIX .. name, body and cjson.encode(body))
end

--- What a service does at its next requests: entries with any of status, headers, body (instead of
--- its own), delay (seconds), lifetime (seconds, of what it gives), times (1).
---@param service "sts"|"sso"|"oidc"|"signin"|"imds"|"container"
---@param entries table
function Services:plan(service, entries)
  self:_control("plan", { service = service, entries = entries })
end

--- What the services were asked since the last reset: service, action, fields, headers, signer (an
--- access key id), status.
function Services:requests() return cjson.decode(self:_control "requests") end

--- The same in short, of one service or of all: "sts AssumeRole", …
function Services:actions()
  local actions = {}
  for index, request in ipairs(self:requests()) do
    actions[index] = request.service .. " " .. request.action
  end
  return actions
end

--- All keys that the services ever gave.
function Services:keys() return cjson.decode(self:_control "keys") end

--- Ends all these keys.
function Services:expire() self:_control "expire" end

function Services:reset()
  self.hub:reset()
  self:_control "reset"
  run(("rm -rf '%s'"):format(self.home))
end

function Services:stop()
  self.hub:stop()
  run(("rm -rf '%s'"):format(self.home))
end

-- What may stand as ${name} in a scenario's texts.
local function values_of(services)
  local hub, now = services.hub, os.time()
  local values = {
    home = services.home, key = hub.access_key_id, secret = hub.secret_access_key,
    http = hub.endpoint .. PREFIX, https = hub.https_endpoint .. PREFIX,
    in_an_hour = iso8601(now + 3600), soon = iso8601(now + 120), past = iso8601(now - 60),
    dpop_key = cjson.encode(services.dpop_key):sub(2, -2),
  }
  for _, key in ipairs(hub.seed.accounts[1].keys) do
    if key.session_token and not key.state then
      values.session_key, values.session_secret = key.access_key_id, key.secret_access_key
      values.session_token = key.session_token
    end
  end
  return values
end

--- Fills in a text's ${names}.
function Services:fill(text) return (text:gsub("%${([%w_]+)}", self._values)) end

-- Where everything is; over HTTPS what AWS serves over HTTPS.
local ENVIRONMENT = {
  AWS_ENDPOINT_URL_STS = "${https}sts", AWS_ENDPOINT_URL_SSO = "${https}sso",
  AWS_ENDPOINT_URL_SSO_OIDC = "${https}oidc", AWS_ENDPOINT_URL_SIGNIN = "${https}signin",
  AWS_EC2_METADATA_SERVICE_ENDPOINT = "${http}imds",
  HOME = "${home}", PATH = "/usr/bin:/bin",
}

--- A scenario's environment variables.
---@param variables table<string, string>? false leaves one out
function Services:environment(variables)
  local environment = {
    AWS_ENDPOINT_URL_MIGRATION_HUB = self.hub.https_endpoint, AWS_CA_BUNDLE = self.hub.ca_file,
    AWS_REGION = self.hub.region,
  }
  for name, value in pairs(ENVIRONMENT) do environment[name] = self:fill(value) end
  for name, value in pairs(variables or {}) do
    environment[name] = value and self:fill(value) or nil
  end
  return environment
end

--- Writes a scenario's files below the home directory.
---@param files table<string, string>? path -> text
function Services:furnish(files)
  for path, text in pairs(files or {}) do
    write(self.home .. "/" .. path, self:fill(text))
  end
end

--- The text of a file below the home directory.
function Services:read(path) return read(self.home .. "/" .. path) end

local function complete(given, services)
  local options = {}
  for name, value in pairs(given or {}) do options[name] = value end
  if type(options.credentials) == "table" then
    local keys = {}
    for name, value in pairs(options.credentials) do keys[name] = services:fill(value) end
    options.credentials = keys
  end
  return options
end

--- A client in a scenario: tables of files, environment and options, plans by service, and how many
--- seconds its clock is ahead.
---@param scenario table
---@param more table? further options
---@return lmigrationhub.Client
function Services:client(scenario, more)
  self:furnish(scenario.files)
  for service, entries in pairs(scenario.plans or {}) do self:plan(service, entries) end
  local environment = self:environment(scenario.environment)
  local options = complete(scenario.options, self)
  for name, value in pairs(more or {}) do options[name] = value end
  return client.new(options, {
    getenv = function(name) return environment[name] end,
    now = function() return os.time() + (scenario.clock_off or 0) end,
    random = function() return DICE end,
  })
end

local function interpreter()
  local index = -1
  while arg[index - 1] do index = index - 1 end
  return arg[index]
end

--- Runs Lua text in a process of its own, by the same interpreter, in a scenario's environment.
---@param text string without single quotes
---@param variables table<string, string>?
---@return string output
function Services:run(text, variables)
  local words, environment = { "env -i" }, self:environment(variables)
  environment.LUA_PATH, environment.LUA_CPATH = package.path, package.cpath
  for name, value in pairs(environment) do words[#words + 1] = ("'%s=%s'"):format(name, value) end
  return run(("%s %s -e '%s' 2>&1"):format(table.concat(words, " "), interpreter(), text))
end

---@return table services with hub, home (a directory) and dpop_key (PEM)
local function start()
  local services = setmetatable({
    hub = server.start { locations = "spec/services/nginx.conf" },
    home = run "mktemp -d":match "%S+",
    dpop_key = run "openssl ecparam -name prime256v1 -genkey -noout",
  }, Services)
  services._values = values_of(services)
  return services
end

return { start = start }
