-- AWS STS: AssumeRole for whoever signs well, AssumeRoleWithWebIdentity for whoever does not sign.

local authentication = require "spec.hub.app.authentication"
local hub = require "spec.hub.app"
local issue = require "spec.services.app.issue"

local function fault(status, code, message)
  return { status = status, body = { Error = { Type = "Sender", Code = code, Message = message } } }
end

-- STS has names of its own for some faults.
local CODES = {
  InvalidSignatureException = "SignatureDoesNotMatch",
  UnrecognizedClientException = "InvalidClientTokenId", ExpiredTokenException = "ExpiredToken",
}

local function authenticate(request)
  local account, refused = authentication.authenticate({
    method = request.method, path = request.signed_path, query = "", headers = request.headers,
    body = request.body, operation = request.action,
  }, { now = ngx.now(), region = hub.region(), keys = hub.keys, service = "sts" })
  return not account and fault(403, CODES[refused.code] or refused.code, refused.message) or nil
end

local CHECKS = {
  AssumeRole = authenticate,
  AssumeRoleWithWebIdentity = function(request)
    if request.headers.authorization then return fault(400, "InvalidAction", "signed") end
    if not request.fields.WebIdentityToken then
      return fault(400, "MissingParameter", "WebIdentityToken")
    end
  end,
}

local function describe(request)
  request.fields = ngx.decode_args(request.body)
  request.action = request.fields.Action
  request.signer = tostring(request.headers.authorization):match "Credential=([^/]+)/"
end

local function assumed(request, key)
  local role = request.fields.RoleArn:match "[^/]+$"
  return {
    Credentials = {
      AccessKeyId = key.access_key_id, SecretAccessKey = key.secret_access_key,
      SessionToken = key.session_token, Expiration = key.expiration,
    },
    AssumedRoleUser = {
      Arn = ("arn:aws:sts::%s:assumed-role/%s/%s"):format(
        issue.ACCOUNT, role, request.fields.RoleSessionName),
    },
  }
end

local function answer(request, plan)
  if request.headers.accept ~= "application/json" then
    return { status = 200, body = "<AssumeRoleResponse/>" }
  end
  local check = CHECKS[request.action]
  local refused = not check and fault(400, "InvalidAction", "unknown action") or check(request)
  if refused then return refused end
  local fields = request.fields
  if not (fields.RoleArn and fields.RoleSessionName and fields.Version == "2011-06-15") then
    return fault(400, "MissingParameter", "RoleArn, RoleSessionName or Version")
  end
  local result = assumed(request, issue.new("sts", plan.lifetime))
  return {
    status = 200,
    body = { [request.action .. "Response"] = { [request.action .. "Result"] = result } },
  }
end

return { describe = describe, answer = answer }
