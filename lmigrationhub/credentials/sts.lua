-- Asks STS for the credentials of a role. STS speaks its Query protocol: forms there, and JSON back
-- to whoever accepts it.

local endpoint = require "lmigrationhub.endpoint"
local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local timestamp = require "lmigrationhub.timestamp"

local VERSION = "2011-06-15"

-- Where the setting sts_regional_endpoints = legacy still means the one global endpoint.
local GLOBAL = { url = "https://sts.amazonaws.com", host = "sts.amazonaws.com", path = "" }
local GLOBAL_REGION = "us-east-1"
local LEGACY_REGIONS = {}
for region in ([[
  ap-northeast-1 ap-south-1 ap-southeast-1 ap-southeast-2 aws-global ca-central-1 eu-central-1
  eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
]]):gmatch "%S+" do
  LEGACY_REGIONS[region] = true
end

-- The endpoint and the region to sign for; or nil and what is wrong.
local function find_endpoint(settings)
  local is_plain =
    not (settings.endpoint_sts or settings.use_fips or settings.use_dualstack)
  if settings.sts_regional_endpoints == "legacy" and is_plain and LEGACY_REGIONS[settings.region]
  then
    return GLOBAL, GLOBAL_REGION
  end
  local found, message = endpoint.resolve("sts", {
    region = settings.region,
    endpoint = settings.endpoint_sts,
    use_fips = settings.use_fips,
    use_dualstack = settings.use_dualstack,
  })
  return found, found and settings.region or message
end

local function escape(text)
  return (text:gsub("[^%w._~-]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- Pairs { name, value } -> a form; those without value are left out.
local function form(pairs_in_order)
  local fields = {}
  for _, pair in ipairs(pairs_in_order) do
    if pair[2] then fields[#fields + 1] = pair[1] .. "=" .. escape(pair[2]) end
  end
  return table.concat(fields, "&")
end

local function new_request(found, action, parameters)
  return {
    method = "POST",
    url = found.url .. "/",
    path = found.path .. "/",
    headers = {
      host = found.host,
      accept = "application/json",
      ["content-type"] = "application/x-www-form-urlencoded",
    },
    body = form { { "Action", action }, { "Version", VERSION } } .. "&" .. form(parameters),
  }
end

local function member(value, name)
  return type(value) == "table" and value[name] or nil
end

local function refusal(action, response, document)
  local problem = member(document, "Error")
  local text = ("%s: HTTP %d"):format(action, response.status)
  for _, name in ipairs { "Code", "Message" } do
    local detail = member(problem, name)
    if type(detail) == "string" then text = text .. ": " .. detail end
  end
  return text
end

local function time_of(value)
  if type(value) == "number" then return value end
  return type(value) == "string" and timestamp.parse(value) or nil
end

local function account_of(result)
  local arn = member(member(result, "AssumedRoleUser"), "Arn")
  return type(arn) == "string" and arn:match "^arn:[^:]*:[^:]*:[^:]*:(%d+):" or nil
end

-- Member of the answer -> field.
local MEMBERS = {
  AccessKeyId = "access_key_id", SecretAccessKey = "secret_access_key",
  SessionToken = "session_token",
}

local function credentials_of(result)
  local given = member(result, "Credentials")
  local credentials = {
    expiration = time_of(member(given, "Expiration")),
    account_id = account_of(result),
  }
  for name, field in pairs(MEMBERS) do
    local value = member(given, name)
    if type(value) ~= "string" or value == "" then return nil end
    credentials[field] = value
  end
  return credentials.expiration and credentials
end

local function ask(context, action, request, sign)
  local response, message = context.send(request, { retry = true, sign = sign })
  if not response then return nil, ("%s: %s"):format(action, message) end
  local document = json.decode(response.body)
  if response.status ~= 200 then return nil, refusal(action, response, document) end
  local result = member(member(document, action .. "Response"), action .. "Result")
  local credentials = credentials_of(result)
  if credentials then return credentials end
  return nil, action .. ": the answer holds no credentials in JSON"
end

--- Calls STS; signs when there are credentials to sign with.
---@param settings table
---@param context table
---@param action string
---@param parameters table pairs { name, value } in order
---@param credentials lmigrationhub.Credentials?
---@return lmigrationhub.Credentials?
---@return string? message
---@return boolean? is_broken
---@return string? code
local function call(settings, context, action, parameters, credentials)
  local found, region = find_endpoint(settings)
  if not found then return nil, "STS: " .. region, true end
  local request = new_request(found, action, parameters)
  local function sign(unsigned) return context.sign(unsigned, credentials, region, "sts") end
  local assumed, message = ask(context, action, request, credentials and sign)
  if assumed then return assumed end
  message = errors.without_secrets(message, credentials and credentials.session_token)
  return nil, message, true, "CredentialsError"
end

return { call = call }
