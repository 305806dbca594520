-- The chain: asks one provider after the other, at the first call and whenever the credentials must
-- be renewed. A provider takes settings and context and gives credentials; or nil and why it has
-- none; or nil, what is wrong, true and perhaps a code, which ends the search: half of a key pair
-- is a mistake, not an absence. Providers are loaded when they are asked.

local cache = require "lmigrationhub.credentials.cache"
local errors = require "lmigrationhub.errors"

local function explicit() return require "lmigrationhub.credentials.explicit" end
local function environment() return require "lmigrationhub.credentials.environment" end
local function static() return require "lmigrationhub.credentials.static" end
local function assume_role() return require "lmigrationhub.credentials.assume_role" end
local function web_identity() return require "lmigrationhub.credentials.web_identity" end
local function sso() return require "lmigrationhub.credentials.sso" end
local function login() return require "lmigrationhub.credentials.login" end
local function process() return require "lmigrationhub.credentials.process" end
local function container() return require "lmigrationhub.credentials.container" end
local function imds() return require "lmigrationhub.credentials.imds" end

-- What a profile's keys ask for; the first of them counts. The SDKs agree that roles and SSO go
-- before keys; with login or process beside keys they do not, and it is botocore's order here.
local PROFILE = {
  { provider = web_identity, keys = { "web_identity_token_file" }, is_role = true },
  { provider = assume_role, keys = { "role_arn" }, is_role = true },
  { provider = sso, keys = { "sso_account_id", "sso_role_name", "sso_session" } },
  { provider = static, keys = { "aws_access_key_id", "aws_secret_access_key" } },
  { provider = login, keys = { "login_session" } },
  { provider = process, keys = { "credential_process" } },
}

-- The names that credential_source uses.
local SOURCES = { environment = environment, ecscontainer = container, ec2instancemetadata = imds }

local function has_any(profile, keys)
  for _, key in ipairs(keys) do
    if profile[key] ~= nil then return true end
  end
  return false
end

local function text(value)
  return type(value) == "string" and value ~= "" and value or false
end

-- The settings as providers see them in a profile: of roles, only the profile's own count.
local function settings_in(settings, name, profile, visited)
  return setmetatable({
    profile = name,
    visited = visited,
    web_identity_token_file = text(profile.web_identity_token_file),
    role_arn = text(profile.role_arn),
    role_session_name = text(profile.role_session_name),
  }, { __index = settings })
end

-- Both go into headers, and where they come from there may be anything.
local function flaw_of(credentials)
  if not credentials.access_key_id:find "^[%w!#$%%&'*+.^_`|~-]+$" then
    return "the access key id holds what no key id has"
  end
  return (credentials.session_token or ""):find "%c" and "the session token is no text for a header"
end

-- Credentials that know their source, and whether that is only to be asked when they end.
local function ask(provider, settings, context)
  local credentials, message, is_broken, code = provider.load(settings, context)
  if not credentials then return nil, provider.name .. ": " .. message, is_broken, code end
  local flaw = flaw_of(credentials)
  if flaw then return nil, provider.name .. ": " .. flaw, true end
  credentials.source = provider.source or provider.name
  return credentials, provider.is_late
end

