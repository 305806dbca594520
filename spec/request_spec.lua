local operations = require "lmigrationhub.operations"
local request = require "lmigrationhub.request"

local operation = operations.list_migration_task_updates
local GOOD = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-1" }

local function with(changes)
  local parameters = {}
  for name, value in pairs(GOOD) do parameters[name] = value end
  for name, value in pairs(changes) do parameters[name] = value end
  return parameters
end

local function problem(parameters)
  local made, failure = request.new(operation, parameters)
  assert.is_nil(made)
  assert.equal("validation", failure.kind)
  assert.equal("ValidationError", failure.code)
  assert.equal("ListMigrationTaskUpdates", failure.operation)
  return failure.message
end

describe("lmigrationhub.request", function()
  it("makes a POST of the AWS JSON 1.1 protocol", function()
    local made = request.new(operation, GOOD)
    assert.equal("POST", made.method)
    assert.equal("/", made.path)
    assert.same({
      ["content-type"] = "application/x-amz-json-1.1",
      ["x-amz-target"] = "AWSMigrationHub.ListMigrationTaskUpdates",
    }, made.headers)
    assert.same(GOOD, require("lmigrationhub.json").decode(made.body))
  end)

  it("writes integers as integers", function()
    local made = request.new(operation, with { MaxResults = 100 })
    assert.truthy(made.body:find '"MaxResults":100[,}]')
  end)

  it("does not change the parameters", function()
    local parameters = with { MaxResults = 5 }
    request.new(operation, parameters)
    assert.same(with { MaxResults = 5 }, parameters)
  end)

  it("reports all problems at once, in a fixed order", function()
    assert.equal("Foo is unknown (known: MaxResults, MigrationTaskName, NextToken, ProgressUpdateStream); "
      .. "MaxResults must be an integer, got string; MigrationTaskName must not be empty; "
      .. "ProgressUpdateStream is required", problem { Foo = 1, MigrationTaskName = "",
        MaxResults = "5" })
  end)

  it("takes no parameters for an empty table", function()
    assert.equal("MigrationTaskName is required; ProgressUpdateStream is required", problem(nil))
  end)

  local cyclic = {}
  cyclic.self = cyclic
  local WRONG = {
    { "text", "the parameters must be a table, got string" },
    { false, "the parameters must be a table, got boolean" },
    { with { ProgressUpdateStream = 1 }, "ProgressUpdateStream must be a string, got number" },
    { with { ProgressUpdateStream = cyclic }, "ProgressUpdateStream must be a string, got table" },
    { with { MigrationTaskName = "a\255" }, "MigrationTaskName is not UTF-8 at byte 2" },
    { with { NextToken = false }, "NextToken must be a string, got boolean" },
    { with { MaxResults = 0 }, "MaxResults must be from 1 to 2147483647, got 0" },
    { with { MaxResults = -1 }, "MaxResults must be from 1 to 2147483647, got -1" },
    { with { MaxResults = 2 ^ 31 }, "MaxResults must be from 1 to 2147483647, got 2147483648" },
    { with { MaxResults = -1e300 }, "MaxResults must be from 1 to 2147483647, got -1e+300" },
    { with { MaxResults = 1.5 }, "MaxResults must be an integer, got 1.5" },
    { with { MaxResults = math.huge }, "MaxResults must be an integer, got inf" },
    { with { [1] = "x" },
      "[number] is unknown (known: MaxResults, MigrationTaskName, NextToken, ProgressUpdateStream)" },
  }
  for _, case in ipairs(WRONG) do
    it("says: " .. case[2], function()
      assert.equal(case[2], (problem(case[1]):gsub("2147483648%.0", "2147483648")))
    end)
  end

  it("refuses NaN", function()
    assert.truthy(problem(with { MaxResults = 0 / 0 }):find("MaxResults must be an integer, got %-?nan"))
  end)

  it("looks at a table itself, not at what its metatable makes of it", function()
    local parameters = setmetatable({ MigrationTaskName = "x" }, { __index = GOOD })
    assert.equal("ProgressUpdateStream is required", problem(parameters))
  end)
end)
