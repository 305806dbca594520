local cache = require "lmigrationhub.credentials.cache"
local unpack = table.unpack or unpack

local LIFETIME = 3600 -- seconds; renewed from 2700 on, by all from 3540 on
local TIMES = { none = 0, valid = 1000, advisory = 3000, mandatory = 3550, expired = 3700 }
local FAILURE = { code = "CredentialsError", message = "the source is down" }
local FINAL = { code = "LoginRequired", message = "the session is over", is_final = true }

-- A source, a clock and the cache between them.
local function new_world(options)
  options = options or {}
  local world = { time = 0, asked = 0, warnings = {} }
  local function fetch(wanted)
    world.asked, world.wanted = world.asked + 1, wanted
    return world.source()
  end
  world.cache = cache.new {
    fetch = fetch,
    now = function() return world.time end,
    sleep = options.sleep or function() error "slept" end,
    random = function() return options.random or 0.4 end,
    log = function(level, message) table.insert(world.warnings, level .. ": " .. message) end,
  }
  function world.gives(name, lifetime, is_late)
    local ends = lifetime and world.time + lifetime
    world.source = function()
      return { access_key_id = name, secret_access_key = "secret", expiration = ends }, is_late
    end
  end
  function world.fails(failure)
    world.source = function() return nil, failure or FAILURE end
  end
  return world
end

local function served(world)
  local credentials, failure = world.cache.get()
  if credentials then return credentials.access_key_id end
  return nil, failure
end

local sources = {}
function sources.fresh(world) world.gives("new", LIFETIME) end
function sources.stale(world) world.gives("stale", 0) end
function sources.failing(world) world.fails() end
function sources.final(world) world.fails(FINAL) end

local function run(given, steps)
  local world = new_world()
  if given ~= "none" then
    world.gives("old", LIFETIME)
    served(world)
    world.time = TIMES[given]
  end
  for number, step in ipairs(steps) do
    world.time = world.time + (step.advance or 0)
    if step.invalidate then world.cache.invalidate { access_key_id = step.invalidate } end
    if step.gives then
      local asked = world.asked
      if step.source then sources[step.source](world) end
      local name, failure = served(world)
      assert.equal(step.gives, name or failure.code, "step " .. number)
      assert.equal(step.source ~= nil, world.asked > asked, "step " .. number .. " asked")
    end
  end
end

-- The SDKs' common cases of credential refresh: where the clock stands, then steps. A step with
-- `source` asks it, one without does not. The case of a configured window has no counterpart.
local SCENARIOS = {
  { "serves what is valid", "valid", { gives = "old" } },
  { "renews ahead", "advisory", { source = "fresh", gives = "new" } },
  { "outlives a failure ahead", "advisory", { source = "failing", gives = "old" } },
  { "renews late", "mandatory", { source = "fresh", gives = "new" } },
  { "outlives a late failure", "mandatory", { source = "failing", gives = "old" } },
  { "renews after the end", "expired", { source = "fresh", gives = "new" } },
  { "serves on after the end", "expired", { source = "failing", gives = "old" } },
  { "has nothing to serve at first, and tries again at once", "none",
    { source = "failing", gives = "CredentialsError" }, { source = "fresh", gives = "new" } },
  { "takes stale ones for a failure ahead", "advisory", { source = "stale", gives = "old" } },
  { "takes stale ones for a failure late", "mandatory", { source = "stale", gives = "old" } },
  { "takes stale ones for a failure at first", "none",
    { source = "stale", gives = "CredentialsError" } },
  { "tells a final failure ahead", "advisory",
    { source = "final", gives = "LoginRequired" }, { source = "fresh", gives = "new" } },
  { "tells a final failure late", "mandatory",
    { source = "final", gives = "LoginRequired" }, { source = "fresh", gives = "new" } },
  { "tells a final failure at first", "none",
    { source = "final", gives = "LoginRequired" }, { source = "fresh", gives = "new" } },
  { "renews what was rejected", "valid",
    { invalidate = "old" }, { source = "fresh", gives = "new" } },
  { "serves what was rejected while the source fails", "valid",
    { invalidate = "old" }, { source = "failing", gives = "old" } },
  { "does not ask for rejected ones while it backs off", "expired",
    { source = "failing", gives = "old" },
    { advance = 60, invalidate = "old", gives = "old" },
    { advance = 425, source = "fresh", gives = "new" } },
  { "keeps what another rejection was not about", "valid",
    { invalidate = "older" }, { gives = "old" } },
  { "backs off after a failure", "expired",
    { source = "failing", gives = "old" },
    { advance = 300, gives = "old" },
    { advance = 119, gives = "old" },
    { advance = 1, source = "fresh", gives = "new" } },
}

-- Lifetime -> seconds before its end from which on it is renewed.
local WINDOWS = {
  [600] = 300, [1200] = 300, [1201] = 900, [1230] = 900, [5399] = 900, [5400] = 3600,
  [21600] = 3600,
}

