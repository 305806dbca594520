local scheduler = require "lmigrationhub.transport.scheduler"

-- PUC Lua 5.1 cannot tell where it may yield: there, one item comes after the other.
local overlap = coroutine.isyieldable and it or pending

-- A host whose requests are the times at which they end. Its clock goes on when it is polled.
local Host = {}
Host.__index = Host

local function new_host(now)
  local host = setmetatable({ now = now or 0, waiting = {}, cancelled = {}, forgotten = 0 }, Host)
  host.clock = function() return host.now end
  return host
end

function Host:start(seconds)
  local request = { ends = self.now + seconds }
  scheduler.own(self, request)
  return request
end

function Host:wait(request)
  local task = scheduler.current()
  if task then
    self.waiting[request] = task
    scheduler.await(task, self, request)
  else
    self:poll(request.ends - self.now)
  end
  scheduler.disown(request)
end

function Host:sleep(seconds)
  local task = scheduler.current()
  if task then return scheduler.sleep(task, self.now + seconds) end
  self:poll(seconds)
end

function Host:poll(seconds)
  local first
  for request in pairs(self.waiting) do
    if not first or request.ends < first.ends then first = request end
  end
  if not first or first.ends > self.now + seconds then
    self.now = self.now + seconds
    return
  end
  self.now = math.max(self.now, first.ends)
  local task = self.waiting[first]
  self.waiting[first] = nil
  scheduler.wake(task)
end

function Host:forget(request)
  self.waiting[request] = nil
  self.forgotten = self.forgotten + 1
end

function Host:cancel(request) table.insert(self.cancelled, request) end

local function list(...)
  local items, index = { ... }, 0
  return function()
    index = index + 1
    return items[index]
  end
end

