local cache = require "lmigrationhub.credentials.cache"
local json = require "lmigrationhub.json"
local shared = require "lmigrationhub.credentials.shared"

local START = 1700000000 -- seconds since 1970 UTC
local LIFETIME = 3600 -- seconds; renewed from 2700 on, by all from 3540 on
local ADVISORY, MANDATORY = 2800, 3550
local ROUND = 0.05 -- seconds that pass while each worker has its turn
local KEY = "lmigrationhub credentials 1 print"
local LEASE = KEY .. " lease"
local FAILURE = { code = "CredentialsError", message = "the source is down" }

-- A store as shared_dict.lua gives one. It counts what it is asked.
local function new_store(machine)
  local store = { entries = {}, owners = 0, asked = 0 }
  function store:get(key)
    self.asked = self.asked + 1
    local entry = self.entries[key]
    return entry and machine.time < entry.ends and entry.value or nil
  end
  function store:set(key, value, seconds)
    if self.is_full then return nil, "no memory" end
    self.entries[key] = { value = value, ends = machine.time + seconds }
    return true
  end
  function store:remove(key) self.entries[key] = nil end
  function store:take(key, seconds)
    if self:get(key) then return false end
    self.owners = self.owners + 1
    local ok, message = self:set(key, "owner " .. self.owners, seconds)
    return ok and self:get(key), message
  end
  function store:give_back(key, owner)
    if self:get(key) == owner then self:remove(key) end
  end
  return store
end

-- Workers that share a store, one source and one clock. A search takes `rounds`.
local function new_machine()
  local machine = {
    time = START, passed = 0, rounds = 0, asked = 0, order = {}, at_once = 0, most = 0, lines = {},
  }
  machine.store = new_store(machine)

  function machine.gives(name, lifetime, changes)
    local credentials = {
      access_key_id = name, secret_access_key = "hidden", session_token = "token of " .. name,
      source = "imds",
    }
    for member, value in pairs(changes or {}) do credentials[member] = value or nil end
    local is_late = credentials.is_late
    credentials.is_late = nil
    machine.source = function()
      if lifetime then credentials.expiration = machine.time + lifetime end
      return credentials, is_late
    end
  end

  function machine.fails()
    machine.source = function() return nil, FAILURE end
  end

  local function sleep(seconds)
    local wake = machine.passed + seconds
    while machine.passed < wake do coroutine.yield() end
  end

  local function search(name)
    table.insert(machine.order, name)
    machine.asked, machine.at_once = machine.asked + 1, machine.at_once + 1
    machine.most = math.max(machine.most, machine.at_once)
    for _ = 1, machine.rounds do coroutine.yield() end
    machine.at_once = machine.at_once - 1
    return machine.source()
  end

  function machine.worker(fingerprint, name)
    local function log(level, message) table.insert(machine.lines, level .. ": " .. message) end
    local function now() return machine.time end
    local found = shared.new {
      store = machine.store, fingerprint = fingerprint or "print",
      search = function() return search(name) end,
      is_due = cache.is_due, now = now, sleep = sleep, log = log,
      flaw_of = function(credentials) return credentials.session_token:find "%c" end,
    }
    return cache.new {
      fetch = found.fetch, look = found.look, now = now, sleep = sleep, log = log,
      random = function() return 0 end,
    }
  end
  return machine
end

local function begin(worker)
  local thread = coroutine.create(function() return worker.get() end)
  return { thread = thread }
end

local function step(running)
  if coroutine.status(running.thread) ~= "suspended" then return end
  local ok, credentials, failure = coroutine.resume(running.thread)
  assert(ok, credentials)
  if coroutine.status(running.thread) == "dead" then
    running.credentials = credentials
    running.result = credentials and credentials.access_key_id or failure.code
  end
end

-- Lets all of them run in turn until each has ended: their results.
local function finish(machine, all, limit)
  for _ = 1, limit or 1000 do
    local results, ended = {}, 0
    for index, running in ipairs(all) do
      step(running)
      results[index] = running.result
      if running.result then ended = ended + 1 end
    end
    if ended == #all then return results end
    machine.time, machine.passed = machine.time + ROUND, machine.passed + ROUND
  end
  error "some never ended"
