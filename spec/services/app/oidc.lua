-- IAM Identity Center's OIDC: a new access token for a refresh token, which is good only once.

local cjson = require "cjson"

local LIFETIME = 28800 -- seconds

local count = 0

local function describe(request)
  request.action = request.method .. " " .. request.path
  request.fields = cjson.decode(request.body)
end

local function answer(request, plan)
  local fields = request.fields
  local is_right = request.action == "POST /token" and fields.grantType == "refresh_token"
    and fields.clientId == "sso-client" and fields.clientSecret == "sso-client-secret"
    and tostring(fields.refreshToken):find "^sso%-refresh%-"
  if not is_right then
    return {
      status = 400, body = { error = "invalid_grant", error_description = "Invalid refresh token" },
    }
  end
  count = count + 1
  local random = ngx.md5(count .. "oidc" .. ngx.now())
  return { status = 200, body = {
    accessToken = "sso-token-" .. random, refreshToken = "sso-refresh-" .. random,
    expiresIn = plan.lifetime or LIFETIME, tokenType = "Bearer",
  } }
end

return { describe = describe, answer = answer }
