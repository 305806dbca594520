-- Credentials in environment variables.

local function load(settings)
  local key, secret = settings.access_key_id, settings.secret_access_key
  if not key and not secret then return nil, "AWS_ACCESS_KEY_ID is not set" end
  if not secret then return nil, "AWS_SECRET_ACCESS_KEY is not set, its key id is", true end
  if not key then return nil, "AWS_ACCESS_KEY_ID is not set, its secret is", true end
  return { access_key_id = key, secret_access_key = secret, session_token = settings.session_token }
end

return { name = "environment", load = load }
