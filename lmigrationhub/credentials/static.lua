-- Keys that a profile holds itself.

local PARTIAL = "partial credentials, missing: "

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function load(settings)
  local profile = settings.files.profiles[settings.profile or "default"]
  local key, secret = text(profile.aws_access_key_id), text(profile.aws_secret_access_key)
  if not key and not secret then return nil, "none" end
  if not secret then return nil, PARTIAL .. "aws_secret_access_key", true end
  if not key then return nil, PARTIAL .. "aws_access_key_id", true end
  return {
    access_key_id = key,
    secret_access_key = secret,
    session_token = text(profile.aws_security_token) or text(profile.aws_session_token),
    account_id = text(profile.aws_account_id),
  }
end

return { name = "keys", source = "profile", load = load }
