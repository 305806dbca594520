local concurrency = require "lmigrationhub.concurrency"
local errors = require "lmigrationhub.errors"

describe("lmigrationhub.concurrency: the pace", function()
  local function succeed(pace, count)
    for _ = 1, count do pace:update(0, 0, false) end
  end

  it("begins with the limit and does not exceed it", function()
    local pace = concurrency.new_pace(3)
    succeed(pace, 100)
    assert.equal(3, pace.limit)
  end)

  it("is halved by a throttling, down to one", function()
    local pace, limits = concurrency.new_pace(12), {}
    for time = 1, 5 do
      pace:update(time, time, true)
      limits[time] = pace.limit
    end
    assert.same({ 6, 3, 1, 1, 1 }, limits)
  end)

  it("is halved once by what was under way together", function()
    local pace = concurrency.new_pace(8)
    pace:update(10, 9, true)
    pace:update(11, 9.5, true)
    pace:update(12, 10, true)
    assert.equal(4, pace.limit)
    pace:update(13, 10.5, true)
    assert.equal(2, pace.limit)
  end)

  it("grows by one after as many answers in a row as there may be items", function()
    local pace = concurrency.new_pace(4)
    pace:update(1, 1, true)
    succeed(pace, 1)
    assert.equal(2, pace.limit)
    succeed(pace, 1)
    assert.equal(3, pace.limit)
    succeed(pace, 3)
    assert.equal(4, pace.limit)
  end)
end)

describe("lmigrationhub.concurrency", function()
  -- A transport on which each item ends before the next begins, and what it was asked for.
  local function serial()
    local world = { limits = {}, paces = {} }
    function world.add_pace(pace) world.paces[#world.paces + 1] = pace end
    world.transport = {
      concurrently = function(_, next_item, limit, fn)
        local function go_on(...)
          world.limits[#world.limits + 1] = limit()
          if ... == nil then return false end
          fn(...)
          return true
        end
        repeat local more = go_on(next_item()) until not more
      end,
    }
    return world
  end

  local function double(item) return 2 * item end

  it("gives what came of each item of a list or an iterator, by index", function()
    assert.same({ 2, 4, 6 }, (concurrency.run(serial(), { 1, 2, 3 }, nil, double)))
    local count = 0
    local function iterator()
      count = count + 1
      if count < 4 then return count end
    end
    assert.same({ 2, 4, 6 }, (concurrency.run(serial(), iterator, nil, double)))
  end)

  it("runs them one after the other on a transport that cannot do more", function()
    local world = { transport = {}, add_pace = function() end }
    assert.same({ 2, 4, 6 }, (concurrency.run(world, { 1, 2, 3 }, nil, double)))
  end)

  it("takes false for an item, tells the index, keeps one result of each", function()
    local results, failures = concurrency.run(serial(), { false, "b" }, nil, function(item, index)
      return tostring(item) .. index, "more"
    end)
    assert.same({ "false1", "b2" }, results)
    assert.same({}, failures)
  end)

  it("has eight at once by default, and fewer while its pace says so", function()
    local world = serial()
    concurrency.run(world, { 1, 2 }, nil, function() world.paces[1]:update(1, 1, true) end)
    assert.same({ 8, 4, 4 }, world.limits)
  end)

  it("raises an error object with its fields, the item and a traceback", function()
    local original = errors.new { kind = "service", code = "X", message = "m", status = 400 }
    local function spoil() error(original) end
    local ok, failure = pcall(concurrency.run, serial(), { "a" }, nil, spoil)
    assert.is_false(ok)
    assert.is_true(errors.is_error(failure))
    assert.same({ "service", "X", "m", 400, "a" },
      { failure.kind, failure.code, failure.message, failure.status, failure.item })
    assert.matches("concurrency_spec.lua", failure.traceback)
    assert.is_nil(original.item)
  end)

  it("wraps any other error", function()
    local cause = setmetatable({}, { __tostring = function() return "odd" end })
    local function spoil() error(cause) end
    local _, failure = pcall(concurrency.run, serial(), { "a" }, nil, spoil)
    assert.is_true(errors.is_error(failure))
    assert.same({ "item", "ItemError", "odd", "a" },
      { failure.kind, failure.code, failure.message, failure.item })
    assert.equal(cause, failure.cause)
    assert.matches("concurrency_spec.lua", failure.traceback)
  end)

  it("names the items of both when it is nested", function()
    local function inner() error "inner" end
    local function outer() concurrency.run(serial(), { "b" }, nil, inner) end
    local _, failure = pcall(concurrency.run, serial(), { "a" }, nil, outer)
    assert.equal("a", failure.item)
    assert.equal("b", failure.cause.item)
  end)

  it("stops at the first error, or collects them", function()
    local seen = {}
    local function spoil(item)
      seen[#seen + 1] = item
      if item == 2 then error("no", 0) end
      return item
    end
    assert.is_false(pcall(concurrency.run, serial(), { 1, 2, 3 }, nil, spoil))
    assert.same({ 1, 2 }, seen)
    local results, failures =
      concurrency.run(serial(), { 1, 2, 3 }, nil, spoil, { stop_on_error = false })
    assert.same({ [1] = 1, [3] = 3 }, results)
    assert.equal(2, failures[2].item)
    failures[2] = nil
    assert.same({}, failures)
  end)

  it("raises what an iterator of items raises, as it is", function()
    local cause = {}
    local _, failure = pcall(concurrency.run, serial(), function() error(cause) end, 1, double,
      { stop_on_error = false })
    assert.equal(cause, failure)
  end)

  for _, case in ipairs {
    { "x", 1, double, nil, "#1 to 'concurrently' (list or iterator function expected)" },
    { {}, 0, double, nil, "#2 to 'concurrently' (a whole number from 1 expected)" },
    { {}, 1.5, double, nil, "#2 to 'concurrently' (a whole number from 1 expected)" },
    { {}, "8", double, nil, "#2 to 'concurrently' (a whole number from 1 expected)" },
    { {}, math.huge, double, nil, "#2 to 'concurrently' (a whole number from 1 expected)" },
    { {}, 1, nil, nil, "#3 to 'concurrently' (function expected)" },
    { {}, 1, double, 3, "#4 to 'concurrently' (table expected)" },
    { {}, 1, double, { stop = 1 }, "#4 to 'concurrently' (unknown option stop)" },
    { {}, 1, double, { stop_on_error = 1 },
      "#4 to 'concurrently' (option stop_on_error must be a boolean)" },
  } do
    it("says bad argument " .. case[5], function()
      local results, problem = concurrency.run(serial(), case[1], case[2], case[3], case[4])
      assert.is_nil(results)
      assert.equal("bad argument " .. case[5], problem)
    end)
  end
end)
