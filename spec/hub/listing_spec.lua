-- Pages of updates, and the tokens that lead from one to the next.

local callers = require "spec.hub.caller"
local server = require "spec.hub.server"

local input = callers.input
local MINUTE = 60
local FAILED_TASK = "sms-4b70c9e21"
local EMPTY_TASK = "sms-0c11aa5f0"

describe("the local hub's listings", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  describe("ListMigrationTaskUpdates", function()
    it("gives a hundred updates a page, in order, until no token is left", function()
      local all, sizes, token = {}, {}, nil
      repeat
        local answer = caller:page { NextToken = token }
        for _, update in ipairs(answer.MigrationTaskUpdateList) do table.insert(all, update) end
        table.insert(sizes, #answer.MigrationTaskUpdateList)
        token = answer.NextToken
      until not token
      assert.are.same(hub:updates(callers.STREAM, callers.TASK), all)
      assert.are.same({ 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 84 }, sizes)
    end)

    it("begins and ends a page anywhere", function()
      local first = caller:page { MaxResults = 70 }
      local second = caller:page { MaxResults = 60, NextToken = first.NextToken }
      local expected = hub:updates(callers.STREAM, callers.TASK)
      assert.are.equal(60, #second.MigrationTaskUpdateList)
      assert.are.same(expected[71], second.MigrationTaskUpdateList[1])
      assert.are.same(expected[130], second.MigrationTaskUpdateList[60])
    end)

    it("gives no token with a page that holds the last update", function()
      local function token_after(count)
        return caller:page({
          ProgressUpdateStream = "DMS", MigrationTaskName = "orders-db/eu-west", MaxResults = count,
        }).NextToken
      end
      assert.is_nil(token_after(3))
      assert.is_string(token_after(2))
    end)

    it("lists nothing for a task without updates", function()
      local request = caller:request { input = input { MigrationTaskName = EMPTY_TASK } }
      assert.are.equal('{"MigrationTaskUpdateList":[]}', (caller:send(request)))
    end)

    it("knows no other stream or task", function()
      for _, name in ipairs { "ProgressUpdateStream", "MigrationTaskName" } do
        local answer, status = caller:call { input = input { [name] = "none" } }
        assert.are.equal(400, status)
        assert.are.equal("ResourceNotFoundException", answer.__type)
        assert.matches("none does not exist", answer.message)
      end
    end)
  end)

  describe("page tokens", function()
    local function token() return caller:page({ MaxResults = 10 }).NextToken end

    it("keep to the documented alphabet and length", function()
      assert.matches("^[a-zA-Z0-9/+=]+$", token())
      assert.is_true(#token() <= 2048)
    end)

    it("serve another page size and a second use", function()
      local one = token()
      local first = caller:page({ NextToken = one, MaxResults = 3 }).MigrationTaskUpdateList
      local second = caller:page({ NextToken = one, MaxResults = 5 }).MigrationTaskUpdateList
      assert.are.same({ first[1], first[2], first[3] }, { second[1], second[2], second[3] })
      assert.are.same({ 3, 5 }, { #first, #second })
    end)

    it("are refused when they are unknown or were changed", function()
      local changed = token():gsub("^.", { M = "N", N = "M", O = "M" })
      for _, other in ipairs { "bm90aGluZw==", "x", changed } do
        local answer, status = caller:call { input = input { NextToken = other } }
        assert.are.equal(400, status)
        assert.are.equal("InvalidToken", answer.__type)
      end
    end)

    it("are refused for another task", function()
      local answer = caller:page { NextToken = token(), MigrationTaskName = FAILED_TASK }
      assert.are.equal("InvalidToken", answer.__type)
    end)

    it("are refused for another account", function()
      local other = caller:key "AKIAI44QH8DHBEXAMPLE"
      local answer = caller:call { key = other, input = input { NextToken = token() } }
      assert.are.equal("InvalidToken", answer.__type)
    end)

    it("live for 24 hours", function()
      hub:misbehave { token_age = 24 * 60 * MINUTE - 60, times = 1 }
      local young = token()
      hub:misbehave { token_age = 24 * 60 * MINUTE + 60, times = 1 }
      local old = token()
      assert.is_table(caller:page({ NextToken = young }).MigrationTaskUpdateList)
      assert.are.equal("InvalidToken", caller:page({ NextToken = old }).__type)
    end)
  end)
end)
