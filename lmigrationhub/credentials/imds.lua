-- Credentials of an EC2 instance's role, from its metadata service (IMDS). Version 2 asks with a
-- token; where none is to be had, version 1 asks without, unless that is switched off. Off EC2
-- nobody answers, so all waits are short: one try of a second for the token, one for the role.

local endpoint = require "lmigrationhub.endpoint"
local json = require "lmigrationhub.json"
local timestamp = require "lmigrationhub.timestamp"

local ENDPOINTS = { ipv4 = "http://169.254.169.254", ipv6 = "http://[fd00:ec2::254]" }
local TOKEN_PATH = "/latest/api/token"
local ROLE_PATH = "/latest/meta-data/iam/security-credentials/"

local TIMEOUT = 1 -- seconds
local TOKEN_LIFETIME = 21600 -- seconds
local TOKEN_MARGIN = 60 -- seconds before its end in which a token is not used any more
local SILENT_ATTEMPTS = 1
local FAILED_ATTEMPTS, PAUSE = 3, 0.1 -- who answers at all is worth more tries; seconds

local function find_base(settings)
  local url = settings.ec2_metadata_service_endpoint
  local mode = settings.ec2_metadata_service_endpoint_mode or "IPv4"
  url = url or ENDPOINTS[mode:lower()]
  if not url then return nil, ("`%s` is not a valid endpoint mode (IPv4, IPv6)"):format(mode) end
  local parts, message = endpoint.parse(url)
  if not parts then return nil, "the metadata service's endpoint " .. message end
  return parts.url
end

-- A link-local service is never behind a proxy: the proxy would answer with its own role.
local function ask(session, method, path, headers)
  local limit = session.settings.metadata_service_timeout or TIMEOUT
  local attempts = session.settings.metadata_service_num_attempts
  local request = {
    method = method,
    url = session.base .. path,
    headers = headers,
    timeouts = { connect = limit, total = limit },
  }
  local tries = 0
  while true do
    tries = tries + 1
    local answer, message = session.context.send(request, { direct = true })
    if answer and answer.status < 500 then return answer end
    message = message or "HTTP " .. answer.status
    if tries >= (attempts or answer and FAILED_ATTEMPTS or SILENT_ATTEMPTS) then
      return nil, message
    end
    session.context.sleep(tries * PAUSE)
  end
end

local function cached_token(session)
  local token = session.context.memory.imds_token
  if token and token.base == session.base and session.context.now() < token.ends then
    return token.text
  end
  return nil
end

local function fetch_token(session)
  local asked_at = session.context.now()
  local headers = { ["x-aws-ec2-metadata-token-ttl-seconds"] = tostring(TOKEN_LIFETIME) }
  local answer, message = ask(session, "PUT", TOKEN_PATH, headers)
  if not answer then return nil, message end
  if answer.status ~= 200 then return nil, "HTTP " .. answer.status, answer.status == 400 end
  if not answer.body:find("^[%w%p]+$") then return nil, "its token is no header value" end
  local lifetime = tonumber(answer.headers["x-aws-ec2-metadata-token-ttl-seconds"])
  session.context.memory.imds_token = {
    base = session.base,
    text = answer.body,
    ends = asked_at + (lifetime or TOKEN_LIFETIME) - TOKEN_MARGIN,
  }
  return answer.body
end

-- Version 2's token, or false for version 1; or nil and why neither will do.
local function find_token(session)
  local token = cached_token(session)
  if token then return token end
  local message, is_final
  token, message, is_final = fetch_token(session)
  if token then return token end
  message = "the metadata service gave no token: " .. message
  if is_final then return nil, message end
  if session.settings.ec2_metadata_v1_disabled then
    return nil, message .. " (and version 1 is switched off)"
  end
  session.context.log("debug", message)
  return false
end

-- One GET; a token that the service knows no more is replaced once.
local function get(session, path)
  local answer, message
  for _ = 1, 2 do
    if session.token == nil then session.token, message = find_token(session) end
    if session.token == nil then return nil, message end
    local headers = { ["x-aws-ec2-metadata-token"] = session.token or nil }
    answer, message = ask(session, "GET", path, headers)
    if not answer or answer.status ~= 401 or not session.token then break end
    session.token, session.context.memory.imds_token = nil, nil
  end
  return answer, message
end

local function find_role(session)
  local answer, message = get(session, ROLE_PATH)
  if not answer then return nil, "no answer about a role: " .. message end
  if answer.status == 404 then return nil, "the instance has no role" end
  local role = answer.body:match("^%s*([%w+=,.@_-]+)")
  if answer.status == 200 and role then return role end
  return nil, "no role named, HTTP " .. answer.status
end

-- Member of the answer -> field.
local MEMBERS = {
  AccessKeyId = "access_key_id", SecretAccessKey = "secret_access_key", Token = "session_token",
}

local function credentials_of(document)
  local code = document.Code
  if code ~= nil and code ~= "Success" then
    return nil, ("%s: %s"):format(tostring(code), tostring(document.Message or ""))
  end
  local credentials = { expiration = timestamp.parse(tostring(document.Expiration)) }
  if not credentials.expiration then return nil, "the answer's Expiration is no time" end
  for name, field in pairs(MEMBERS) do
    if type(document[name]) ~= "string" then return nil, "the answer has no text for " .. name end
    credentials[field] = document[name]
  end
  if type(document.AccountId) == "string" then credentials.account_id = document.AccountId end
  return credentials
end

local function fetch_credentials(session, role)
  local answer, message = get(session, ROLE_PATH .. role)
  if not answer then return nil, message end
  if answer.status ~= 200 then return nil, "HTTP " .. answer.status end
  local document
  document, message = json.decode(answer.body)
  if not document then return nil, message end
  return credentials_of(document)
end

local function load(settings, context)
  if settings.ec2_metadata_disabled then return nil, "switched off (AWS_EC2_METADATA_DISABLED)" end
  local base, message = find_base(settings)
  if not base then return nil, message, true end
  local session = { settings = settings, context = context, base = base }
  local role, credentials
  role, message = find_role(session)
  if not role then return nil, message end
  credentials, message = fetch_credentials(session, role)
  if credentials then return credentials end
  return nil, ("the role %s: %s"):format(role, message), true, "CredentialsError"
end

return { name = "imds", load = load }
