-- Temporary keys that the hub takes until they end, or until a test says that they have.

local hub = require "spec.hub.app"

local LIFETIME = 3600 -- seconds
local ACCOUNT = "123456789012"

local issued = {}
local is_state = {
  __index = function(key, name)
    return name == "state" and key.expiration <= ngx.now() and "expired" or nil
  end,
}

--- Makes a key that the hub knows, named after the service that gives it.
---@param service string
---@param lifetime number? seconds
local function new(service, lifetime)
  local number = #issued + 1
  local random = ngx.md5(service .. number .. ngx.now())
  local key = setmetatable({
    access_key_id = ("ASIA%s%06d"):format(service:upper(), number),
    secret_access_key = "issued-secret+" .. random,
    session_token = "issued-session+token+" .. random .. "==",
    expiration = math.floor(ngx.now()) + (lifetime or LIFETIME),
    account = ACCOUNT,
  }, is_state)
  issued[number] = key
  hub.keys[key.access_key_id] = key
  return key
end

--- Ends all keys.
local function expire()
  for _, key in ipairs(issued) do key.state = "expired" end
end

local function iso8601(time) return os.date("!%Y-%m-%dT%H:%M:%SZ", time) end

return { new = new, expire = expire, all = issued, iso8601 = iso8601, ACCOUNT = ACCOUNT }
