local errors = require "lmigrationhub.errors"
local follow = require "lmigrationhub.follow"

local OPERATION = { name = "ListMigrationTaskUpdates", items = "MigrationTaskUpdateList" }
local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-1" }

local function failure(code)
  return errors.new { kind = "service", code = code, message = "", status = 400 }
end

-- A service with a list of updates. Tokens stand for places in it; the clock only goes on in sleep,
-- and `at[n]` happens in the n-th one.
local function new_service(options)
  local service = { updates = {}, time = 0, asked = 0, pauses = {}, at = {}, failures = {} }
  options = options or {}

  function service.add(status, percent, time)
    service.count = (service.count or 0) + 1
    local update = {
      UpdateDateTime = time or service.count,
      MigrationTaskState = { Status = status, ProgressPercent = percent },
    }
    table.insert(service.updates, options.newest_first and 1 or #service.updates + 1, update)
  end

  function service.fetch(_, parameters)
    service.asked = service.asked + 1
    local problem = table.remove(service.failures, 1)
    if problem then return nil, problem end
    local from = tonumber(parameters.NextToken and parameters.NextToken:match "%d+" or "0")
    local size = service.page_size and service.page_size() or options.page_size or 3
    local page = { MigrationTaskUpdateList = {} }
    for index = from + 1, math.min(from + size, #service.updates) do
      table.insert(page.MigrationTaskUpdateList, service.updates[index])
    end
    if from + size < #service.updates then page.NextToken = "t" .. from + size end
    return page
  end

  function service.sleep(seconds)
    service.time = service.time + seconds
    table.insert(service.pauses, seconds)
    local happening = service.at[#service.pauses]
    if happening then happening() end
  end

  service.world = {
    operation = OPERATION, fetch = service.fetch, sleep = service.sleep,
    clock = function() return service.time end, random = function() return 0.5 end,
  }
  return service
end

local function collect(service, options)
  local times, follower = {}, nil
  for update, one in follow.new(service.world, TASK, options) do
    times[#times + 1] = update.UpdateDateTime
    follower = one
    assert(#times < 20000, "runs on")
  end
  return times, follower
end

local function numbers(count)
  local list = {}
  for index = 1, count do list[index] = index end
  return list
end

describe("lmigrationhub.follow", function()
  it("yields what is there and ends when the task has ended", function()
    for _, status in ipairs { "COMPLETED", "FAILED" } do
      local service = new_service()
      for index = 1, 7 do service.add("IN_PROGRESS", index) end
      service.add(status, 100)
      local times, follower = collect(service)
      assert.same(numbers(8), times)
      assert.equal("status", follower.ended)
      assert.same({}, service.pauses)
    end
  end)

  it("yields new updates as they come, each once", function()
    local service = new_service()
    for index = 1, 4 do service.add("IN_PROGRESS", index) end
    service.at[1] = function() service.add("IN_PROGRESS", 5) end
    service.at[3] = function()
      service.add("IN_PROGRESS", 6)
      service.add("COMPLETED", 100)
    end
    assert.same(numbers(7), (collect(service, { interval = 2 })))
    assert.same({ 2, 2, 2 }, service.pauses)
  end)

  it("does not depend on the order in which the service lists", function()
    local service = new_service { newest_first = true }
    for index = 1, 7 do service.add("IN_PROGRESS", index) end
    service.at[1] = function() service.add("IN_PROGRESS", 8) end
    service.at[2] = function() service.add("COMPLETED", 100) end
    assert.same(numbers(9), (collect(service)))
  end)

  it("finds what came between older ones before it ends", function()
    local service = new_service()
    for index = 1, 9 do service.add("IN_PROGRESS", index) end
    service.at[1] = function()
      service.add("COMPLETED", 100, 20)
      table.insert(service.updates, 2, {
        UpdateDateTime = 1.5, MigrationTaskState = { Status = "IN_PROGRESS" },
      })
    end
    local times = collect(service)
    table.sort(times)
    assert.same({ 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 20 }, times)
  end)

  it("takes updates for the same only when they are equal in all", function()
    local service = new_service { page_size = 2 }
    for percent = 1, 5 do service.add("IN_PROGRESS", percent, 7) end
    service.at[1] = function() service.add("IN_PROGRESS", 5, 7) end
    service.at[2] = function() service.add("COMPLETED", 100, 8) end
    assert.same({ 7, 7, 7, 7, 7, 8 }, (collect(service)))
  end)

  it("reads on from the last page where new updates come last", function()
    local service = new_service { page_size = 100 }
    for index = 1, 1000 do service.add("IN_PROGRESS", index) end
    service.at[5] = function() service.add("COMPLETED", 100) end
    collect(service)
    assert.equal(10 + 4 * 1 + 2 + 11, service.asked)
  end)

  it("goes on when the task went on after a failure", function()
    local service = new_service()
    service.add "FAILED"
    service.add "IN_PROGRESS"
    service.at[1] = function() service.add "COMPLETED" end
    assert.same({ 1, 2, 3 }, (collect(service)))
  end)

  it("ends at the status that was asked for", function()
    local service = new_service()
    service.add "NOT_STARTED"
    service.add "IN_PROGRESS"
    assert.same({ 1, 2 }, (collect(service, { until_status = "IN_PROGRESS" })))
    service.add "COMPLETED"
    assert.same({ 1, 2, 3 }, (collect(service, { until_status = { "X", "COMPLETED" } })))
  end)

  it("ends when the time is over", function()
    local service = new_service()
    service.add "IN_PROGRESS"
    local _, follower = collect(service, { interval = 10, timeout = 25 })
    assert.equal("timeout", follower.ended)
    assert.equal(25, service.time)
    assert.same({ 10, 10, 5 }, service.pauses)
  end)

  it("ends with the process that it runs in", function()
    local service = new_service()
    service.add("IN_PROGRESS", 1)
    service.world.is_exiting = function() return #service.pauses == 2 end
    service.at[2] = function() service.add("IN_PROGRESS", 2) end
    local times, follower = collect(service)
    assert.same({ 1 }, times)
    assert.equal("exiting", follower.ended)
    assert.equal(2, #service.pauses)
  end)

  it("notices within a second, however long it pauses", function()
    local service = new_service()
    service.add("IN_PROGRESS", 1)
    service.world.is_exiting = function() return #service.pauses == 15 end
    local _, follower = collect(service)
    assert.equal("exiting", follower.ended)
    local slept = 0
    for _, pause in ipairs(service.pauses) do
      slept = slept + pause
      assert.is_true(pause <= 1)
    end
    assert.is_true(slept > 10)
  end)

  it("reads once, and does not wait, in a process that is about to end", function()
    local service = new_service()
    service.add("IN_PROGRESS", 1)
    service.world.is_exiting = function() return true end
    local times, follower = collect(service)
    assert.same({ 1 }, times)
    assert.equal("exiting", follower.ended)
    assert.same({}, service.pauses)
  end)

  it("waits a little more or less than the interval", function()
    for dice, delay in pairs { [0] = 9, [0.5] = 10, [1] = 11 } do
      local service = new_service()
      service.world.random = function() return dice end
      service.add "IN_PROGRESS"
      service.at[1] = function() service.add "COMPLETED" end
      collect(service)
      assert.near(delay, service.pauses[1], 1e-9)
    end
  end)

  it("slows down while it is throttled, up to five minutes, and reads on", function()
    local service = new_service { page_size = 2 }
    for index = 1, 6 do service.add("IN_PROGRESS", index) end
    service.add "COMPLETED"
    local throttled = failure "ThrottlingException"
    local fetch, refused = service.fetch, 0
    service.world.fetch = function(...)
      if service.asked == 2 and refused < 8 then
        refused = refused + 1
        return nil, throttled
      end
      return fetch(...)
    end
    assert.same(numbers(7), (collect(service)))
    assert.same({ 20, 40, 80, 160, 300, 300, 300, 300 }, service.pauses)
    assert.equal(4, service.asked)
  end)

  it("survives an old page token without repeating anything", function()
    local service = new_service { page_size = 2 }
    for index = 1, 5 do service.add("IN_PROGRESS", index) end
    service.at[1] = function()
      service.add "IN_PROGRESS"
      service.failures = { failure "InvalidToken" }
    end
    service.at[2] = function() service.add "COMPLETED" end
    assert.same(numbers(7), (collect(service)))
  end)

  it("bears a network that fails for a while, not one that is gone", function()
    local service = new_service()
    service.add "COMPLETED"
    local lost = errors.new { kind = "transport", code = "ConnectionError", message = "" }
    service.failures = { lost, lost, lost, lost }
    assert.same({ 1 }, (collect(service)))
    service = new_service()
    service.failures = { lost, lost, lost, lost, lost }
    local ok, problem = pcall(collect, service)
    assert.is_false(ok)
    assert.equal(lost, problem)
  end)

  it("raises what waiting cannot mend, after what it found", function()
    local service = new_service { page_size = 1 }
    service.add "IN_PROGRESS"
    service.add "IN_PROGRESS"
    local next_update = follow.new(service.world, TASK)
    local fetch = service.fetch
    service.world.fetch = fetch
    service.failures = {}
    local refused = failure "AccessDeniedException"
    assert.equal(1, next_update().UpdateDateTime)
    assert.equal(2, next_update().UpdateDateTime)
    service.failures = { refused }
    local ok, problem = pcall(next_update)
    assert.is_false(ok)
    assert.equal(refused, problem)
  end)

  it("raises when the service's tokens go in a circle", function()
    local service = new_service()
    service.world.fetch = function()
      return { MigrationTaskUpdateList = {}, NextToken = "again" }
    end
    local ok, problem = pcall(collect, service)
    assert.is_false(ok)
    assert.equal("PaginationError", problem.code)
  end)

  it("yields nothing after it was closed", function()
    local service = new_service()
    for index = 1, 5 do service.add("IN_PROGRESS", index) end
    local next_update = follow.new(service.world, TASK)
    local _, follower = next_update()
    follower:close()
    assert.is_nil((next_update()))
    assert.equal("closed", follower.ended)
  end)

  it("loses and repeats nothing of 10,000 updates, with random pages and failures", function()
    local state = 7
    local function dice(sides)
      state = state * 16807 % 2147483647
      return state % sides + 1
    end
    for _, newest_first in ipairs { false, true } do
      local service = new_service { newest_first = newest_first }
      local percent = 0
      local function more()
        for _ = 1, newest_first and 1000 or dice(500) do
          percent = percent + 1
          service.add(percent == 10000 and "COMPLETED" or "IN_PROGRESS", percent)
          if percent == 10000 then return end
        end
        service.at[#service.pauses + 1] = more
      end
      more()
      service.page_size = function() return 60 + dice(40) end
      local fetch = service.fetch
      service.world.fetch = function(operation, parameters)
        local luck = dice(500)
        if luck < 20 then return nil, failure "ThrottlingException" end
        if luck == 20 and parameters.NextToken then return nil, failure "InvalidToken" end
        return fetch(operation, parameters)
      end
      local times = collect(service)
      table.sort(times)
      assert.same(numbers(10000), times)
    end
  end)

  for message, arguments in pairs {
    ["the parameters must be a table, got nil"] = { nil, {} },
    ["follow does not take NextToken"] = { { NextToken = "t" }, {} },
    ["the options must be a table, got number"] = { TASK, 3 },
    ["unknown option intreval"] = { TASK, { intreval = 3 } },
    ["option interval must be a positive number of seconds"] = { TASK, { interval = 0 } },
    ["option timeout must be a positive number of seconds"] = { TASK, { timeout = "5" } },
    ["option until_status must be a status or a list of them"] = { TASK, { until_status = {} } },
  } do
    it("says " .. message, function()
      local iterator, problem = follow.new(new_service().world, arguments[1], arguments[2])
      assert.is_nil(iterator)
      assert.equal("validation", problem.kind)
      assert.equal(message, problem.message)
    end)
  end
end)
