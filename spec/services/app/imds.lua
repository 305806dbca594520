-- The metadata service of an EC2 instance with one role. Version 1, without a token, is answered.

local issue = require "spec.services.app.issue"

local ROLE = "instance-role"
local TOKEN = "imds-token-" .. ngx.md5(ngx.now())
local FOLDER = "/latest/meta-data/iam/security-credentials/"

local function describe(request) request.action = request.method .. " " .. request.path end

local function text(body, headers) return { status = 200, headers = headers, body = body } end

local function give_token(request)
  local lifetime = request.headers["x-aws-ec2-metadata-token-ttl-seconds"]
  if not tonumber(lifetime) then return { status = 400, body = "" } end
  return text(TOKEN, { ["x-aws-ec2-metadata-token-ttl-seconds"] = lifetime })
end

local function give_keys(_, plan)
  local key = issue.new("imds", plan.lifetime)
  return { status = 200, body = {
    Code = "Success", Type = "AWS-HMAC", LastUpdated = issue.iso8601(ngx.time()),
    AccessKeyId = key.access_key_id, SecretAccessKey = key.secret_access_key,
    Token = key.session_token, Expiration = issue.iso8601(key.expiration),
  } }
end

local ROUTES = {
  ["PUT /latest/api/token"] = give_token,
  ["GET " .. FOLDER] = function() return text(ROLE) end,
  ["GET " .. FOLDER .. ROLE] = give_keys,
}

local function answer(request, plan)
  local token, route = request.headers["x-aws-ec2-metadata-token"], ROUTES[request.action]
  if token and token ~= TOKEN then return { status = 401, body = "" } end
  return route and route(request, plan) or { status = 404, body = "" }
end

return { describe = describe, answer = answer }
