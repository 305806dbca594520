-- Whole clients that have several calls under way: many items at once, and pages ahead of the
-- consumer.

local client = require "lmigrationhub.client"
local errors = require "lmigrationhub.errors"
local server = require "spec.hub.server"

-- PUC Lua 5.1 cannot tell where it may yield: there, one item comes after the other.
local overlap = (coroutine.isyieldable or rawget(_G, "ngx")) and it or pending

local TASKS, UPDATES = 12, 30
local LIST = "list_migration_task_updates"

local function seed()
  local tasks = {}
  for index = 1, TASKS do
    tasks[index] = {
      name = "task-" .. index, generate = { updates = UPDATES, start = 1733907600, seed = index },
    }
  end
  return {
    region = "us-west-2",
    accounts = {
      {
        id = "123456789012",
        keys = { { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" } },
        streams = { { name = "SMS", tasks = tasks } },
      },
    },
  }
end

local function task(index, size)
  return {
    ProgressUpdateStream = "SMS", MigrationTaskName = "task-" .. index, MaxResults = size or 10,
  }
end

local function numbers(last)
  local all = {}
  for index = 1, last do all[index] = index end
  return all
end

describe("lmigrationhub.client against the local hub:", function()
  local hub, used

  local function new(more)
    local options = {
      region = hub.region, endpoint = hub.https_endpoint, ca_file = hub.ca_file,
      credentials = {
        access_key_id = hub.access_key_id, secret_access_key = hub.secret_access_key,
      },
    }
    for name, value in pairs(more or {}) do options[name] = value end
    return client.new(options, { getenv = function() end, random = function() return 0 end })
  end

  lazy_setup(function() hub = server.start { seed = seed() } end)
  lazy_teardown(function() hub:stop() end)
  before_each(function()
    hub:reset()
    used = new()
  end)
  after_each(function() used:close() end)

  local function updates_of(index, options)
    local all = {}
    for update in used:migration_task_updates(task(index), options) do all[#all + 1] = update end
    return all
  end

  local function expected(index) return hub:updates("SMS", "task-" .. index) end

  local function connections()
    local known, count = {}, 0
    for _, request in ipairs(hub:requests()) do
      if not known[request.connection] then count = count + 1 end
      known[request.connection] = true
    end
    return count
  end

  describe("concurrently", function()
    for _, prefetch in ipairs { false, true } do
      it("gives all of many listings, prefetch = " .. tostring(prefetch), function()
        local results, failures = used:concurrently(numbers(TASKS), 4, function(index)
          return updates_of(index, { prefetch = prefetch })
        end)
        assert.same({}, failures)
        for index = 1, TASKS do assert.same(expected(index), results[index]) end
        assert.equal(TASKS * UPDATES / 10, #hub:requests())
        assert.is_true(connections() <= 4)
      end)
    end

    overlap("has as many under way as told", function()
      local now, most = 0, 0
      used:concurrently(numbers(TASKS), 5, function(index)
        now = now + 1
        most = math.max(most, now)
        updates_of(index)
        now = now - 1
      end)
      assert.equal(5, most)
      assert.is_true(connections() <= 5)
    end)

    it("takes the items of a listing", function()
      local tasks = used:migration_tasks { MaxResults = 5 }
      local results = used:concurrently(tasks, 3, function(found)
        return { used[LIST](used, task(found.MigrationTaskName:match "%d+")), found }
      end)
      assert.equal(TASKS, #results)
      for index, result in ipairs(results) do
        assert.equal("task-" .. index, result[2].MigrationTaskName)
        assert.same(expected(index)[1], result[1].MigrationTaskUpdateList[1])
      end
    end)

    it("goes with calls, pages, following and itself", function()
      local work = {
        function() return #used[LIST](used, task(1)).MigrationTaskUpdateList end,
        function()
          local count = 0
          for _ in used:pages(LIST, task(2)) do count = count + 1 end
          return count
        end,
        function()
          local count = 0
          for _ in used:follow(task(3)) do count = count + 1 end
          return count
        end,
        function()
          return #used:concurrently({ 4, 5 }, 2, function(index) return updates_of(index) end)
        end,
      }
      local results = used:concurrently(work, nil, function(fn) return fn() end)
      assert.same({ 10, 3, UPDATES, 2 }, results)
    end)

    it("lets retries wait", function()
      hub:misbehave { throttle = {}, times = 2 }
      local results = used:concurrently(numbers(TASKS), 4, function(index)
        return #updates_of(index)
      end)
      assert.equal(TASKS, #results)
    end)

    overlap("has fewer under way when the service throttles", function()
      hub:misbehave { throttle = {} }
      local now, begun = 0, {}
      local hasty = new { max_attempts = 1 }
      local _, failures = hasty:concurrently(numbers(TASKS), 4, function(index)
        now = now + 1
        begun[index] = now
        local ok, failure = pcall(hasty[LIST], hasty, task(index))
        now = now - 1
        assert.is_false(ok)
        error(failure)
      end, { stop_on_error = false })
      hasty:close()
      assert.equal("ThrottlingException", failures[TASKS].code)
      assert.same({ 1, 2, 3, 4, 2 }, { (table.unpack or unpack)(begun, 1, 5) })
      for index = 7, TASKS do assert.equal(1, begun[index]) end
    end)

    overlap("renews credentials once, while the others wait", function()
      local asked = 0
      local source = new()
      local other = new {
        credentials = function()
          asked = asked + 1
          source[LIST](source, task(1))
          return {
            access_key_id = hub.access_key_id, secret_access_key = hub.secret_access_key,
            expiration = os.time() + 3600,
          }
        end,
      }
      local results = other:concurrently(numbers(4), 4, function(index)
        return #other[LIST](other, task(index)).MigrationTaskUpdateList
      end)
      other:close()
      source:close()
      assert.same({ 10, 10, 10, 10 }, results)
      assert.equal(1, asked)
    end)

    it("raises what went wrong, with the item, after the others were stopped", function()
      local ended = 0
      local ok, failure = pcall(used.concurrently, used, { 1, 99, 2 }, 3, function(index)
        if index ~= 99 then
          for _ in used:migration_task_updates(task(index, 1), { prefetch = true }) do end
        end
        used[LIST](used, task(index))
        ended = ended + 1
      end)
      assert.is_false(ok)
      assert.is_true(errors.is_error(failure))
      assert.equal("ResourceNotFoundException", failure.code)
      assert.equal(99, failure.item)
      assert.equal(1, failure.attempts)
      assert.matches("concurrently_spec.lua", failure.traceback)
      assert.is_true(ended <= 1) -- PUC Lua 5.1 comes to the second item after the first
      assert.equal(10, #used[LIST](used, task(1)).MigrationTaskUpdateList)
    end)

    it("collects what went wrong instead", function()
      local results, failures = used:concurrently({ 1, 99, 2, 98 }, 2, function(index)
        return #updates_of(index)
      end, { stop_on_error = false })
      assert.same({ [1] = UPDATES, [3] = UPDATES }, results)
      assert.equal(99, failures[2].item)
      assert.equal("ResourceNotFoundException", failures[4].code)
    end)

    it("raises a wrong call at its line", function()
      local ok, message = pcall(function() used:concurrently({}, 0, print) end)
      assert.is_false(ok)
      assert.matches("concurrently_spec%.lua:%d+: bad argument #2 to 'concurrently'", message)
      ok, message = pcall(function() used.concurrently({}, 1, print) end)
      assert.is_false(ok)
      assert.matches("concurrently_spec%.lua:%d+: call it with a colon", message)
    end)
  end)

  describe("prefetch", function()
    local AHEAD = { prefetch = true }

    it("gives what a listing without it gives, over one connection", function()
      assert.same(expected(1), updates_of(1, AHEAD))
      assert.equal(3, #hub:requests())
      assert.equal(1, connections())
    end)

    it("has the next page asked for when the first update is handed out", function()
      local next_update = used:migration_task_updates(task(1), AHEAD)
      next_update()
      local sent
      for _ = 1, 100 do
        sent = #hub:requests()
        if sent == 2 then break end
      end
      assert.equal(2, sent)
    end)

    it("retries what was asked for ahead", function()
      hub:misbehave { fail = { status = 503 }, after = 1, times = 2 }
      assert.same(expected(1), updates_of(1, AHEAD))
      assert.equal(5, #hub:requests())
    end)

    it("raises what went wrong where the page would have come", function()
      hub:misbehave { error = { code = "AccessDeniedException" }, after = 1 }
      local seen = 0
      local ok, failure = pcall(function()
        for _ in used:migration_task_updates(task(1), AHEAD) do seen = seen + 1 end
      end)
      assert.is_false(ok)
      assert.equal("AccessDeniedException", failure.code)
      assert.equal("ListMigrationTaskUpdates", failure.operation)
      assert.equal(10, seen)
    end)

    it("leaves the client fit for use when it is left early", function()
      hub:misbehave { stall = { bytes = 1, seconds = 60 }, after = 1, times = 1 }
      local next_update = used:migration_task_updates(task(1), AHEAD)
      local _, cursor = next_update()
      cursor:close()
      assert.same(expected(2), updates_of(2, AHEAD))
    end)
  end)
end)

describe("lmigrationhub.client: a page asked for ahead", function()
  local PAGE = '{"NextToken":"%s","MigrationTaskUpdateList":[{"UpdateDateTime":1}]}'
  local DATE = "Sun, 30 Aug 2015 12:36:00 GMT"
  local transport, used

  -- A transport that gives a page for each request, and a clock that a test sets.
  before_each(function()
    transport = { sent = {}, slept = {}, cancelled = {}, failures = {}, time = 0 }
    function transport:start(request)
      self.sent[#self.sent + 1] = request
      return #self.sent
    end
    function transport:wait(pending)
      local failure = self.failures[pending]
      if failure then return nil, failure, failure end
      return { status = 200, headers = { date = DATE }, body = PAGE:format("t" .. pending) }
    end
    function transport:send(request) return self:wait(self:start(request)) end
    function transport:cancel(pending) table.insert(self.cancelled, pending) end
    function transport:sleep(seconds) table.insert(self.slept, seconds) end
    function transport:now() return self.time end
    function transport.close() end
    used = client.new({
      region = "us-west-2", transport = transport,
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
    }, {
      getenv = function() end, random = function() return 1 end,
      now = function() return 1440938160 + transport.time end,
    })
  end)

  local function listing() return (used:migration_task_updates(task(1), { prefetch = true })) end

  it("is asked for anew when its time has run out meanwhile", function()
    local next_update = listing()
    next_update()
    transport.time = 29
    next_update()
    assert.equal(3, #transport.sent)
    transport.time = 29 + 30
    next_update()
    assert.same({ 3 }, transport.cancelled)
    assert.equal(5, #transport.sent)
    assert.equal("20150830T123659Z", transport.sent[4].headers["x-amz-date"])
  end)

  it("counts as the first attempt", function()
    transport.failures = { [2] = "timeout" }
    local next_update = listing()
    next_update()
    next_update()
    assert.same({ 0.05 }, transport.slept)
    assert.equal("attempt=1; max=3", transport.sent[2].headers["amz-sdk-request"])
    assert.equal("attempt=2; max=3", transport.sent[3].headers["amz-sdk-request"])
  end)

  it("is let go of by a transport that cannot cancel", function()
    transport.cancel = nil
    local _, cursor = listing()()
    assert.has_no.errors(function() cursor:close() end)
  end)
end)
