-- A container's agent: keys for whoever has its token, at /guarded; for all, at /open.

local issue = require "spec.services.app.issue"

local TOKEN = "container-token"

local function describe(request) request.action = request.method .. " " .. request.path end

local function answer(request, plan)
  local is_guarded = request.action == "GET /guarded"
  if not is_guarded and request.action ~= "GET /open" then return { status = 404, body = {} } end
  if is_guarded and request.headers.authorization ~= TOKEN then
    return { status = 403, body = { code = "AccessDenied", message = "wrong token" } }
  end
  local key = issue.new("container", plan.lifetime)
  return { status = 200, body = {
    AccessKeyId = key.access_key_id, SecretAccessKey = key.secret_access_key,
    Token = key.session_token, Expiration = issue.iso8601(key.expiration),
  } }
end

return { describe = describe, answer = answer }
