-- What a hub holds can be saved, and another hub may start with it.

local callers = require "spec.hub.caller"
local cjson = require "cjson"
local server = require "spec.hub.server"

local SEED = {
  region = "eu-central-1",
  accounts = {
    {
      id = "1",
      keys = {
        { access_key_id = "AKIA", secret_access_key = "secret" },
        { access_key_id = "ASIA", secret_access_key = "secret", session_token = "t",
          state = "expired" },
      },
      application_states = {
        { ApplicationId = "a", ApplicationStatus = "COMPLETED", LastUpdatedTime = 1733918461.125 },
      },
      streams = {
        { name = "empty" },
        {
          name = "S",
          tasks = {
            { name = "imported" },
            {
              name = "t",
              updates = {
                { UpdateDateTime = 1733918461.5, UpdateType = "MIGRATION_TASK_STATE_UPDATED",
                  MigrationTaskState = { Status = "FAILED", StatusDetail = "é\n/" } },
              },
              next_update_seconds = 60,
              resource_attributes = { { Type = "FQDN", Value = "a.example" } },
              created_artifacts = { { Name = "arn:aws:ec2:::x", Description = "" } },
              discovered_resources = { { ConfigurationId = "d-1" }, { ConfigurationId = "d-2" } },
              source_resources = { { Name = "s", StatusDetail = "found" } },
            },
          },
        },
      },
    },
    { id = "2", keys = { { access_key_id = "AKIB", secret_access_key = "secret" } } },
  },
}

local leftovers = {} -- functions that clear up after a test

local function clear_up()
  for index = #leftovers, 1, -1 do table.remove(leftovers, index)() end
end

local function temporary_path()
  local path = os.tmpname()
  table.insert(leftovers, function() os.remove(path) end)
  return path
end

local function start(seed)
  local hub = server.start { seed = seed }
  table.insert(leftovers, function() hub:stop() end)
  return hub, callers.new(hub)
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("the local hub's state", function()
  after_each(clear_up)

  it("is its seed as long as nothing was changed", function()
    local hub = start(SEED)
    assert.are.same(SEED, hub:state())
  end)

  it("is what a hub that started with it has, too", function()
    local path = temporary_path()
    local hub, caller = start(SEED)
    caller:ask("CreateProgressUpdateStream", { ProgressUpdateStreamName = "new" })
    caller:ask("ImportMigrationTask", { ProgressUpdateStream = "new", MigrationTaskName = "n" })
    caller:ask("NotifyMigrationTaskState", {
      ProgressUpdateStream = "new", MigrationTaskName = "n", NextUpdateSeconds = 7,
      UpdateDateTime = 5.125, Task = { Status = "IN_PROGRESS", ProgressPercent = 3 },
    })
    hub:save(path)
    local state = start(path):state()
    assert.are.same(hub:state(), state)
    assert.are.same({ name = "new", tasks = { {
      name = "n", next_update_seconds = 7, updates = { {
        UpdateDateTime = 5.125, UpdateType = "MIGRATION_TASK_STATE_UPDATED",
        MigrationTaskState = { Status = "IN_PROGRESS", ProgressPercent = 3 },
      } },
    } } }, state.accounts[1].streams[3])
  end)

  it("is the seed again after a reset", function()
    local hub, caller = start(SEED)
    caller:ask("DeleteProgressUpdateStream", { ProgressUpdateStreamName = "S" })
    caller:ask("NotifyApplicationState", { ApplicationId = "a", Status = "NOT_STARTED" })
    assert.are.equal(1, #hub:state().accounts[1].streams)
    hub:reset()
    assert.are.same(SEED, hub:state())
  end)

  it("is each account's own", function()
    local _, caller = start(SEED)
    local key = caller:key "AKIB"
    assert.are.same({}, caller:ask("ListProgressUpdateStreams", {}, key)
      .ProgressUpdateStreamSummaryList)
    caller:ask("CreateProgressUpdateStream", { ProgressUpdateStreamName = "S" }, key)
    assert.are.same({}, caller:ask("ListMigrationTasks", {}, key).MigrationTaskSummaryList)
    assert.are.equal(2, #caller:ask("ListMigrationTasks", {}).MigrationTaskSummaryList)
  end)
end)

describe("spec/hub/main.lua", function()
  after_each(clear_up)

  it("runs a command that finds the hub, saves, and ends as the command did", function()
    local seed, saved = temporary_path(), temporary_path()
    local file = assert(io.open(seed, "w"))
    file:write(cjson.encode(SEED))
    file:close()
    local process = assert(io.popen(
      ("AWS_PROFILE=mine lua5.4 spec/hub/main.lua --seed %s --save %s sh -c %s; echo $?")
        :format(seed, saved, "'echo $AWS_REGION $AWS_ACCESS_KEY_ID$AWS_PROFILE \"$0\"; exit 7'"
          .. " 'two words'")))
    local output = process:read "*a"
    process:close()
    assert.are.equal("eu-central-1 AKIA two words\n7\n", output)
    assert.are.same(SEED, cjson.decode(read(saved)))
  end)

  it("tells its usage", function()
    local process = assert(io.popen "lua5.4 spec/hub/main.lua --sing 2>&1; echo $?")
    local output = process:read "*a"
    process:close()
    assert.matches("^usage: .*\n2\n$", output)
  end)
end)
