-- A whole migration, told to the local hub by one client and read back by another, value by value:
-- botocore, AWS's client for JavaScript, and this one.

local cjson = require "cjson"
local clients = require "spec.interop.clients"
local migration = require "spec.interop.migration"
local server = require "spec.hub.server"

local NAMES = { "botocore", "npm", "lmigrationhub" }
local FRACTIONS = { botocore = 0, npm = 0, lmigrationhub = 0.125 } -- theirs write whole seconds

-- AWS's client for JavaScript is older than these.
local UNKNOWN_TO_NPM = {
  AssociateSourceResource = true, DisassociateSourceResource = true, ListSourceResources = true,
  ListMigrationTaskUpdates = true,
}

local SEED = {
  region = "us-west-2",
  accounts = { { id = "1", keys = { { access_key_id = "AKIA", secret_access_key = "secret" } } } },
}

local REFUSED = {
  { "CreateProgressUpdateStream", { ProgressUpdateStreamName = "S", DryRun = true },
    "DryRunOperation" },
  { "DescribeMigrationTask", { ProgressUpdateStream = "S", MigrationTaskName = "t" },
    "ResourceNotFoundException" },
  { "DescribeApplicationState", { ApplicationId = "a" }, "ResourceNotFoundException" },
  { "ListMigrationTasks", { MaxResults = 101 }, "InvalidInputException" },
  { "ListProgressUpdateStreams", { NextToken = "bm90aGluZw==" }, "InvalidToken" },
}

-- -> the steps that a client knows, those that it does not know
local function parted(name, steps)
  local known, unknown = {}, {}
  for _, step in ipairs(steps) do
    local list = name == "npm" and UNKNOWN_TO_NPM[step.operation] and unknown or known
    list[#list + 1] = step
  end
  return known, unknown
end

local function operations_of(...)
  local found = {}
  for _, steps in ipairs { ... } do
    for _, step in ipairs(steps) do found[step.operation] = true end
  end
  return found
end

describe("a migration", function()
  local hub

  lazy_setup(function()
    clients.install_npm()
    hub = server.start { seed = SEED }
  end)
  lazy_teardown(function() hub:stop() end)

  local function play(name, steps)
    for index, outcome in ipairs(clients[name](hub, steps)) do
      local problem = outcome.error and steps[index].operation .. ": " .. outcome.error.message
      assert.is_nil(problem)
    end
  end

  local function read_back(name, steps)
    for index, outcome in ipairs(clients[name](hub, steps)) do
      local result = outcome.result
      if type(result) == "table" then result.attempts = nil end
      assert.are.same(steps[index].expected, result)
    end
  end

  it("has all of the service's operations", function()
    local file = assert(io.open "spec/hub/service.json")
    local service = cjson.decode(file:read "*a")
    file:close()
    local all = {}
    for operation in pairs(service.operations) do all[operation] = true end
    assert.are.same(all, operations_of(migration.writing(0), migration.reading(0)))
  end)

  for _, writer in ipairs(NAMES) do
    describe("told by " .. writer, function()
      local fraction = FRACTIONS[writer]

      lazy_setup(function()
        hub:reset()
        local known, unknown = parted(writer, migration.writing(fraction))
        play(writer, known)
        play("lmigrationhub", unknown)
      end)

      for _, reader in ipairs(NAMES) do
        it("is read by " .. reader, function()
          read_back(reader, (parted(reader, migration.reading(fraction))))
        end)
      end
    end)
  end

  for _, name in ipairs(NAMES) do
    it("is refused to " .. name .. " in the service's words", function()
      hub:reset()
      local steps = {}
      for index, case in ipairs(REFUSED) do
        steps[index] = { how = "call", operation = case[1], parameters = case[2] }
      end
      for index, outcome in ipairs(clients[name](hub, steps)) do
        assert.are.equal(REFUSED[index][3], outcome.error.code)
        assert.are.equal(400, outcome.error.status)
        assert.matches("%S", outcome.error.message)
        assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", outcome.error.request_id)
      end
    end)
  end
end)
