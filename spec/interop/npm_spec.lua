-- AWS's own client for JavaScript against the local hub: it must find a Migration Hub there.

local clients = require "spec.interop.clients"
local server = require "spec.hub.server"

describe("@aws-sdk/client-migration-hub", function()
  local hub

  lazy_setup(function()
    clients.install_npm()
    hub = server.start { seed = "spec/hub/demo.json" }
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  local function run(how, parameters, settings)
    local step = { how = how, operation = "ListMigrationTasks", parameters = parameters }
    return clients.npm(hub, { step }, settings)[1]
  end

  it("lists the tasks over HTTPS, one connection for all pages", function()
    local outcome = run("list", { MaxResults = 2 })
    local names = {}
    for index, task in ipairs(outcome.result) do names[index] = task.MigrationTaskName end
    assert.are.same({
      "sms-12de3cf1a", "sms-4b70c9e21", "sms-8f03a5d77", "sms-0c11aa5f0", "orders-db/eu-west",
    }, names)
    local requests = hub:requests()
    assert.are.equal(3, #requests)
    for _, request in ipairs(requests) do
      assert.is_true(request.tls)
      assert.are.equal(requests[1].connection, request.connection)
    end
  end)

  it("sees InvalidSignatureException when its secret is wrong", function()
    local outcome = run("call", {}, { AWS_SECRET_ACCESS_KEY = "wrong" })
    assert.are.equal("InvalidSignatureException", outcome.error.code)
  end)

  it("retries when it is throttled", function()
    hub:misbehave { throttle = {}, times = 1 }
    local outcome = run("call", { MaxResults = 1 })
    assert.are.equal(2, outcome.result.attempts)
    assert.are.equal(1, #outcome.result.MigrationTaskSummaryList)
    assert.are.equal("ThrottlingException", hub:requests()[1].error)
  end)
end)
