-- What the hub remembers of the requests it saw.

local callers = require "spec.hub.caller"
local cjson = require "cjson"
local server = require "spec.hub.server"

local input = callers.input

describe("the local hub's journal", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  it("tells what came in and how it was answered", function()
    caller:call { input = input { MaxResults = 1 } }
    caller:call { input = input { MigrationTaskName = "none" } }
    local requests = hub:requests()
    assert.are.equal(2, #requests)
    assert.are.equal("ListMigrationTaskUpdates", requests[1].operation)
    assert.are.equal(1, cjson.decode(requests[1].body).MaxResults)
    assert.are.same({ 200, nil }, { requests[1].status, requests[1].error })
    assert.are.same({ 400, "ResourceNotFoundException" }, { requests[2].status, requests[2].error })
    assert.is_false(requests[1].tls)
    assert.are_not.equal(requests[1].connection, requests[2].connection)
    assert.is_true(requests[1].time <= requests[2].time)
  end)

  it("keeps no signature and no session token", function()
    local request = caller:request { key = caller:key "ASIAIOSFODNN7SESSION" }
    caller:send(request)
    local headers = hub:requests()[1].headers
    local expected = request.headers.authorization:gsub("Signature=%x+", "Signature=…")
    assert.are.equal(expected, headers.authorization)
    assert.are.equal("…", headers["x-amz-security-token"])
  end)

  it("forgets the oldest when there is too much to remember", function()
    local size = 900 * 1000
    for number = 1, 80 do -- more than its 64 MB
      local _, status = caller:call { body = ("%2d"):format(number) .. (" "):rep(size) }
      assert.are.equal(400, status)
    end
    local requests = hub:requests()
    assert.is_true(#requests > 40 and #requests < 80)
    for index, request in ipairs(requests) do
      assert.are.equal(80 - #requests + index, tonumber(request.body:sub(1, 2)))
    end
  end)

  it("begins anew with a reset", function()
    caller:call()
    hub:reset()
    assert.are.same({}, hub:requests())
  end)
end)
