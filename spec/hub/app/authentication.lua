-- Who sent a request: the checks of Signature Version 4, in the service's order. A check gives a
-- fault, or nothing when the request passes.

local clock = require "spec.hub.app.clock"
local sigv4 = require "lmigrationhub.sigv4"

local ALGORITHM = "AWS4-HMAC-SHA256"
local SERVICE = "mgh" -- unless the context names another
local TERMINATOR = "aws4_request"
local TOLERANCE = 5 * 60 -- seconds between the signer's clock and the service's

local function fault(code, message, ...)
  return { code = code, message = message:format(...) }
end

local function invalid_signature(...) return fault("InvalidSignatureException", ...) end

local function incomplete_signature(...) return fault("IncompleteSignatureException", ...) end

local function split(text, pattern)
  local parts = {}
  for part in text:gmatch(pattern) do table.insert(parts, part) end
  return parts
end

-- "… Credential=…, SignedHeaders=…, Signature=…" -> {Credential=…, …} | nil, fault
local function fields_of(parameters, date)
  local fields, missing = {}, {}
  for name, value in parameters:gmatch("(%w+)=([^,%s]+)") do fields[name] = value end
  for _, name in ipairs { "Credential", "Signature", "SignedHeaders" } do
    if not fields[name] then
      table.insert(missing, ("Authorization header requires '%s' parameter."):format(name))
    end
  end
  if not date then
    table.insert(missing, "Authorization header requires existence of a 'X-Amz-Date' header.")
  end
  if #missing == 0 then return fields end
  return nil, incomplete_signature("%s", table.concat(missing, " "))
end

-- The Authorization header -> claim | nil, fault
local function parse(authorization, date)
  if not authorization then
    return nil, fault("MissingAuthenticationTokenException", "Missing Authentication Token")
  end
  local algorithm, parameters = tostring(authorization):match("^(%S+)%s+(.+)$")
  if algorithm ~= ALGORITHM then
    return nil, incomplete_signature("Authorization header must use %s.", ALGORITHM)
  end
  local fields, problem = fields_of(parameters, date)
  if not fields then return nil, problem end
  local scope = split(fields.Credential, "[^/]+")
  if #scope ~= 5 then
    return nil, incomplete_signature("Credential must have exactly 5 slash-delimited elements, "
      .. "e.g. keyid/date/region/service/term")
  end
  return {
    access_key_id = scope[1], date = scope[2], region = scope[3], service = scope[4],
    terminator = scope[5],
    signed_headers = split(fields.SignedHeaders, "[^;]+"),
    signature = fields.Signature,
  }
end

local function check_scope(claim, _, context)
  if claim.region ~= context.region then
    return invalid_signature("Credential should be scoped to a valid region, not '%s'.",
      claim.region)
  end
  local service = context.service or SERVICE
  if claim.service ~= service then
    return invalid_signature("Credential should be scoped to correct service: '%s'.", service)
  end
  if claim.terminator ~= TERMINATOR then
    return invalid_signature("Credential should be scoped with a valid terminator: '%s', not '%s'.",
      TERMINATOR, claim.terminator)
  end
end

local function check_date(claim, request, context)
  local date = request.headers["x-amz-date"]
  local signed = clock.parse_iso8601(date)
  if not signed then
    return incomplete_signature("Date must be in ISO-8601 'basic format'. Got '%s'.",
      tostring(date))
  end
  if date:sub(1, 8) ~= claim.date then
    return invalid_signature("Date in Credential scope does not match YYYYMMDD from ISO-8601 "
      .. "version of date from HTTP: '%s' != '%s', from '%s'.", claim.date, date:sub(1, 8), date)
  end
  local now = math.floor(context.now)
  local now_text = clock.iso8601(now)
  if signed < now - TOLERANCE then
    return invalid_signature("Signature expired: %s is now earlier than %s (%s - 5 min.)",
      date, clock.iso8601(now - TOLERANCE), now_text)
  end
  if signed > now + TOLERANCE then
    return invalid_signature("Signature not yet current: %s is still later than %s (%s + 5 min.)",
      date, clock.iso8601(now + TOLERANCE), now_text)
  end
end

local MUST_BE_SIGNED =
  { "host", "x-amz-date", "x-amz-target", "content-type", "x-amz-security-token" }

local function check_signed_headers(claim, request)
  local signed = {}
  for _, name in ipairs(claim.signed_headers) do signed[name] = true end
  for _, name in ipairs(MUST_BE_SIGNED) do
    if request.headers[name] and not signed[name] then
      return invalid_signature("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
    end
  end
end

local function check_key(claim, request, context)
  local key = context.keys[claim.access_key_id]
  if not key or request.headers["x-amz-security-token"] ~= key.session_token then
    return fault("UnrecognizedClientException",
      "The security token included in the request is invalid.")
  end
  if key.state == "expired" then
    return fault("ExpiredTokenException", "The security token included in the request is expired")
  end
end

local function check_signature(claim, request, context)
  local signed = {}
  for _, name in ipairs(claim.signed_headers) do signed[name] = request.headers[name] end
  local ok, signature = pcall(sigv4.signature, {
    method = request.method,
    path = request.path,
    query = request.query,
    headers = signed,
    body = request.body,
    normalize = true,
  }, context.keys[claim.access_key_id], claim.region, claim.service)
  if not ok then ngx.log(ngx.WARN, "the signer refused a request: ", signature) end
  if not ok or signature ~= claim.signature then
    return invalid_signature("The request signature we calculated does not match the signature you "
      .. "provided. Check your AWS Secret Access Key and signing method. Consult the service "
      .. "documentation for details.")
  end
end

local function check_permission(claim, request, context)
  local key = context.keys[claim.access_key_id]
  if key.state == "denied" then
    local code = request.is_dry_run and "UnauthorizedOperation" or "AccessDeniedException"
    return fault(code, "User: arn:aws:iam::%s:user/denied is not authorized to "
      .. "perform: mgh:%s because no identity-based policy allows it",
      key.account, request.operation)
  end
end

local CHECKS = {
  check_scope, check_date, check_signed_headers, check_key, check_signature, check_permission,
}

--- authenticate(request, context{now, region, keys, service}) -> account | nil, fault
local function authenticate(request, context)
  local claim, refused = parse(request.headers.authorization, request.headers["x-amz-date"])
  if not claim then return nil, refused end
  for _, check in ipairs(CHECKS) do
    refused = check(claim, request, context)
    if refused then return nil, refused end
  end
  return context.keys[claim.access_key_id].account
end

return { authenticate = authenticate }