end

local function get(machine, worker) return finish(machine, { begin(worker) })[1] end

local function start(machine, count)
  local workers = {}
  for index = 1, count do workers[index] = machine.worker() end
  return workers
end

local function all_get(machine, workers)
  local running = {}
  for index, worker in ipairs(workers) do running[index] = begin(worker) end
  return finish(machine, running)
end

-- Workers that have the same credentials, at some time of their life.
local function started(machine, count, time)
  machine.gives("old", LIFETIME)
  local workers = start(machine, count)
  all_get(machine, workers)
  machine.time, machine.asked, machine.lines = START + time, 0, {}
  return workers
end

local function entry_of(machine)
  local entry = machine.store.entries[KEY]
  return entry and json.decode(entry.value)
end

local function rejected(name)
  return { access_key_id = name, session_token = "token of " .. name }
end

describe("lmigrationhub.credentials.shared", function()
  local machine

  before_each(function() machine = new_machine() end)

  describe("when nobody has any", function()
    it("asks once for all workers", function()
      machine.gives("new", LIFETIME)
      machine.rounds = 5
      assert.same({ "new", "new", "new" }, all_get(machine, start(machine, 3)))
      assert.equal(1, machine.asked)
    end)

    it("asks once, wherever the turn of each worker comes", function()
      for rounds = 0, 4 do
        for late = 1, 5 do
          machine = new_machine()
          machine.gives("new", LIFETIME)
          machine.rounds = rounds
          local first, second = begin(machine.worker()), begin(machine.worker())
          for _ = 1, late do step(first) end
          assert.same({ "new", "new" }, finish(machine, { second, first }))
          assert.equal(1, machine.asked)
        end
      end
    end)

    it("takes what there is, as long as it lasts", function()
      machine.gives("new", LIFETIME)
      get(machine, machine.worker())
      machine.time = START + LIFETIME - 301
      assert.equal("new", get(machine, machine.worker()))
      assert.equal(1, machine.asked)
      machine.gives("newer", LIFETIME)
      machine.time = START + LIFETIME - 299
      assert.equal("newer", get(machine, machine.worker()))
      assert.equal(2, machine.asked)
    end)

    it("looks once more when it has got the lease", function()
      machine.gives("new", LIFETIME)
      local other, take = machine.worker(), machine.store.take
      function machine.store:take(...)
        self.take = take
        get(machine, other)
        return take(self, ...)
      end
      assert.equal("new", get(machine, machine.worker()))
      assert.equal(1, machine.asked)
    end)

    it("gives the lease back", function()
      machine.gives("new", LIFETIME)
      get(machine, machine.worker())
      assert.is_nil(machine.store.entries[LEASE])
      machine.fails()
      machine.time = START + LIFETIME
      get(machine, machine.worker())
      assert.is_nil(machine.store.entries[LEASE])
    end)

    it("keeps clients of another kind apart", function()
      machine.gives("one", LIFETIME)
      get(machine, machine.worker "print")
      machine.gives("other", LIFETIME)
      assert.equal("other", get(machine, machine.worker "another"))
      assert.equal("one", get(machine, machine.worker "print"))
    end)
  end)

  describe("when the owner of the lease", function()
    local dead, others

    before_each(function()
      machine.gives("new", LIFETIME)
      machine.rounds = 5
      dead, others = begin(machine.worker()), start(machine, 2)
      step(dead)
    end)

    it("dies, another takes over after a quarter of a minute", function()
      assert.same({ "new", "new" }, all_get(machine, others))
      assert.equal(2, machine.asked)
      assert.near(15, machine.passed, 1)
    end)

    it("dies and the clock goes back, they wait for ever no more", function()
      local running = { begin(others[1]), begin(others[2]) }
      step(running[1])
      step(running[2])
      machine.time = START - 100000
      assert.same({ "new", "new" }, finish(machine, running))
      assert.near(20, machine.passed, 1)
    end)

    it("only seemed dead, what it brings serves too", function()
      machine.rounds = 400
      dead = begin(machine.worker "slow")
      step(dead)
      machine.rounds = 5
      assert.equal("new", get(machine, machine.worker "slow"))
      machine.gives("late", LIFETIME)
      assert.same({ "late" }, finish(machine, { dead }))
      assert.equal("late", get(machine, machine.worker "slow"))
    end)

    it("never ends, each searches itself in the end", function()
      function machine.store.take() return false end
      assert.equal("new", get(machine, others[1]))
      assert.near(20, machine.passed, 1)
    end)
  end)

  describe("when there are old ones", function()
    it("lets others go on with them, and take the new ones soon", function()
      local workers = started(machine, 2, ADVISORY)
      machine.gives("new", LIFETIME)
      machine.rounds = 5
      local owner = begin(workers[1])
      step(owner)
      assert.equal("old", get(machine, workers[2]))
      assert.equal(0, machine.passed)
      assert.same({ "new" }, finish(machine, { owner }))
      machine.time = machine.time + 1
      assert.equal("new", get(machine, workers[2]))
      assert.equal(1, machine.asked)
    end)

    it("does not ask for new ones that another worker has", function()
      local workers = started(machine, 3, ADVISORY)
      machine.gives("new", LIFETIME)
      for _, worker in ipairs(workers) do assert.equal("new", get(machine, worker)) end
      assert.equal(1, machine.asked)
    end)

    it("lets others wait when the end is near", function()
      local workers = started(machine, 3, MANDATORY)
      machine.gives("new", LIFETIME)
      machine.rounds = 5
      assert.same({ "new", "new", "new" }, all_get(machine, workers))
      assert.equal(1, machine.asked)
    end)

    it("takes over the renewal of an owner that died", function()
      local workers = started(machine, 2, ADVISORY)
      machine.gives("new", LIFETIME)
      machine.rounds = 5
      step(begin(workers[1]))
      for _ = 1, 14 do
        assert.equal("old", get(machine, workers[2]))
        machine.time = machine.time + 1
      end
      machine.time = machine.time + 2
      assert.equal("new", get(machine, workers[2]))
      assert.equal(2, machine.asked)
    end)

    it("does not take what is due itself", function()
      local workers = started(machine, 1, ADVISORY)
      machine.store:remove(KEY)
      machine.gives("newer", 200)
      assert.equal("newer", get(machine, machine.worker()))
      machine.gives("newest", LIFETIME)
      assert.equal("newest", get(machine, workers[1]))
    end)

    it("knows of a source that is asked when it must be", function()
      machine.gives("new", 600, { is_late = true, source = "process" })
      get(machine, machine.worker())
      local worker = machine.worker()
      assert.equal("new", get(machine, worker))
      machine.gives("newer", 600, { is_late = true, source = "process" })
      machine.time = START + 589
      assert.equal("new", get(machine, worker))
      machine.time = START + 590
      assert.equal("newer", get(machine, worker))
      assert.equal(2, machine.asked)
    end)
  end)

  describe("after a failure", function()
    it("lets the others try in turn, one at a time", function()
      machine.fails()
      machine.rounds = 3
      local workers = start(machine, 3)
      assert.same({ FAILURE.code, FAILURE.code, FAILURE.code }, all_get(machine, workers))
      assert.same({ 3, 1 }, { machine.asked, machine.most })
    end)

    it("lets another who waits be the next", function()
      machine.fails()
      machine.rounds = 1
      local workers = { machine.worker("print", "eager"), machine.worker("print", "patient") }
      local eager, patient = begin(workers[1]), begin(workers[2])
      step(eager)
      step(patient)
      finish(machine, { eager })
      finish(machine, { begin(workers[1]), patient })
      assert.same({ "eager", "patient", "eager" }, machine.order)
    end)

    it("takes what the next one found", function()
      machine.fails()
      local workers = start(machine, 2)
      assert.equal(FAILURE.code, get(machine, workers[1]))
      machine.gives("new", LIFETIME)
      assert.equal("new", get(machine, workers[2]))
      assert.equal("new", get(machine, workers[1]))
      assert.equal(2, machine.asked)
    end)

    it("takes it while it backs off, too", function()
      local workers = started(machine, 2, ADVISORY)
      machine.fails()
      assert.equal("old", get(machine, workers[1]))
      machine.gives("new", LIFETIME)
      assert.equal("new", get(machine, workers[2]))
      machine.time = machine.time + 1
      assert.equal("new", get(machine, workers[1]))
      assert.equal(2, machine.asked)
    end)

    it("looks once a second while it backs off, and does not ask", function()
      local workers = started(machine, 1, ADVISORY)
      machine.fails()
      get(machine, workers[1])
      get(machine, workers[1])
      local asked = machine.store.asked
      for _ = 1, 10 do assert.equal("old", get(machine, workers[1])) end
      assert.equal(asked, machine.store.asked)
      machine.time = machine.time + 1
      get(machine, workers[1])
      assert.equal(asked + 1, machine.store.asked)
      assert.equal(1, machine.asked)
    end)
  end)

  describe("what the service has rejected", function()
    it("is replaced for all by one worker", function()
      local workers = started(machine, 2, 100)
      machine.gives("new", LIFETIME)
      for _, worker in ipairs(workers) do
        assert.is_true(worker.invalidate(rejected "old"))
        assert.equal("new", get(machine, worker))
      end
      assert.equal(1, machine.asked)
    end)

    it("is not taken by a worker that starts", function()
      local workers = started(machine, 1, 100)
      workers[1].invalidate(rejected "old")
      machine.fails()
      assert.equal("old", get(machine, workers[1]))
      assert.is_nil(entry_of(machine))
      machine.gives("new", LIFETIME)
      assert.equal("new", get(machine, machine.worker()))
    end)

    it("does not come back from its source for others", function()
      local workers = started(machine, 1, 100)
      workers[1].invalidate(rejected "old")
      machine.gives("old", LIFETIME)
      assert.equal("old", get(machine, workers[1]))
      assert.is_nil(entry_of(machine))
    end)

    it("is forgotten when there are others", function()
      local workers = started(machine, 1, 100)
      workers[1].invalidate(rejected "old")
      machine.gives("new", LIFETIME)
      get(machine, workers[1])
      machine.time, machine.rounds = machine.time + ADVISORY, 5
      step(begin(workers[1]))
      assert.equal("new", get(machine, machine.worker()))
      assert.equal(0, machine.passed)
    end)

    it("does not take away what another worker has found since", function()
      local workers = started(machine, 2, 100)
      machine.gives("new", LIFETIME)
      workers[1].invalidate(rejected "old")
      get(machine, workers[1])
      workers[2].invalidate(rejected "old")
      get(machine, workers[2])
      assert.equal("new", entry_of(machine).access_key_id)
    end)
  end)

  describe("shares", function()
    local CASES = {
      { "roles", { source = "assume role" }, true },
      { "web identities", { source = "web identity" }, true },
      { "SSO's", { source = "sso" }, true },
      { "logins'", { source = "login" }, true },
      { "a program's", { source = "process", is_late = true }, true },
      { "a container's", { source = "container" }, true },
      { "an instance's, with account", { source = "imds", account_id = "123456789012" }, true },
      { "no option's", { source = "option credentials", is_late = true }, false },
      { "no environment's", { source = "environment", is_late = true }, false },
      { "no file's", { source = "profile" }, false },
      { "none of an unknown source", { source = "elsewhere" }, false },
      { "none without token", { session_token = false }, false },
    }
    for _, case in ipairs(CASES) do
      it(case[1], function()
        machine.gives("new", LIFETIME, case[2])
        assert.equal("new", get(machine, machine.worker()))
        assert.equal(case[3], entry_of(machine) ~= nil)
        assert.equal("new", get(machine, machine.worker()))
        assert.equal(case[3] and 1 or 2, machine.asked)
      end)
    end

    it("none without end", function()
      machine.gives("new")
      get(machine, machine.worker())
      assert.same({}, machine.store.entries)
    end)

    it("all that is known of them", function()
      machine.gives("new", LIFETIME, {
        source = "process", is_late = true, account_id = "123456789012",
      })
      local first, second = begin(machine.worker()), begin(machine.worker())
      finish(machine, { first, second })
      assert.same(first.credentials, second.credentials)
      assert.not_equal(first.credentials, second.credentials)
    end)

    it("them only until they end", function()
      machine.gives("new", LIFETIME)
      get(machine, machine.worker())
      assert.equal(START + LIFETIME, machine.store.entries[KEY].ends)
    end)

    it("nothing more once it found some that are not for all", function()
      machine.gives("keys", 100, { source = "environment", is_late = true })
      local worker = machine.worker()
      get(machine, worker)
      machine.time = START + 200
      local asked = machine.store.asked
      assert.equal("keys", get(machine, worker))
      assert.same({ 2, asked }, { machine.asked, machine.store.asked })
    end)
  end)

  describe("takes for none, and replaces,", function()
    local GOOD = {
      access_key_id = "good", secret_access_key = "hidden", session_token = "token",
      expiration = START + LIFETIME, source = "imds",
    }
    local function changed(name, value)
      local entry = {}
      for member, old in pairs(GOOD) do entry[member] = old end
      entry[name] = value
      return json.encode(entry)
    end

    local CASES = {
      { "what is no JSON", "good" }, { "a list", "[1]" }, { "nothing", "" }, { "an object", "{}" },
      { "a part", changed("good"):sub(1, -2) },
      { "bytes that are no UTF-8", changed("access_key_id", "g\255") },
      { "a number for a text", changed("secret_access_key", 5) },
      { "an empty text", changed("session_token", "") },
      { "a table for a text", changed("account_id", {}) },
      { "a text for a time", changed("expiration", "soon") },
      { "a text for a truth", changed("is_late", "no") },
      { "an unknown member", changed("version", 2) },
      { "an unknown source", changed("source", "profile") },
      { "what no header takes", changed("session_token", "a\nb") },
      { "what has ended", changed("expiration", START - 1) },
      { "what ends now", changed("expiration", START) },
    }
    for name in pairs(GOOD) do
      local entry = {}
      for member, value in pairs(GOOD) do entry[member] = member ~= name and value or nil end
      table.insert(CASES, { "an entry without " .. name, json.encode(entry) })
    end

    for _, case in ipairs(CASES) do
      it(case[1], function()
        machine.store:set(KEY, case[2], LIFETIME)
        machine.gives("new", LIFETIME)
        assert.equal("new", get(machine, machine.worker()))
        assert.equal("new", entry_of(machine).access_key_id)
      end)
    end

    it("but not what is right", function()
      machine.store:set(KEY, changed "good", LIFETIME)
      assert.equal("good", get(machine, machine.worker()))
    end)
  end)

  describe("goes on without the store", function()
    it("when there is no room for a lease", function()
      machine.gives("new", LIFETIME)
      machine.store.is_full = true
      assert.equal("new", get(machine, machine.worker()))
      assert.same({
        "warn: the renewal of credentials cannot be shared: no memory",
        "warn: the renewed credentials could not be shared: no memory",
      }, machine.lines)
    end)

    it("when there is no room for an entry", function()
      machine.gives("new", LIFETIME)
      function machine.store:take()
        self.is_full = true
        return "owner"
      end
      assert.equal("new", get(machine, machine.worker()))
      assert.same({ "warn: the renewed credentials could not be shared: no memory" },
        machine.lines)
    end)
  end)

  it("tells the log what was shared, and no secret", function()
    machine.gives("new", LIFETIME)
    all_get(machine, start(machine, 2))
    assert.same({
      "debug: credentials renewed for all workers",
      "debug: credentials taken from the shared cache: imds",
    }, machine.lines)
  end)
end)