describe("lmigrationhub.credentials.cache", function()
  for _, scenario in ipairs(SCENARIOS) do
    it(scenario[1], function() run(scenario[2], { unpack(scenario, 3) }) end)
  end

  for lifetime, window in pairs(WINDOWS) do
    it(("renews %d seconds ahead of the end after %d"):format(window, lifetime), function()
      local world = new_world()
      world.gives("old", lifetime)
      served(world)
      world.time = lifetime - window - 1
      served(world)
      assert.equal(1, world.asked)
      world.time = lifetime - window
      served(world)
      assert.equal(2, world.asked)
    end)
  end

  it("finds the window anew for each lifetime", function()
    local world = new_world()
    world.gives("old", 21600)
    served(world)
    world.time = 18060
    world.gives("new", 600)
    assert.equal("new", served(world))
    world.time = 18060 + 299
    assert.equal("new", served(world))
    assert.equal(2, world.asked)
  end)

  it("backs off between 300 and 600 seconds, by the dice", function()
    for random, pause in pairs { [0] = 300, [0.999] = 599.7 } do
      local world = new_world { random = random }
      world.gives("old", LIFETIME)
      served(world)
      world.time = TIMES.advisory
      world.fails()
      served(world)
      world.time = TIMES.advisory + pause - 0.01
      served(world)
      assert.equal(2, world.asked)
      world.time = TIMES.advisory + pause + 0.01
      served(world)
      assert.equal(3, world.asked)
    end
  end)

  it("warns of a failure that it outlives", function()
    local world = new_world()
    world.gives("old", LIFETIME)
    served(world)
    world.time = TIMES.advisory
    world.fails()
    served(world)
    assert.same({ "warn: the credentials were not renewed, the old ones serve on for 420 s: "
      .. "the source is down" }, world.warnings)
  end)

  it("never renews what does not end, unless it was rejected", function()
    local world = new_world()
    world.gives "keys"
    served(world)
    world.time = 1e9
    assert.equal("keys", served(world))
    assert.equal(1, world.asked)
    assert.is_true(world.cache.invalidate { access_key_id = "keys" })
    served(world)
    assert.equal(2, world.asked)
  end)

  it("tells whether a rejection was about what it keeps", function()
    local world = new_world()
    assert.is_false(world.cache.invalidate { access_key_id = "old" })
    world.gives("old", LIFETIME)
    served(world)
    assert.is_false(world.cache.invalidate { access_key_id = "old", session_token = "other" })
    assert.is_true(world.cache.invalidate { access_key_id = "old" })
  end)

  -- Phase -> what the source is told, besides what is kept.
  local WANTED = {
    none = { is_urgent = true }, advisory = { is_urgent = false }, mandatory = { is_urgent = true },
    expired = { is_urgent = true }, valid = { is_urgent = true, is_rejected = true },
  }
  for phase, wanted in pairs(WANTED) do
    it("tells the source what is wanted: " .. phase, function()
      local world = new_world()
      if phase ~= "none" then
        world.gives("old", LIFETIME)
        wanted.kept = world.cache.get()
      end
      world.time = TIMES[phase]
      if wanted.is_rejected then world.cache.invalidate { access_key_id = "old" } end
      world.gives("new", LIFETIME)
      served(world)
      assert.same(wanted, world.wanted)
    end)
  end

  it("goes on with the old ones for a second while somebody else renews them", function()
    local world = new_world()
    world.gives("old", LIFETIME)
    served(world)
    world.time = TIMES.advisory
    world.source = function() return false end
    assert.equal("old", served(world))
    world.gives("new", LIFETIME)
    world.time = TIMES.advisory + 0.9
    assert.equal("old", served(world))
    world.time = TIMES.advisory + 1
    assert.equal("new", served(world))
    assert.same({}, world.warnings)
  end)

  it("tells whether credentials that came now would be due", function()
    for lifetime, due in pairs { [300] = true, [301] = false, [1200] = false, [-1] = true } do
      assert.equal(due, cache.is_due({ expiration = 1000 + lifetime }, nil, 1000))
    end
    assert.is_false(cache.is_due({ expiration = 1011 }, true, 1000))
    assert.is_true(cache.is_due({ expiration = 1010 }, true, 1000))
    assert.is_false(cache.is_due({}, nil, 1000))
  end)

  describe("with a source that is only asked when it must be", function()
    local world

    before_each(function()
      world = new_world()
      world.gives("old", 600, true)
      served(world)
    end)

    it("renews ten seconds before the end", function()
      world.time = 589
      assert.equal("old", served(world))
      world.time = 590
      world.gives("new", 600, true)
      assert.equal("new", served(world))
    end)

    it("serves the old ones while they last, and asks each time", function()
      world.time = 595
      world.fails()
      assert.equal("old", served(world))
      assert.equal("old", served(world))
      assert.equal(3, world.asked)
    end)

    it("does not serve them past their end", function()
      world.time = 600
      world.fails()
      assert.same({ nil, FAILURE }, { served(world) })
    end)
  end)
end)

