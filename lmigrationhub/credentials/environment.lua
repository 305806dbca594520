-- Credentials in environment variables.

local timestamp = require "lmigrationhub.timestamp"

local PARTIAL = "partial credentials, missing: "

local function text(value)
  return value and value:find "%S" and value or nil
end

local function load(settings)
  local key, secret = text(settings.access_key_id), text(settings.secret_access_key)
  if not key and not secret then return nil, "AWS_ACCESS_KEY_ID is not set" end
  if not secret then return nil, PARTIAL .. "AWS_SECRET_ACCESS_KEY", true end
  if not key then return nil, PARTIAL .. "AWS_ACCESS_KEY_ID", true end
  local expiration = text(settings.credential_expiration)
  local ends = expiration and timestamp.parse(expiration)
  if expiration and not ends then return nil, "AWS_CREDENTIAL_EXPIRATION is no time", true end
  return {
    access_key_id = key,
    secret_access_key = secret,
    session_token = text(settings.session_token),
    account_id = text(settings.account_id),
    expiration = ends,
  }
end

return { name = "environment", load = load, is_late = true }
