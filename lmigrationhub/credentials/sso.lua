-- Credentials of a role in IAM Identity Center (SSO), by the token that `aws sso login` left in its
-- cache. A session's token is renewed ahead of its end; one without sso-session (legacy) cannot be.

local endpoint = require "lmigrationhub.endpoint"
local json = require "lmigrationhub.json"
local sign_in = require "lmigrationhub.sign_in"
local timestamp = require "lmigrationhub.timestamp"

local text_of = sign_in.text_of

local RENEW_AHEAD = 900 -- seconds

local REQUIRED = { "sso_account_id", "sso_role_name", "sso_region", "sso_start_url" }
local OF_SESSION = { "sso_region", "sso_start_url" }
local RENEWABLE = { "refreshToken", "clientId", "clientSecret", "registrationExpiresAt" }

-- A profile's settings, those of its session included; or nil and what is wrong with them.
local function join(profile, sessions)
  local all = { sso_session = text_of(profile, "sso_session") }
  for _, key in ipairs(REQUIRED) do all[key] = text_of(profile, key) end
  if not all.sso_session then return all end
  local session = sessions and sessions[all.sso_session]
  if not session then return nil, "there is no sso-session " .. all.sso_session end
  for _, key in ipairs(OF_SESSION) do
    local value = text_of(session, key)
    if all[key] and all[key] ~= value then
      return nil, ("%s is not that of the sso-session %s"):format(key, all.sso_session)
    end
    all[key] = value
  end
  return all
end

local function find_settings(profile, files)
  local all, message = join(profile, files.sso_sessions)
  if not all then return nil, message end
  local missing = {}
  for _, key in ipairs(REQUIRED) do
    if not all[key] then missing[#missing + 1] = key end
  end
  if #missing > 0 then return nil, "SSO needs " .. table.concat(missing, ", ") .. " too" end
  if not files.home then return nil, "there is no home directory, and so no SSO token" end
  return all
end

-- Some versions of the AWS tools wrote UTC instead of Z.
local function time_of(value)
  return type(value) == "string" and timestamp.parse((value:gsub("UTC$", "Z"))) or nil
end

local function call(caller, service, custom, request)
  local settings = caller.settings
  local found, message = endpoint.resolve(service, {
    region = caller.own.sso_region, endpoint = custom,
    use_fips = settings.use_fips, use_dualstack = settings.use_dualstack,
  })
  if not found then return nil, message end
  request.url = found.url .. request.url
  return sign_in.ask(request, caller.context)
end

local function create_token(caller, token)
  return call(caller, "oidc", caller.settings.endpoint_sso_oidc, {
    method = "POST",
    url = "/token",
    headers = { ["content-type"] = "application/json" },
    body = json.encode {
      grantType = "refresh_token", refreshToken = token.refreshToken,
      clientId = token.clientId, clientSecret = token.clientSecret,
    },
  })
end

local function obstacle(caller, token)
  if not caller.own.sso_session then return "that needs an sso-session" end
  local registered_until = time_of(token.registrationExpiresAt) or 0
  return registered_until <= caller.context.now() and "its registration has ended" or nil
end

local function apply(token, answer, expires_at)
  local text = text_of(answer, "accessToken")
  if not text then return false end
  token.accessToken, token.expiresAt = text, expires_at
  return true
end

local function find_token(caller)
  local own, digest = caller.own, require "lmigrationhub.digest"
  return sign_in.find_token({
    name = "SSO token",
    path = ("%s/.aws/sso/cache/%s.json"):format(caller.settings.files.home,
      digest.sha1(own.sso_session or own.sso_start_url)),
    ahead = RENEW_AHEAD,
    needs = RENEWABLE,
    obstacle = function(token) return obstacle(caller, token) end,
    ends_of = function(token)
      return text_of(token, "accessToken") and time_of(token.expiresAt)
    end,
    exchange = function(token) return create_token(caller, token) end,
    apply = apply,
  }, caller.context)
end

local function encode(text)
  return (text:gsub("[^%w._~-]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

local function get_role_credentials(caller, token)
  local role, account = encode(caller.own.sso_role_name), encode(caller.own.sso_account_id)
  return call(caller, "portal.sso", caller.settings.endpoint_sso, {
    method = "GET",
    url = ("/federation/credentials?role_name=%s&account_id=%s"):format(role, account),
    headers = { ["x-amz-sso_bearer_token"] = token.accessToken },
  })
end

local function credentials_of(answer, account_id)
  local role = type(answer.roleCredentials) == "table" and answer.roleCredentials or {}
  for _, name in ipairs { "accessKeyId", "secretAccessKey", "sessionToken" } do
    if not text_of(role, name) then return nil, "the answer has no text for " .. name end
  end
  if type(role.expiration) ~= "number" then return nil, "the answer's expiration is no time" end
  return {
    access_key_id = role.accessKeyId,
    secret_access_key = role.secretAccessKey,
    session_token = role.sessionToken,
    expiration = role.expiration / 1000, -- from milliseconds
    account_id = account_id,
  }
end

-- Credentials; or nil, why there are none, and whether only the user can help.
local function fetch(caller)
  local token, answer, message, is_final, status
  token, message, is_final = find_token(caller)
  if not token then return nil, message, is_final end
  answer, message, status = get_role_credentials(caller, token)
  if not answer then return nil, message, status == 401 end
  return credentials_of(answer, caller.own.sso_account_id)
end

local function load(settings, context)
  local files, name = settings.files or {}, settings.profile or "default"
  local profile = files.profiles and files.profiles[name] or {}
  if not (text_of(profile, "sso_account_id") or text_of(profile, "sso_role_name")) then
    return nil, ("profile %s has neither sso_account_id nor sso_role_name"):format(name)
  end
  local own, message = find_settings(profile, files)
  if not own then return nil, ("profile %s: %s"):format(name, message), true end
  local credentials, is_final
  credentials, message, is_final = fetch { own = own, settings = settings, context = context }
  if credentials then return credentials end
  if not is_final then return nil, message, true, "CredentialsError" end
  local option = own.sso_session and "--sso-session " .. own.sso_session or "--profile " .. name
  return nil, ("%s; run `aws sso login %s`"):format(message, option), true, "LoginRequired"
end

return { name = "sso", load = load }
