-- Credentials of a container's role: from the agent of ECS, of EKS Pod Identity, or whatever else
-- AWS_CONTAINER_CREDENTIALS_FULL_URI names. Over plain HTTP only a host that cannot be far away is
-- asked, and never through a proxy: the answer is a secret, and so is the token.

local endpoint = require "lmigrationhub.endpoint"
local json = require "lmigrationhub.json"
local timestamp = require "lmigrationhub.timestamp"

local RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
local FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

local RELATIVE_HOST = "http://169.254.170.2"
local TIMEOUTS = { connect = 2, total = 2 } -- seconds
local ATTEMPTS, PAUSE = 3, 1 -- seconds between attempts

local PLAIN_HOSTS = {
  ["localhost"] = true, ["[::1]"] = true,
  ["169.254.170.2"] = true, -- ECS
  ["169.254.170.23"] = true, ["[fd00:ec2::23]"] = true, -- EKS Pod Identity
}

local function is_loopback(host)
  local bytes = { host:match("^(127)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$") }
  for _, byte in ipairs(bytes) do
    if tonumber(byte) > 255 then return false end
  end
  return #bytes == 4
end

local function relative_url(uri)
  if uri:find("^/[^%s%c#]*$") then return RELATIVE_HOST .. uri end
  return nil, RELATIVE_URI .. " is not a path"
end

local function full_url(uri)
  local scheme, authority, rest = uri:match("^(%a[%w+.-]*)://([^/?#]*)(.*)$")
  if not scheme then return nil, FULL_URI .. " names no host" end
  scheme = scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then
    return nil, FULL_URI .. " has another scheme than http and https"
  end
  local parts = endpoint.parse(scheme .. "://" .. authority)
  if not parts or rest:find("[%s%c#]") then
    return nil, FULL_URI .. " has no valid host, port and path"
  end
  local host = parts.host:gsub(":%d+$", "")
  if scheme == "http" and not (PLAIN_HOSTS[host] or is_loopback(host)) then
    return nil, ("%s: the host %s is not allowed over http, only loopback and the addresses of ECS "
      .. "and EKS are"):format(FULL_URI, host)
  end
  return parts.url .. (rest:find("^/") and rest or "/" .. rest)
end

local function find_url(settings)
  local relative = settings.container_credentials_relative_uri
  if relative then return relative_url(relative) end
  return full_url(settings.container_credentials_full_uri)
end

-- The file is read at each fetch: its token is replaced before it ends.
local function read_token(settings, context)
  local path = settings.container_authorization_token_file
  if not path then return settings.container_authorization_token end
  local file, message = context.open(path, "rb")
  if not file then return nil, TOKEN_FILE .. ": " .. message end
  local token
  token, message = file:read("*a")
  file:close()
  if not token or token == "" then return nil, TOKEN_FILE .. ": " .. (message or "empty") end
  return token
end

local function new_request(settings, context)
  local url, token, message
  url, message = find_url(settings)
  if not url then return nil, message end
  token, message = read_token(settings, context)
  if message then return nil, message end
  if token and token:find("%c") then
    return nil, "the authorization token holds control characters: it is no header value"
  end
  return {
    method = "GET",
    url = url,
    headers = { accept = "application/json", authorization = token },
    timeouts = TIMEOUTS,
  }
end

local function refusal(answer)
  local document = json.decode(answer.body) or {}
  local text = "HTTP " .. answer.status
  for _, name in ipairs { "code", "message" } do
    if type(document[name]) == "string" then text = text .. ": " .. document[name] end
  end
  return text
end

local function fetch(request, context)
  local answer, message = context.send(request, { direct = true })
  if not answer then return nil, message end
  if answer.status ~= 200 then return nil, refusal(answer) end
  return json.decode(answer.body)
end

local function fetch_patiently(request, context)
  local document, message
  for attempt = 1, ATTEMPTS do
    if attempt > 1 then context.sleep(PAUSE) end
    document, message = fetch(request, context)
    if document then return document end
  end
  return nil, ("no answer with credentials in %d attempts: %s"):format(ATTEMPTS, message)
end

-- Member of the answer -> field, and whether it must be there.
local MEMBERS = {
  { "AccessKeyId", "access_key_id", true },
  { "SecretAccessKey", "secret_access_key", true },
  { "Token", "session_token" },
  { "AccountId", "account_id" },
}

local function credentials_of(document)
  local credentials = {}
  for _, member in ipairs(MEMBERS) do
    local value = document[member[1]]
    if type(value) ~= "string" and (value ~= nil or member[3]) then
      return nil, "the answer has no text for " .. member[1]
    end
    credentials[member[2]] = value
  end
  local expiration = document.Expiration
  credentials.expiration = timestamp.parse(tostring(expiration))
  if expiration ~= nil and not credentials.expiration then
    return nil, "the answer's Expiration is no time"
  end
  return credentials
end

local function load(settings, context)
  if not (settings.container_credentials_relative_uri or settings.container_credentials_full_uri)
  then
    return nil, ("neither %s nor %s is set"):format(RELATIVE_URI, FULL_URI)
  end
  local credentials, request, document, message
  request, message = new_request(settings, context)
  if not request then return nil, message, true end
  document, message = fetch_patiently(request, context)
  if document then credentials, message = credentials_of(document) end
  if credentials then return credentials end
  return nil, message, true, "CredentialsError"
end

return { name = "container", load = load }