-- Coroutines that wait by yielding, and a clock that goes on by one step each round.
local function new_race()
  local race
  race = new_world {
    sleep = function(seconds)
      race.time = race.time + seconds
      coroutine.yield()
    end,
  }
  function race.slowly(source)
    race.source = function()
      for _ = 1, 3 do coroutine.yield() end
      return source()
    end
  end
  function race.start()
    return coroutine.create(function() return served(race) end)
  end
  return race
end

-- Resumes all in turn until each has ended; what each gave.
local function finish(threads, limit)
  local results, running = {}, #threads
  for _ = 1, limit or 100 do
    for index, thread in ipairs(threads) do
      if coroutine.status(thread) == "suspended" then
        local _, name, failure = coroutine.resume(thread)
        if coroutine.status(thread) == "dead" then
          results[index], running = name or failure, running - 1
        end
      end
    end
    if running == 0 then return results end
  end
  error(running .. " coroutines never ended")
end

describe("lmigrationhub.credentials.cache among coroutines", function()
  local race

  before_each(function() race = new_race() end)

  local function fresh(name)
    return function()
      return { access_key_id = name, secret_access_key = "x", expiration = race.time + LIFETIME }
    end
  end

  it("asks once for all of them", function()
    race.slowly(fresh "new")
    assert.same({ "new", "new", "new" }, finish { race.start(), race.start(), race.start() })
    assert.equal(1, race.asked)
  end)

  it("tells all that waited of one failure", function()
    race.slowly(function() return nil, FAILURE end)
    assert.same({ FAILURE, FAILURE, FAILURE },
      finish { race.start(), race.start(), race.start() })
    assert.equal(1, race.asked)
  end)

  it("lets the others go on with valid ones", function()
    race.source = fresh "old"
    served(race)
    race.time = TIMES.advisory
    race.slowly(fresh "new")
    local owner = race.start()
    coroutine.resume(owner)
    assert.equal("old", served(race))
    assert.same({ "new" }, finish { owner })
    assert.equal(2, race.asked)
  end)

  it("lets the others wait when the end is near", function()
    race.source = fresh "old"
    served(race)
    race.time = TIMES.mandatory
    race.slowly(fresh "new")
    assert.same({ "new", "new" }, finish { race.start(), race.start() })
    assert.equal(2, race.asked)
  end)

  it("serves the old ones to all that waited for a failure", function()
    race.source = fresh "old"
    served(race)
    race.time = TIMES.expired
    race.slowly(function() return nil, FAILURE end)
    assert.same({ "old", "old" }, finish { race.start(), race.start() })
    assert.equal(2, race.asked)
  end)

  it("does not wait for an owner that raised", function()
    race.slowly(function() error "broken" end)
    local owner = race.start()
    finish { owner }
    race.slowly(fresh "new")
    local before = race.time
    assert.same({ "new" }, finish { race.start() })
    assert.equal(before, race.time)
  end)

  it("does not wait for an own attempt that raised", function()
    race.source = function() error "broken" end
    assert.is_false((pcall(served, race)))
    race.source = fresh "new"
    assert.equal("new", served(race))
  end)

  it("does not wait for an owner that was collected", function()
    race.slowly(fresh "lost")
    coroutine.resume(race.start())
    collectgarbage()
    collectgarbage()
    race.slowly(fresh "new")
    local before = race.time
    assert.same({ "new" }, finish { race.start() })
    assert.equal(before, race.time)
  end)

  it("waits a quarter of a minute at most for an owner that stopped", function()
    race.slowly(fresh "lost")
    local owner = race.start()
    coroutine.resume(owner)
    race.slowly(fresh "new")
    local before = race.time
    assert.same({ "new", "new" }, finish({ race.start(), race.start() }, 2000))
    assert.near(15, race.time - before, 0.2)
    assert.equal("suspended", coroutine.status(owner))
    assert.equal(2, race.asked)
  end)

  it("does not wait longer because the clock went back", function()
    race.time = 10000
    race.slowly(fresh "lost")
    local owner = race.start()
    coroutine.resume(owner)
    race.time = 1000
    race.slowly(fresh "new")
    assert.same({ "new" }, finish { race.start() })
    assert.equal("suspended", coroutine.status(owner))
  end)

  it("takes what a late owner brings", function()
    race.slowly(fresh "late")
    local owner = race.start()
    coroutine.resume(owner)
    race.time = race.time + 16
    race.slowly(function() return nil, FAILURE end)
    assert.same({ FAILURE }, finish { race.start() })
    finish { owner }
    assert.equal("late", served(race))
  end)
end)
