-- One renewal for all workers of an nginx: who has the lease searches, and leaves what it found in
-- a store, where the others wait for it or look now and then. Only temporary credentials get there.
-- What the store lacks, refuses or holds in another form stops nobody: each can search itself.

local json = require "lmigrationhub.json"

local PREFIX = "lmigrationhub credentials 1 " -- the number is that of the entry's form
local LEASE = 15 -- seconds after which an owner counts as dead; a longer search is made twice
local STEP = 0.05 -- seconds between looks at somebody else's search
local PATIENCE = 400 -- looks, which take longer than a lease
local COURTESY = 2 * STEP -- seconds in which others may be next, after a failure of ours

-- The sources of temporary credentials.
local SOURCES = {
  ["assume role"] = true, ["web identity"] = true, sso = true, login = true, process = true,
  container = true, imds = true,
}

-- Member of an entry -> type, and whether it must be there.
local MEMBERS = {
  access_key_id = { "string", true }, secret_access_key = { "string", true },
  session_token = { "string", true }, expiration = { "number", true },
  source = { "string", true }, account_id = { "string" }, is_late = { "boolean" },
}

local function may_be_shared(credentials)
  return credentials.session_token ~= nil and credentials.expiration ~= nil
    and SOURCES[credentials.source] == true
end

local function has_form(entry)
  for name, member in next, MEMBERS do
    local value, form, is_required = entry[name], member[1], member[2]
    if value == "" or type(value) ~= form and (value ~= nil or is_required) then return false end
  end
  for name in next, entry do
    if not MEMBERS[name] then return false end
  end
  return true
end

-- The entry's credentials and whether their source is late; nil where there is none in our form.
local function read(shared)
  local text = shared.store:get(shared.key)
  local entry = text and json.decode(text)
  if not entry or not has_form(entry) then return nil end
  local is_late = entry.is_late
  entry.is_late = nil
  if not may_be_shared(entry) or shared.flaw_of(entry) then return nil end
  return entry, is_late
end

local function write(shared, credentials, is_late, seconds)
  local entry = { is_late = is_late }
  for name, value in next, credentials do entry[name] = value end
  local ok, message = shared.store:set(shared.key, json.encode(entry), seconds)
  if not ok then
    return shared.log("warn", "the renewed credentials could not be shared: " .. message)
  end
  shared.log("debug", "credentials renewed for all workers")
end

local function are_same(one, other)
  return other ~= nil and one.access_key_id == other.access_key_id
    and one.session_token == other.session_token
end

-- What another worker has found, better than what is to be renewed.
local function look(shared, kept)
  local credentials, is_late = read(shared)
  if not credentials or are_same(credentials, kept) then return nil end
  if shared.is_due(credentials, is_late, shared.now()) then return nil end
  shared.log("debug", "credentials taken from the shared cache: " .. credentials.source)
  return credentials, is_late
end

-- What the service has rejected is for nobody else to take.
local function withdraw(shared, rejected)
  local credentials = read(shared)
  if credentials and are_same(credentials, rejected) then shared.store:remove(shared.key) end
end

local function search(shared, kept)
  local credentials, detail = shared.search()
  shared.has_failed = not credentials
  if not credentials then return nil, detail end
  shared.is_private = not may_be_shared(credentials)
  local seconds = not shared.is_private and credentials.expiration - shared.now() or 0
  if seconds > 0 and not are_same(credentials, kept) then
    write(shared, credentials, detail, seconds)
  end
  return credentials, detail
end

-- With the lease; who had it before may have found some just now.
local function search_for_all(shared, kept, owner)
  local credentials, detail = look(shared, kept)
  if not credentials then credentials, detail = search(shared, kept) end
  shared.store:give_back(shared.lease, owner)
  return credentials, detail
end

-- As cache.lua wants it: false when another worker is at it and there is no haste.
local function fetch(shared, wanted)
  local kept = wanted.kept
  if shared.is_private then return search(shared, kept) end
  if wanted.is_rejected then withdraw(shared, kept) end
  if wanted.is_urgent and shared.has_failed then shared.sleep(COURTESY) end
  for _ = 1, PATIENCE do
    local credentials, is_late = look(shared, kept)
    if credentials then return credentials, is_late end
    local owner, message = shared.store:take(shared.lease, LEASE)
    if owner then return search_for_all(shared, kept, owner) end
    if message then
      shared.log("warn", "the renewal of credentials cannot be shared: " .. message)
      break
    end
    if not wanted.is_urgent then return false end
    shared.sleep(STEP)
  end
  return search(shared, kept)
end

---@class lmigrationhub.SharedCredentials
---@field fetch fun(wanted: lmigrationhub.Renewal): lmigrationhub.Credentials?, any
---@field look fun(kept: lmigrationhub.Credentials?): lmigrationhub.Credentials?, boolean?

--- Shares the searches of all workers.
---@param parts table store; fingerprint of the client; search, a fetch of cache.lua; is_due of
---cache.lua; flaw_of, a check of credentials; now; sleep; log
---@return lmigrationhub.SharedCredentials
local function new(parts)
  local shared = {
    store = parts.store, search = parts.search, is_due = parts.is_due, flaw_of = parts.flaw_of,
    now = parts.now, sleep = parts.sleep, log = parts.log,
    key = PREFIX .. parts.fingerprint, lease = PREFIX .. parts.fingerprint .. " lease",
    has_failed = false, is_private = false,
  }
  return {
    fetch = function(wanted) return fetch(shared, wanted) end,
    look = function(kept) return look(shared, kept) end,
  }
end

return { new = new }
