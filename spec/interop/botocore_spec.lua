-- botocore, AWS's own client for Python, against the local hub: it must find a Migration Hub there.

local clients = require "spec.interop.clients"
local server = require "spec.hub.server"

local OPERATION = "ListMigrationTaskUpdates"
local STREAM, TASK = "SMS", "sms-12de3cf1a"

describe("botocore", function()
  local hub

  lazy_setup(function() hub = server.start { seed = "spec/hub/demo.json" } end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  local function run(how, parameters, settings)
    local step = { how = how, operation = OPERATION, parameters = parameters }
    return clients.botocore(hub, { step }, settings)[1]
  end

  it("lists every update of a task over HTTPS, value by value", function()
    local expected = hub:updates(STREAM, TASK)
    local outcome = run("list", { ProgressUpdateStream = STREAM, MigrationTaskName = TASK })
    assert.are.equal(1284, #expected)
    assert.are.same(expected, outcome.result)
    local requests = hub:requests()
    assert.are.equal(13, #requests)
    for _, request in ipairs(requests) do
      assert.is_true(request.tls)
      assert.are.equal(requests[1].connection, request.connection)
    end
  end)

  it("reads an update that has only a status, and a whole second", function()
    local stream, task = "DMS", "orders-db/eu-west"
    local outcome = run("list", { ProgressUpdateStream = stream, MigrationTaskName = task })
    assert.are.same(hub:updates(stream, task), outcome.result)
  end)

  it("maps an unknown task to ResourceNotFoundException", function()
    local outcome = run("call", { ProgressUpdateStream = STREAM, MigrationTaskName = "none" })
    assert.are.equal("ResourceNotFoundException", outcome.error.class)
    assert.are.equal(400, outcome.error.status)
    assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", outcome.error.request_id)
  end)

  it("sees InvalidToken for a token of no listing", function()
    local outcome = run("call",
      { ProgressUpdateStream = STREAM, MigrationTaskName = TASK, NextToken = "bm90aGluZw==" })
    assert.are.equal("InvalidToken", outcome.error.code)
  end)

  it("sees InvalidSignatureException when its secret is wrong", function()
    local outcome = run("call", { ProgressUpdateStream = STREAM, MigrationTaskName = TASK },
      { AWS_SECRET_ACCESS_KEY = "wrong" })
    assert.are.equal("InvalidSignatureException", outcome.error.code)
  end)

  it("retries when it is throttled", function()
    hub:misbehave { throttle = { retry_after_seconds = 1 }, times = 1 }
    local outcome = run("call",
      { ProgressUpdateStream = STREAM, MigrationTaskName = TASK, MaxResults = 2 })
    assert.are.equal(2, outcome.result.attempts)
    assert.are.equal(2, #outcome.result.MigrationTaskUpdateList)
    assert.are.equal("ThrottlingException", hub:requests()[1].error)
  end)
end)