-- In a profile that another one names, keys go before roles; in one that names itself there is no
-- other role than the one that is being assumed.
local function in_profile(settings, context, profile, is_itself)
  local keys = text(profile.aws_access_key_id) and text(profile.aws_secret_access_key)
  if keys and settings.visited then return ask(static(), settings, context) end
  local reasons = {}
  for _, row in ipairs(PROFILE) do
    if has_any(profile, row.keys) and not (is_itself and row.is_role) then
      local credentials, detail, is_broken, code = ask(row.provider(), settings, context)
      if credentials or is_broken then return credentials, detail, is_broken, code end
      reasons[#reasons + 1] = detail
    end
  end
  return nil, #reasons > 0 and table.concat(reasons, "; ") or "it holds no credentials"
end

local function profiles_of(settings)
  return settings.files and settings.files.profiles or {}
end

-- The credentials of a profile that another one names as its source.
local function of_profile(settings, context, name, visited)
  local profile, referrer = profiles_of(settings)[name], visited[#visited]
  if not profile then return nil, "there is no such profile, referenced from " .. referrer, true end
  for index, earlier in ipairs(visited) do
    if earlier == name and index < #visited then
      return nil, "the profiles form an infinite loop: " .. table.concat(visited, " -> "), true
    end
  end
  local own = settings_in(settings, name, profile, visited)
  return in_profile(own, context, profile, name == referrer)
end

local function ask_profile(settings, context)
  local name = settings.profile or "default"
  local profile, label = profiles_of(settings)[name], ("profile %s: "):format(name)
  if not profile then return nil, label .. "not found", settings.profile ~= nil end
  local own = settings_in(settings, name, profile)
  local credentials, detail, is_broken, code = in_profile(own, context, profile)
  if credentials then return credentials, detail end
  return nil, label .. detail, is_broken, code
end

local function asking(find)
  return function(settings, context) return ask(find(), settings, context) end
end

-- That nothing was given is known without loading the provider.
local function ask_explicit(settings, context)
  if not settings.credentials then return nil, "option credentials: none given in code" end
  return ask(explicit(), settings, context)
end

-- unless: a setting that switches the row off.
local CHAIN = {
  { ask = ask_explicit },
  { ask = asking(environment), unless = "profile_in_code" },
  { ask = ask_profile },
  { ask = asking(web_identity), unless = "profile_in_code" },
  { ask = asking(container) },
  { ask = asking(imds) },
}

local function no_credentials(reasons)
  local all = table.concat(reasons, "; ")
  return { code = "NoCredentials", message = "unable to locate credentials (" .. all .. ")" }
end

-- As `ask`, over all rows; or nil and a failure.
local function search(settings, context)
  local reasons = {}
  for _, row in ipairs(CHAIN) do
    if not (row.unless and settings[row.unless]) then
      local credentials, detail, is_broken, code = row.ask(settings, context)
      if credentials then
        context.log("debug", "credentials found by: " .. credentials.source)
        return credentials, detail
      end
      if is_broken then return nil, { code = code or "InvalidCredentials", message = detail } end
      reasons[#reasons + 1] = detail
    end
  end
  return nil, no_credentials(reasons)
end

-- Codes of failures that only the user can mend, by logging in again.
local FINAL_CODES = { LoginRequired = true }

-- As cache.lua wants it.
local function fetch(settings, context)
  local credentials, detail = search(settings, context)
  if not credentials then detail.is_final = FINAL_CODES[detail.code] end
  return credentials, detail
end

-- Can what is found be temporary? Keys that were given go before all else, those of a profile
-- before what else it names, and none of them is shared.
local function may_be_temporary(settings)
  local has_keys = settings.access_key_id or settings.secret_access_key
  if settings.credentials or has_keys and not settings.profile_in_code then return false end
  local profile = profiles_of(settings)[settings.profile or "default"] or {}
  for _, row in ipairs(PROFILE) do
    if has_any(profile, row.keys) then return row.provider ~= static end
  end
  return true
end

-- `fetch`, and perhaps `look`, for cache.lua.
local function fetcher(settings, context, store)
  local function fetch_alone() return fetch(settings, context) end
  if not (store and may_be_temporary(settings)) then return { fetch = fetch_alone } end
  return require("lmigrationhub.credentials.shared").new {
    store = store, fingerprint = require("lmigrationhub.credentials.fingerprint").of(settings),
    search = fetch_alone, is_due = cache.is_due, flaw_of = flaw_of,
    now = context.now, sleep = context.sleep, log = context.log,
  }
end

local function new_context(settings, world)
  local context = require("lmigrationhub.credentials.context").new(settings, world)
  function context.of_profile(name, visited)
    return of_profile(settings, context, name, visited)
  end
  function context.of_source(name) return ask(SOURCES[name](), settings, context) end
  function context.sts(...)
    return require("lmigrationhub.credentials.sts").call(settings, context, ...)
  end
  return context
end

local function new_error(failure)
  return errors.new { kind = "credentials", code = failure.code, message = failure.message }
end

---@class lmigrationhub.CredentialsSource
---@field get fun(): lmigrationhub.Credentials?, lmigrationhub.Error?
---@field invalidate fun(rejected: lmigrationhub.Credentials): boolean

--- Makes the source of a client's credentials. `get` looks for them, renews them, or gives those it
--- keeps. `invalidate` is told that the service rejected some: if they still are the ones kept, the
--- next `get` renews them. It is all closures, so that no dump of a client shows a secret.
---@param settings table of config.lua
---@param world lmigrationhub.World
---@return lmigrationhub.CredentialsSource
local function new(settings, world)
  local context = new_context(settings, world)
  local found = fetcher(settings, context, world.store)
  local kept = cache.new {
    now = context.now, sleep = context.sleep, random = context.random, log = context.log,
    fetch = found.fetch, look = found.look,
  }
  return {
    get = function()
      local credentials, failure = kept.get()
      if credentials then return credentials end
      return nil, new_error(failure)
    end,
    invalidate = kept.invalidate,
  }
end

return { new = new }
