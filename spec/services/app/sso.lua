-- The portal of IAM Identity Center: a role's keys for an access token.

local issue = require "spec.services.app.issue"

local function describe(request)
  request.action = request.method .. " " .. request.path
  request.fields = request.arguments
end

local function answer(request, plan)
  if not tostring(request.headers["x-amz-sso_bearer_token"]):find "^sso%-token%-" then
    return {
      status = 401, headers = { ["x-amzn-ErrorType"] = "UnauthorizedException:" },
      body = { message = "Session token not found or invalid" },
    }
  end
  if request.action ~= "GET /federation/credentials" then return { status = 404, body = {} } end
  local key = issue.new("sso", plan.lifetime)
  return { status = 200, body = { roleCredentials = {
    accessKeyId = key.access_key_id, secretAccessKey = key.secret_access_key,
    sessionToken = key.session_token, expiration = key.expiration * 1000,
  } } }
end

return { describe = describe, answer = answer }
