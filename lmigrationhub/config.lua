-- One setting at a time: code > environment > default. The environment is read once, by exact name,
-- in `new`.

local errors = require "lmigrationhub.errors"

local types = {}

function types.text(value)
  if type(value) == "string" and value ~= "" and not value:find("%c") then return value end
  return nil, "a non-empty string without control characters"
end

function types.count(value)
  local number = tonumber(value)
  if number and number >= 1 and number % 1 == 0 then return number end
  return nil, "a whole number from 1"
end

function types.seconds(value)
  local number = tonumber(value)
  if number and number > 0 and number < math.huge then return number end
  return nil, "a positive number of seconds"
end

-- Name -> is it required?
local CREDENTIALS = { access_key_id = true, secret_access_key = true, session_token = false }

function types.credentials(value)
  local form = "a table of the strings access_key_id, secret_access_key and perhaps session_token"
  if type(value) ~= "table" then return nil, form end
  local copy = {}
  for name, required in pairs(CREDENTIALS) do
    local member = rawget(value, name)
    if not types.text(member) and (required or member ~= nil) then return nil, form end
    copy[name] = member
  end
  for name in next, value do
    if CREDENTIALS[name] == nil then return nil, form end
  end
  return copy
end

function types.transport(value)
  local form = "a table with the methods start, wait, send, sleep and close"
  if type(value) ~= "table" then return nil, form end
  for name in ("start wait send sleep close"):gmatch("%a+") do
    if type(value[name]) ~= "function" then return nil, form end
  end
  return value
end

-- environment: the variables that may hold a setting, the first that is set wins. option = false:
-- not given in code under this name.
local SETTINGS = {
  region = { type = "text", environment = { "AWS_REGION", "AWS_DEFAULT_REGION" } },
  endpoint = {
    type = "text", environment = { "AWS_ENDPOINT_URL_MIGRATION_HUB", "AWS_ENDPOINT_URL" },
  },
  credentials = { type = "credentials" },
  access_key_id = { type = "text", environment = { "AWS_ACCESS_KEY_ID" }, option = false },
  secret_access_key = { type = "text", environment = { "AWS_SECRET_ACCESS_KEY" }, option = false },
  session_token = { type = "text", environment = { "AWS_SESSION_TOKEN" }, option = false },
  max_attempts = { type = "count", default = 3 },
  connect_timeout = { type = "seconds", default = 5 },
  timeout = { type = "seconds", default = 30 },
  ca_file = { type = "text", environment = { "AWS_CA_BUNDLE" } },
  proxy = { type = "text" },
  transport = { type = "transport" },
}

-- The value of a setting and the name of its source; an empty variable is an unset one.
local function find(name, setting, options, getenv)
  if options[name] ~= nil then return options[name], "option " .. name end
  for _, variable in ipairs(setting.environment or {}) do
    local value = getenv(variable)
    if value and value ~= "" then return value, "environment variable " .. variable end
  end
  return nil
end

local function unknown_options(options, problems)
  for name in next, options do
    if not SETTINGS[name] or SETTINGS[name].option == false then
      problems[#problems + 1] = "unknown option " .. tostring(name)
    end
  end
end

local function invalid(message)
  return errors.new { kind = "config", code = "InvalidConfiguration", message = message }
end

--- Finds all settings of a client.
---@param options table? the options of migrationhub.new
---@param getenv (fun(name: string): string?)? default os.getenv
---@return table? settings
---@return lmigrationhub.Error? error of kind "config": names every source of a bad value
local function new(options, getenv)
  options = options == nil and {} or options
  getenv = getenv or os.getenv
  if type(options) ~= "table" then
    return nil, invalid("the options must be a table, got " .. type(options))
  end
  local settings, problems = {}, {}
  unknown_options(options, problems)
  for name, setting in pairs(SETTINGS) do
    local value, source = find(name, setting, options, getenv)
    local form
    settings[name] = setting.default
    if source then settings[name], form = types[setting.type](value) end
    if form then problems[#problems + 1] = ("%s must be %s"):format(source, form) end
  end
  if #problems == 0 then return settings end
  table.sort(problems)
  return nil, invalid(table.concat(problems, "; "))
end

return { new = new }
