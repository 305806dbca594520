-- Credentials of a console session, as `aws login` left them in its cache. They live for a quarter
-- of an hour; ahead of their end the sign-in service renews them for whoever proves, by DPoP (RFC
-- 9449), to hold the session's key.

local endpoint = require "lmigrationhub.endpoint"
local json = require "lmigrationhub.json"
local sign_in = require "lmigrationhub.sign_in"
local timestamp = require "lmigrationhub.timestamp"

local text_of = sign_in.text_of

local RENEW_AHEAD = 300 -- seconds

local KEYS = { "accessKeyId", "secretAccessKey", "sessionToken" }
local RENEWABLE = { "refreshToken", "clientId", "dpopKey" }

-- The sign-in service has names of its own in three partitions.
local OWN_SUFFIXES = {
  ["amazonaws.com"] = "aws.amazon.com", ["amazonaws.com.cn"] = "amazonaws.cn",
}
local GOVERNMENT_PREFIX, GOVERNMENT_SUFFIX = "us-gov-", "amazonaws-us-gov.com"

local REFUSALS = {
  TOKEN_EXPIRED = "the session has ended",
  USER_CREDENTIALS_CHANGED = "the password was changed",
  INSUFFICIENT_PERMISSIONS = "the permission for CreateOAuth2Token is missing",
}

local function find_url(caller)
  local settings, region = caller.settings, caller.region
  local found, message = endpoint.resolve("signin", {
    region = region, endpoint = settings.endpoint_signin,
    use_fips = settings.use_fips, use_dualstack = settings.use_dualstack,
  })
  if not found or settings.endpoint_signin then return found and found.url, message end
  local suffix = OWN_SUFFIXES[found.host:match("^signin%.[^.]+%.(.+)$")]
  if not suffix then return found.url end
  if region:sub(1, #GOVERNMENT_PREFIX) == GOVERNMENT_PREFIX then suffix = GOVERNMENT_SUFFIX end
  return ("https://%s.signin.%s"):format(region, suffix)
end

-- RFC 9562, version 4
local function new_uuid(random)
  return (("xxxxxxxx-xxxx-4xxx-Nxxx-xxxxxxxxxxxx"):gsub("[xN]", function(place)
    local digit = math.floor(random() * 16)
    return ("%x"):format(place == "N" and 8 + digit % 4 or digit)
  end))
end

-- RFC 9449, section 4.2
local function new_proof(key, url, context)
  local digest = require "lmigrationhub.digest"
  local x, y = digest.p256_public(key)
  if not x then return nil, y end
  local header = {
    typ = "dpop+jwt", alg = "ES256",
    jwk = { kty = "EC", crv = "P-256", x = digest.base64url(x), y = digest.base64url(y) },
  }
  local claims = {
    jti = new_uuid(context.random), htm = "POST", htu = url, iat = math.floor(context.now()),
  }
  local text = digest.base64url(json.encode(header)) .. "." .. digest.base64url(json.encode(claims))
  local signature, message = digest.es256(key, text)
  if not signature then return nil, message end
  return text .. "." .. digest.base64url(signature)
end

local function create_token(caller, token)
  local url, proof, answer, message, status, code
  url, message = find_url(caller)
  if not url then return nil, message end
  url = url .. "/v1/token"
  proof, message = new_proof(token.dpopKey, url, caller.context)
  if not proof then return nil, message end
  answer, message, status, code = sign_in.ask({
    method = "POST",
    url = url,
    headers = { ["content-type"] = "application/json", dpop = proof },
    body = json.encode {
      grantType = "refresh_token", refreshToken = token.refreshToken, clientId = token.clientId,
    },
  }, caller.context)
  return answer, code and REFUSALS[code] or message, status
end

local function obstacle(token)
  local key = text_of(token, "dpopKey")
  local x, message
  if key then x, message = require("lmigrationhub.digest").p256_public(key) end
  return not x and message or nil
end

-- Are there all keys, as texts?
local function has_keys(keys)
  if type(keys) ~= "table" then return false end
  for _, name in ipairs(KEYS) do
    if not text_of(keys, name) then return false end
  end
  return true
end

local function ends_of(token)
  local keys = token.accessToken
  local text = has_keys(keys) and text_of(keys, "expiresAt")
  return text and timestamp.parse(text) or nil
end

local function apply(token, answer, expires_at)
  if not has_keys(answer.accessToken) then return false end
  for _, name in ipairs(KEYS) do token.accessToken[name] = answer.accessToken[name] end
  token.accessToken.expiresAt = expires_at
  return true
end

local function find_token(caller, path)
  return sign_in.find_token({
    name = "login",
    path = path,
    ahead = RENEW_AHEAD,
    needs = RENEWABLE,
    obstacle = obstacle,
    ends_of = ends_of,
    exchange = function(token) return create_token(caller, token) end,
    apply = apply,
  }, caller.context)
end

local function find_path(session, settings)
  local digest = require "lmigrationhub.digest"
  local home = settings.files.home
  local folder = settings.login_cache_directory or home and home .. "/.aws/login/cache"
  return folder and ("%s/%s.json"):format(folder, digest.sha256(session))
end

local function load(settings, context)
  local name = settings.profile or "default"
  local profiles = settings.files and settings.files.profiles
  local profile = profiles and profiles[name] or {}
  local session = text_of(profile, "login_session")
  if not session then return nil, ("profile %s has no login_session"):format(name) end
  local path = find_path(session, settings)
  if not path then return nil, "there is no home directory, and so no login", true end
  local token, message, is_final = find_token({
    settings = settings, context = context,
    region = text_of(profile, "region") or settings.region,
  }, path)
  if not token and not is_final then return nil, message, true, "CredentialsError" end
  if not token then
    return nil, ("%s; run `aws login --profile %s`"):format(message, name), true, "LoginRequired"
  end
  local keys = token.accessToken
  return {
    access_key_id = keys.accessKeyId,
    secret_access_key = keys.secretAccessKey,
    session_token = keys.sessionToken,
    account_id = text_of(keys, "accountId"),
    expiration = ends_of(token),
  }
end

return { name = "login", load = load }
