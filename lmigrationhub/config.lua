-- One setting at a time: code > environment > shared config file > default. The environment is
-- read once, by exact name, in `new`. A bad value is an error that names its source, not the value.

local errors = require "lmigrationhub.errors"
local rows = require "lmigrationhub.settings"
local shared_config = require "lmigrationhub.shared_config"

local MAX_APP_ID = 50 -- bytes

-- Each takes a value, gives it in its right form, or nil and what it must be.
local types = {}

function types.text(value)
  if type(value) == "string" and value ~= "" and not value:find("%c") then return value end
  return nil, "a non-empty string without control characters"
end

function types.app_id(value)
  if types.text(value) and #value <= MAX_APP_ID then return value end
  return nil, ("a string of 1 to %d bytes without control characters"):format(MAX_APP_ID)
end

function types.boolean(value)
  if type(value) == "boolean" then return value end
  local text = type(value) == "string" and value:lower()
  if text == "true" or text == "false" then return text == "true" end
  return nil, "true or false"
end

function types.count(value)
  local number = tonumber(value)
  if number and number >= 1 and number % 1 == 0 and number < math.huge then return number end
  return nil, "a whole number from 1"
end

function types.seconds(value)
  local number = tonumber(value)
  if number and number > 0 and number < math.huge then return number end
  return nil, "a positive number of seconds"
end

-- botocore's "legacy" is in many a file; its users get the standard mode.
local RETRY_MODES = { standard = "standard", adaptive = "adaptive", legacy = "standard" }

function types.retry_mode(value)
  local mode = type(value) == "string" and RETRY_MODES[value:lower()]
  if mode then return mode end
  return nil, "standard or adaptive"
end

function types.sts_mode(value)
  local mode = type(value) == "string" and value:lower()
  if mode == "regional" or mode == "legacy" then return mode end
  return nil, "regional or legacy"
end

function types.fn(value)
  if type(value) == "function" then return value end
  return nil, "a function"
end

-- Name -> is it required?
local CREDENTIALS = {
  access_key_id = true, secret_access_key = true, session_token = false, account_id = false,
}
local CREDENTIALS_FORM = "a function, or a table of the strings access_key_id, secret_access_key "
  .. "and perhaps session_token"

function types.credentials(value)
  if type(value) == "function" then return value end
  if type(value) ~= "table" then return nil, CREDENTIALS_FORM end
  local copy = {}
  for name, required in pairs(CREDENTIALS) do
    local member = rawget(value, name)
    if not types.text(member) and (required or member ~= nil) then return nil, CREDENTIALS_FORM end
    copy[name] = member
  end
  for name in next, value do
    if CREDENTIALS[name] == nil then return nil, CREDENTIALS_FORM end
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

local function invalid(message)
  return errors.new { kind = "config", code = "InvalidConfiguration", message = message }
end

-- Where settings are looked for: options, getenv, files, profile (a table) and its name.
local Sources = {}
Sources.__index = Sources

-- An empty variable is an unset one.
function Sources:variable(names)
  for _, name in ipairs(names or {}) do
    local value = self.getenv(name)
    if value and value ~= "" then return value, "environment variable " .. name end
  end
end

function Sources:key(name)
  local value = name and self.profile[name]
  if value ~= nil then return value, ("key %s of profile %s"):format(name, self.profile_name) end
end

-- A service's URL: environment of the service, environment of all, services section, profile.
function Sources:url(service)
  if self.ignores_urls then return nil end
  local value, source = self:variable { "AWS_ENDPOINT_URL_" .. service[1], "AWS_ENDPOINT_URL" }
  if value then return value, source end
  local section = self.files.services[self.profile.services or ""] or {}
  local own = section[service[2]]
  if type(own) == "table" and own.endpoint_url then
    return own.endpoint_url, "services section " .. self.profile.services
  end
  return self:key "endpoint_url"
end

-- A setting's value and the name of its source.
function Sources:find(name, row)
  local given = self.options[name]
  if given ~= nil and row.option ~= false then return given, "option " .. name end
  if row.url_of then return self:url(row.url_of) end
  local value, source = self:variable(row.environment)
  if value ~= nil then return value, source end
  return self:key(row.key)
end

-- A setting in its right form, its default, or nil and a problem.
function Sources:get(name)
  local row = rows[name]
  local value, source = self:find(name, row)
  if not source then return row.default end
  local right, form = types[row.type](value)
  return right, form and ("%s must be %s"):format(source, form)
end

local function choose_profile(sources)
  local name, problem = sources:get "profile"
  if problem then return problem end
  sources.profile_name = name or "default"
  sources.profile = sources.files.profiles[sources.profile_name]
  if not sources.profile and name then
    return ("the config profile (%s) could not be found"):format(name)
  end
  sources.profile = sources.profile or {}
  local services = sources.profile.services
  if services and not sources.files.services[services] then
    return ("profile %s names the services section %s, which is not there"):format(
      sources.profile_name, services)
  end
end

local function unknown_options(options, problems)
  for name in next, options do
    if not rows[name] or rows[name].option == false then
      problems[#problems + 1] = "unknown option " .. tostring(name)
    end
  end
end

local function collect(sources)
  local settings, problems = {}, {}
  unknown_options(sources.options, problems)
  sources.ignores_urls = sources:get "ignore_configured_endpoint_urls"
  for name in pairs(rows) do
    local value, problem = sources:get(name)
    settings[name] = value
    problems[#problems + 1] = problem
  end
  table.sort(problems)
  return settings, problems
end

-- In its init phases nginx takes a variable that it was given as `env NAME=VALUE` for any other
-- whose name begins with that one. Of ours, none has a use for the value of such a namesake.
local function is_namesakes(getenv, name, value)
  for last in name:gmatch "()_" do
    if value == getenv(name:sub(1, last - 1)) then return true end
  end
  return false
end

-- Reads each variable once, by its exact name.
local function once(getenv)
  local read = {}
  local function read_once(name)
    if read[name] == nil then read[name] = getenv(name) or false end
    return read[name] or nil
  end
  return function(name)
    local value = read_once(name)
    return value and not is_namesakes(read_once, name, value) and value or nil
  end
end

-- For the user agent. Lua does not tell, Linux does.
local function system_name(open)
  local jit = rawget(_G, "jit")
  if jit then return jit.os:lower() end
  local file = open("/proc/sys/kernel/ostype", "r")
  local name = file and file:read "*l"
  if file then file:close() end
  return name and name:lower() or "other"
end

--- Finds all settings of a client.
---@param options table? the options of migrationhub.new
---@param world { getenv: function?, open: function? }? default: os.getenv, io.open
---@return table? settings by their names in settings.lua, and: files, profile_in_code, os
---@return lmigrationhub.Error? error of kind "config": names every source of a bad value
local function new(options, world)
  options, world = options == nil and {} or options, world or {}
  if type(options) ~= "table" then
    return nil, invalid("the options must be a table, got " .. type(options))
  end
  local getenv, open = once(world.getenv or os.getenv), world.open or io.open
  local files, message = shared_config.load(getenv, open)
  if not files then return nil, invalid(message) end
  local sources = setmetatable({ options = options, getenv = getenv, files = files }, Sources)
  sources.profile = {}
  local problem = choose_profile(sources)
  if problem then return nil, invalid(problem) end
  local settings, problems = collect(sources)
  if #problems > 0 then return nil, invalid(table.concat(problems, "; ")) end
  settings.files, settings.profile_in_code = files, options.profile ~= nil
  settings.os = system_name(open)
  return settings
end

return { new = new }
