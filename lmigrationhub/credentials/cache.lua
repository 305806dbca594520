-- Keeps credentials and renews them in time, by the SDKs' rules of static stability: early, while
-- the old ones still serve; and when a renewal fails the old ones go on serving, even past their
-- end, because a service may take them longer than its source takes to recover. One renewal runs at
-- a time, however many coroutines ask.

local MANDATORY_WINDOW = 60 -- seconds before the end in which everybody waits for new ones
local LATE_WINDOW = 10 -- seconds, of sources that are only asked when it must be
local BACKOFF, BACKOFF_SPREAD = 300, 300 -- seconds without a try after a failure
-- Lifetime left when they came, in seconds -> how long before the end they are renewed.
local ADVISORY_WINDOWS = {
  { lifetime = 20 * 60, window = 5 * 60 },
  { lifetime = 90 * 60 - 1, window = 15 * 60 },
  { lifetime = math.huge, window = 60 * 60 },
}
-- Seconds after which another coroutine tries too: nginx can kill a coroutine, and nobody is told.
-- A renewal that takes longer is only made twice.
local LEASE = 15
local STEP = 0.05 -- seconds between looks at somebody else's renewal
local LOOK = 1 -- seconds between looks at what other workers have found

local MAIN = {} -- stands for the main coroutine: Lua 5.1 has no value for it
-- nginx's own `status` knows only the coroutines of the request at hand; _status is Lua's.
local status = rawget(coroutine, "_status") or coroutine.status

local function advisory_window(lifetime)
  for _, tier in ipairs(ADVISORY_WINDOWS) do
    if lifetime <= tier.lifetime then return tier.window end
  end
end

-- The times from which on they are renewed: without haste, and before anything else.
local function windows(credentials, is_late, now)
  local ends = credentials.expiration
  if not ends then return math.huge, math.huge end
  if is_late then return ends - LATE_WINDOW, ends - LATE_WINDOW end
  return ends - advisory_window(ends - now), ends - MANDATORY_WINDOW
end

-- They are there only once all is known of them: Lua may run out of memory at each step.
local function keep(state, credentials, is_late, now)
  state.is_late = is_late
  state.advisory_at, state.mandatory_at = windows(credentials, is_late, now)
  state.kept, state.blocked_until, state.is_rejected = credentials, nil, nil
end

---@return "initial"|"valid"|"advisory"|"mandatory"
local function phase_of(state, now)
  if not state.kept then return "initial" end
  if now < state.advisory_at then return "valid" end
  if state.blocked_until and now < state.blocked_until then return "valid" end
  return now < state.mandatory_at and "advisory" or "mandatory"
end

-- A lease is also over when its owner is (collected, ended by an error, or back here to ask again)
-- and when the clock went back.
local function is_leased(lease, now)
  if not lease or now < lease.begun or now - lease.begun >= LEASE then return false end
  local owner = lease.owner[1]
  if owner == nil or owner == (coroutine.running() or MAIN) then return false end
  return owner == MAIN or status(owner) ~= "dead"
end

local function take_lease(state, now)
  local owner = setmetatable({ coroutine.running() or MAIN }, { __mode = "v" })
  state.lease = { owner = owner, begun = now }
  return state.lease
end

local function has_ended(credentials, now)
  return credentials.expiration ~= nil and credentials.expiration <= now
end

local function block(state, world, failure)
  local pause = BACKOFF + BACKOFF_SPREAD * world.random()
  state.blocked_until = world.now() + pause
  world.log("warn", ("the credentials were not renewed, the old ones serve on for %.0f s: %s")
    :format(pause, failure.message))
end

-- What serves after a failure: the old ones, or nothing.
local function after_failure(state, world, failure)
  local kept = state.kept
  local is_over = not kept or failure.is_final
    or state.is_late and has_ended(kept, world.now())
  state.failure = is_over and failure or nil
  if is_over then return nil, failure end
  if not state.is_late then block(state, world, failure) end
  return kept
end

local ALREADY_ENDED = {
  code = "CredentialsError", message = "the source gave credentials that had already expired",
}

-- Another worker renews them, and the old ones are still good.
local function leave_to_others(state, world)
  state.blocked_until = world.now() + LOOK
  return state.kept
end

local function renew(state, world, phase)
  local lease = take_lease(state, world.now())
  local credentials, detail = world.fetch {
    kept = state.kept, is_urgent = phase ~= "advisory", is_rejected = state.is_rejected,
  }
  if state.lease == lease then state.lease = nil end
  state.round = state.round + 1
  if credentials == false then return leave_to_others(state, world) end
  if not credentials then return after_failure(state, world, detail) end
  local now = world.now()
  if has_ended(credentials, now) then return after_failure(state, world, ALREADY_ENDED) end
  state.failure = nil
  keep(state, credentials, detail, now)
  return credentials
end

-- While no renewal is tried, another worker may have had more luck.
local function look(state, world, now)
  if not world.look or now < state.advisory_at then return end
  if state.looked_at and math.abs(now - state.looked_at) < LOOK then return end
  state.looked_at = now
  local credentials, is_late = world.look(state.kept)
  if credentials then keep(state, credentials, is_late, now) end
end

local function get(state, world)
  local round = state.round
  while true do
    local now = world.now()
    local phase = phase_of(state, now)
    if phase == "valid" then
      look(state, world, now)
      return state.kept
    end
    if not is_leased(state.lease, now) then return renew(state, world, phase) end
    if phase == "advisory" then return state.kept end
    world.sleep(STEP)
    -- Those who waited for one failure share it: each of them would only wait for the next.
    if state.round ~= round and state.failure then return nil, state.failure end
  end
end

local function invalidate(state, rejected)
  local kept = state.kept
  if not kept or kept.access_key_id ~= rejected.access_key_id
    or kept.session_token ~= rejected.session_token
  then
    return false
  end
  state.advisory_at, state.mandatory_at, state.is_rejected = -math.huge, -math.huge, true
  return true
end

---@class lmigrationhub.CredentialsFailure
---@field code string
---@field message string
---@field is_final boolean? only the user can mend it: told at once, not outlived

---@class lmigrationhub.CredentialsCache
---@field get fun(): lmigrationhub.Credentials?, lmigrationhub.CredentialsFailure?
---@field invalidate fun(rejected: lmigrationhub.Credentials): boolean

---@class lmigrationhub.Renewal what `fetch` is told
---@field kept lmigrationhub.Credentials? those to be replaced
---@field is_urgent boolean they do not serve on for long
---@field is_rejected boolean? the service does not accept them

--- Makes a cache. `fetch` gives credentials, and true if their source is only to be asked when they
--- end; or nil and a failure; or, where there is no haste, false: somebody else is at it. It may
--- wait: other coroutines go on meanwhile. `look`, which there need not be, gives what others found
--- since, as `fetch` does but at once, or nil.
---@param world table with fetch, perhaps look, and now, sleep, random, log
---@return lmigrationhub.CredentialsCache
local function new(world)
  local state = { round = 0 }
  return {
    get = function() return get(state, world) end,
    invalidate = function(rejected) return invalidate(state, rejected) end,
  }
end

--- Would credentials that came now have to be renewed already?
---@param credentials lmigrationhub.Credentials
---@param is_late boolean? their source is only asked when they end
---@param now number seconds since 1970 UTC
---@return boolean
local function is_due(credentials, is_late, now)
  return now >= (windows(credentials, is_late, now))
end

return { new = new, is_due = is_due }