describe("lmigrationhub.transport.scheduler", function()
  local host, log

  before_each(function() host, log = new_host(), {} end)

  local function note(text) table.insert(log, tostring(text)) end

  local function noted() return table.concat(log, " ") end

  local function run(next_item, limit, fn)
    return scheduler.run(host, host.clock, next_item, limit, fn)
  end

  local function work(seconds)
    note("+" .. seconds)
    host:wait(host:start(seconds))
    note("-" .. seconds)
  end

  it("runs each item once, and none when there is none", function()
    run(list(), 2, note)
    assert.equal("", noted())
    run(list(1, 2, 3), 2, note)
    assert.equal("1 2 3", noted())
  end)

  it("hands on every value of an item", function()
    local first = true
    run(function()
      if first then
        first = false
        return "a", nil, "c"
      end
    end, 1, function(...) log = { select("#", ...), ... } end)
    assert.same({ 3, "a", nil, "c" }, log)
  end)

  overlap("lets the others go on, at most limit at a time", function()
    run(list(3, 1, 4, 1), 2, work)
    assert.equal("+3 +1 -1 +4 -3 +1 -1 -4", noted())
    assert.equal(5, host.now)
  end)

  overlap("asks for the limit before each item", function()
    local limit = 1
    run(list(1, 2, 3), function() return limit end, function(seconds)
      limit = 2
      work(seconds)
    end)
    assert.equal("+1 +2 -1 +3 -2 -3", noted())
  end)

  overlap("wakes sleepers in time, among those who wait", function()
    run(list(3, 1, 2), 3, function(seconds)
      if seconds == 2 then return work(2) end
      host:sleep(seconds)
      note(seconds)
    end)
    assert.equal("+2 1 -2 3", noted())
    assert.equal(3, host.now)
  end)

  overlap("waits within pcall and iterators", function()
    run(list(2, 1), 2, function(seconds)
      local function once(_, done)
        if not done then
          assert(pcall(work, seconds))
          return true
        end
      end
      for _ in once do note "in" end
    end)
    assert.equal("+2 +1 -1 in -2 in", noted())
  end)

  overlap("lets one ask for an item at a time, and others work meanwhile", function()
    local items, asking = list(5, 5, 5), 0
    run(function()
      asking = asking + 1
      assert.equal(1, asking)
      host:wait(host:start(1))
      asking = asking - 1
      return items()
    end, 3, work)
    assert.equal("+5 +5 +5 -5 -5 -5", noted())
    assert.equal(8, host.now)
  end)

  it("raises the error of one, the value itself", function()
    local value = {}
    local ok, failure = pcall(run, list(1), 2, function() error(value) end)
    assert.is_false(ok)
    assert.equal(value, failure)
    ok, failure = pcall(run, function() error(value) end, 2, note)
    assert.is_false(ok)
    assert.equal(value, failure)
    assert.is_false(pcall(run, list(1), 2, function() error(nil) end))
  end)

  overlap("stops the others then, and cancels what they wait for", function()
    local others = {}
    local ok = pcall(run, list(5, 1, 7, 3), 3, function(seconds)
      if seconds == 7 then host:sleep(9) end
      local request = host:start(seconds)
      others[seconds] = request
      host:wait(request)
      note(seconds)
      error "stop"
    end)
    assert.is_false(ok)
    assert.equal("1", noted())
    assert.same({ others[5] }, host.cancelled)
    assert.is_nil((next(host.waiting)))
    assert.equal(1, host.now)
  end)

  overlap("cancels what an item has begun and not waited for", function()
    local request
    run(list(1), 1, function() request = host:start(5) end)
    assert.equal(request, host.cancelled[1])
    run(list(1), 1, work)
    assert.equal(1, #host.cancelled)
  end)

  overlap("keeps what was begun outside", function()
    local request = host:start(5)
    run(list(1), 1, function() host:wait(request) end)
    assert.same({}, host.cancelled)
  end)

  overlap("drives nested calls together, each with its limit", function()
    run(list(0, 10), 2, function(more)
      run(list(3 + more, 1 + more), 2, work)
      note("=" .. more)
    end)
    assert.equal("+3 +1 +13 +11 -1 -3 =0 -11 -13 =10", noted())
    assert.equal(13, host.now)
  end)

  overlap("stops nested calls too", function()
    local ok, failure = pcall(run, list("nest", 2), 2, function(item)
      if item == 2 then
        work(2)
        error("stop", 0)
      end
      run(list(5, 1, 9), 2, work)
    end)
    assert.is_false(ok)
    assert.equal("stop", failure)
    assert.equal("+5 +2 +1 -1 +9 -2", noted())
    assert.equal(2, #host.cancelled)
    assert.is_nil((next(host.waiting)))
  end)

  overlap("raises the error of a nested call inside the item, which may catch it", function()
    run(list(1), 1, function()
      local ok, failure = pcall(run, list(4, 2), 2, function(seconds)
        work(seconds)
        error("inner", 0)
      end)
      note(ok)
      note(failure)
      work(1)
    end)
    assert.equal("+4 +2 -2 false inner +1 -1", noted())
  end)

  describe("beside coroutines of others:", function()
    overlap("passes on what fn yields to the program around, and what comes back", function()
      local program = coroutine.wrap(function()
        run(list("a", "b"), 2, function(item) note(coroutine.yield(item, "more")) end)
        return "end"
      end)
      assert.same({ "a", "more" }, { program() })
      assert.same({ "b", "more" }, { program(1) })
      assert.equal("end", program(2))
      assert.equal("1 2", noted())
    end)

    it("raises when there is no program around", function()
      local ok, failure = pcall(run, list(1), 1, function() coroutine.yield() end)
      assert.is_false(ok)
      assert.matches("yield", failure)
    end)

    it("waits without yielding in a coroutine that fn has made", function()
      local values = {}
      run(list(1, 2), 2, function(item)
        local generate = coroutine.wrap(function()
          for index = 1, 2 do
            host:wait(host:start(1))
            coroutine.yield(item .. index)
          end
        end)
        table.insert(values, generate() .. generate())
      end)
      assert.same({ "1112", "2122" }, values)
    end)

    overlap("is of use in several that take turns", function()
      local function program(...)
        local next_item = list(...)
        return coroutine.wrap(function()
          run(next_item, 2, function(seconds)
            coroutine.yield()
            work(seconds)
          end)
        end)
      end
      local one, two = program(5, 6), program(1, 2)
      for _ = 1, 3 do
        one()
        two()
      end
      assert.equal("+5 +1 +6 -5 -6 +2 -1 -2", noted())
    end)
  end)

  overlap("polls each of several hosts", function()
    local other = new_host()
    run(list(1, 2), 2, function(seconds)
      local used = seconds == 1 and host or other
      used:wait(used:start(0.01 * seconds))
      note(seconds)
    end)
    assert.equal("1 2", noted())
  end)

  it("leaves nothing when polling itself raises", function()
    function host.poll() error("interrupted!", 0) end
    local ok, failure = pcall(run, list(1), 1, work)
    assert.is_false(ok)
    assert.equal("interrupted!", failure)
    assert.is_nil((next(host.waiting)))
  end)

  if coroutine.close then
    it("closes the coroutines that it stops", function()
      local guard = setmetatable({}, { __close = function() note "closed" end })
      local with_guard = load("local guard, fn = ... local held <close> = guard fn()")
      pcall(run, list(5, 1), 2, function(seconds)
        with_guard(guard, function()
          work(seconds)
          error "stop"
        end)
      end)
      assert.equal("+5 +1 -1 closed closed", noted())
    end)
  end
end)
