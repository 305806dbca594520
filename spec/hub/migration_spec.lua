-- A migration played through, operation by operation, and the rules of each.

local callers = require "spec.hub.caller"
local cjson = require "cjson"
local server = require "spec.hub.server"

local ACCOUNT = {
  id = "1",
  keys = {
    { access_key_id = "AKIA", secret_access_key = "secret" },
    { access_key_id = "DENIED", secret_access_key = "secret", state = "denied" },
  },
}
local ARN = "arn:aws:ec2:us-west-2:123456789012:instance/i-%d"

local function model()
  local file = assert(io.open "spec/hub/service.json")
  local service = cjson.decode(file:read "*a")
  file:close()
  return service
end

-- The task "t" of the stream "S", with more members.
local function upon_task(members)
  local input = { ProgressUpdateStream = "S", MigrationTaskName = "t" }
  for name, value in pairs(members or {}) do input[name] = value end
  return input
end

describe("the local hub's migration", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = { region = "us-west-2", accounts = { ACCOUNT } } }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  local function ask(operation, input)
    local answer, status = caller:ask(operation, input or {})
    assert.are.equal(200, status, answer.message)
    return answer
  end

  local function refusal(operation, input, key)
    local answer, status = caller:ask(operation, input, key)
    assert.are.equal(400, status)
    return answer.__type, answer.message
  end

  local function create_task()
    ask("CreateProgressUpdateStream", { ProgressUpdateStreamName = "S" })
    ask("ImportMigrationTask", upon_task())
  end

  local function notify(time, state)
    assert.are.same({}, ask("NotifyMigrationTaskState",
      upon_task { UpdateDateTime = time, NextUpdateSeconds = 60, Task = state }))
  end

  it("begins with a stream, made once however often it is asked for", function()
    for _ = 1, 2 do
      assert.are.same({}, ask("CreateProgressUpdateStream", { ProgressUpdateStreamName = "S" }))
    end
    assert.are.same({ ProgressUpdateStreamSummaryList = { { ProgressUpdateStreamName = "S" } } },
      ask "ListProgressUpdateStreams")
  end)

  it("goes on with a task that has not started", function()
    create_task()
    assert.are.same({ MigrationTask = {
      ProgressUpdateStream = "S", MigrationTaskName = "t", Task = { Status = "NOT_STARTED" },
    } }, ask("DescribeMigrationTask", upon_task()))
    assert.are.same({ {
      ProgressUpdateStream = "S", MigrationTaskName = "t", Status = "NOT_STARTED",
    } }, ask("ListMigrationTasks").MigrationTaskSummaryList)
  end)

  it("shows the states that it was notified of", function()
    create_task()
    local first = { Status = "IN_PROGRESS", StatusDetail = "é", ProgressPercent = 0 }
    notify(1733918461.125, first)
    notify(1733918500, { Status = "COMPLETED" })
    ask("ImportMigrationTask", upon_task())
    assert.are.same({
      { UpdateDateTime = 1733918461.125, UpdateType = "MIGRATION_TASK_STATE_UPDATED",
        MigrationTaskState = first },
      { UpdateDateTime = 1733918500, UpdateType = "MIGRATION_TASK_STATE_UPDATED",
        MigrationTaskState = { Status = "COMPLETED" } },
    }, ask("ListMigrationTaskUpdates", upon_task()).MigrationTaskUpdateList)
    assert.are.same({
      ProgressUpdateStream = "S", MigrationTaskName = "t", Task = { Status = "COMPLETED" },
      UpdateDateTime = 1733918500,
    }, ask("DescribeMigrationTask", upon_task()).MigrationTask)
    assert.are.equal("COMPLETED", ask("ListMigrationTasks").MigrationTaskSummaryList[1].Status)
  end)

  it("keeps of a state what the service knows of", function()
    create_task()
    notify(0, { Status = "FAILED", StatusDetail = cjson.null, Color = "red" })
    assert.are.same({ Status = "FAILED" },
      ask("DescribeMigrationTask", upon_task()).MigrationTask.Task)
  end)

  it("puts resource attributes in the place of those before", function()
    create_task()
    local function put(...)
      local list = {}
      for index, kind in ipairs { ... } do list[index] = { Type = kind, Value = "x" } end
      ask("PutResourceAttributes", upon_task { ResourceAttributeList = list })
      local kept = {}
      local task = ask("DescribeMigrationTask", upon_task()).MigrationTask
      for index, attribute in ipairs(task.ResourceAttributeList) do kept[index] = attribute.Type end
      return kept
    end
    assert.are.same({ "FQDN" }, put "FQDN")
    assert.are.same({ "MAC_ADDRESS", "IPV4_ADDRESS" }, put("MAC_ADDRESS", "IPV4_ADDRESS"))
    assert.are.same({ "FQDN" }, put("VM_NAME", "FQDN", "VM_PATH"))
    assert.are.same({ "VM_NAME", "VM_MANAGER_ID" }, put("VM_NAME", "VM_MANAGER_ID"))
  end)

  for _, kind in ipairs {
    { "CreatedArtifact", "Name", "CreatedArtifactName", ARN:format(1), ARN:format(2) },
    { "DiscoveredResource", "ConfigurationId", "ConfigurationId", "d-1", "d-2" },
    { "SourceResource", "Name", "SourceResourceName", "vm/1", "vm/2" },
  } do
    local what, key, named_by, one, two = kind[1], kind[2], kind[3], kind[4], kind[5]

    local function listed()
      return ask(("List%ss"):format(what), upon_task())[what .. "List"]
    end

    it(("attaches and detaches a %s"):format(what), function()
      create_task()
      assert.are.same({}, listed())
      ask("Associate" .. what, upon_task { [what] = { [key] = one, Description = "old" } })
      ask("Associate" .. what, upon_task { [what] = { [key] = two } })
      ask("Associate" .. what, upon_task { [what] = { [key] = one, Description = "" } })
      assert.are.same({ { [key] = one, Description = "" }, { [key] = two } }, listed())
      assert.are.same({}, ask("Disassociate" .. what, upon_task { [named_by] = one }))
      assert.are.same({ { [key] = two } }, listed())
      assert.are.equal("ResourceNotFoundException",
        (refusal("Disassociate" .. what, upon_task { [named_by] = one })))
    end)
  end

  it("lists the tasks of a discovered resource", function()
    create_task()
    ask("ImportMigrationTask", upon_task { MigrationTaskName = "other" })
    ask("AssociateDiscoveredResource",
      upon_task { DiscoveredResource = { ConfigurationId = "d-1" } })
    local function names(resource)
      local found = {}
      local page = ask("ListMigrationTasks", { ResourceName = resource })
      for index, task in ipairs(page.MigrationTaskSummaryList) do
        found[index] = task.MigrationTaskName
      end
      return found
    end
    assert.are.same({ "t", "other" }, names(nil))
    assert.are.same({ "t" }, names "d-1")
    assert.are.same({}, names "d-2")
  end)

  it("knows the states of applications", function()
    ask("NotifyApplicationState",
      { ApplicationId = "a", Status = "IN_PROGRESS", UpdateDateTime = 5.5 })
    ask("NotifyApplicationState", { ApplicationId = "b", Status = "NOT_STARTED" })
    ask("NotifyApplicationState",
      { ApplicationId = "a", Status = "COMPLETED", UpdateDateTime = 7 })
    assert.are.same({ ApplicationStatus = "COMPLETED", LastUpdatedTime = 7 },
      ask("DescribeApplicationState", { ApplicationId = "a" }))
    local now = ask("DescribeApplicationState", { ApplicationId = "b" }).LastUpdatedTime
    assert.is_true(math.abs(now - os.time()) < 60)
    local function ids(wanted)
      local found = {}
      local page = ask("ListApplicationStates", { ApplicationIds = wanted })
      for index, state in ipairs(page.ApplicationStateList) do
        found[index] = state.ApplicationId
      end
      return found
    end
    assert.are.same({ "a", "b" }, ids(nil))
    assert.are.same({ "b" }, ids { "b", "c" })
    assert.are.same({}, ids { "c" })
  end)

  it("ends when its stream is deleted, with all that was in it", function()
    create_task()
    ask("CreateProgressUpdateStream", { ProgressUpdateStreamName = "other" })
    ask("DeleteProgressUpdateStream", { ProgressUpdateStreamName = "S" })
    assert.are.same({ { ProgressUpdateStreamName = "other" } },
      ask("ListProgressUpdateStreams").ProgressUpdateStreamSummaryList)
    assert.are.same({}, ask("ListMigrationTasks").MigrationTaskSummaryList)
    ask("CreateProgressUpdateStream", { ProgressUpdateStreamName = "S" })
    assert.are.equal("ResourceNotFoundException", (refusal("DescribeMigrationTask", upon_task())))
  end)

  -- One valid input for each operation that a DryRun or a missing task can be tried with.
  local STATE = { Task = { Status = "FAILED" }, UpdateDateTime = 0, NextUpdateSeconds = 0 }
  local INPUTS = {
    AssociateCreatedArtifact = upon_task { CreatedArtifact = { Name = ARN:format(1) } },
    AssociateDiscoveredResource = upon_task { DiscoveredResource = { ConfigurationId = "d" } },
    AssociateSourceResource = upon_task { SourceResource = { Name = "s" } },
    CreateProgressUpdateStream = { ProgressUpdateStreamName = "new" },
    DeleteProgressUpdateStream = { ProgressUpdateStreamName = "S" },
    DescribeApplicationState = { ApplicationId = "a" },
    DescribeMigrationTask = upon_task(),
    DisassociateCreatedArtifact = upon_task { CreatedArtifactName = ARN:format(1) },
    DisassociateDiscoveredResource = upon_task { ConfigurationId = "d" },
    DisassociateSourceResource = upon_task { SourceResourceName = "s" },
    ImportMigrationTask = upon_task(),
    ListApplicationStates = {},
    ListCreatedArtifacts = upon_task(),
    ListDiscoveredResources = upon_task(),
    ListMigrationTaskUpdates = upon_task(),
    ListMigrationTasks = {},
    ListProgressUpdateStreams = {},
    ListSourceResources = upon_task(),
    NotifyApplicationState = { ApplicationId = "a", Status = "COMPLETED" },
    NotifyMigrationTaskState = upon_task(STATE),
    PutResourceAttributes =
      upon_task { ResourceAttributeList = { { Type = "FQDN", Value = "x" } } },
  }
  local service = model()

  for operation, fact in pairs(service.operations) do
    local members = service.shapes[fact.input].members
    local input = INPUTS[operation]

    it(operation .. " knows no task or stream that is not there", function()
      local names_one = members.ProgressUpdateStream or operation == "DeleteProgressUpdateStream"
        or operation == "DescribeApplicationState"
      local answer, status = caller:ask(operation, input)
      assert.are.equal(names_one and 400 or 200, status)
      assert.are.equal(names_one and "ResourceNotFoundException" or nil, answer.__type)
    end)

    it(operation .. " is refused without a home region", function()
      hub:misbehave { home_region_not_set = true, times = 1 }
      assert.are.equal("HomeRegionNotSetException", (refusal(operation, input)))
    end)

    it(operation .. " is refused to who may not", function()
      local code, message = refusal(operation, input, caller:key "DENIED")
      assert.are.equal("AccessDeniedException", code)
      assert.matches("mgh:" .. operation .. " ", message, 1, true)
    end)

    it(operation .. " requires what it requires", function()
      local required = service.shapes[fact.input].required or {}
      if #required == 0 then return assert.are.equal(200, select(2, caller:ask(operation, {}))) end
      local code, message = refusal(operation, {})
      assert.are.equal("InvalidInputException", code)
      assert.are.equal(#required, select(2, message:gsub("Member must not be null", "")))
    end)

    if members.DryRun then
      it(operation .. " has no effect in a dry run", function()
        create_task()
        local before = hub:state()
        input.DryRun = true
        assert.are.equal("DryRunOperation", (refusal(operation, input)))
        assert.are.equal("UnauthorizedOperation",
          (refusal(operation, input, caller:key "DENIED")))
        input.DryRun = nil
        assert.are.same(before, hub:state())
      end)
    end
  end

  local LIMITS = {
    { "NotifyMigrationTaskState", { Task = { Status = "DONE" } }, "task.status",
      "satisfy enum value set: [NOT_STARTED, IN_PROGRESS, FAILED, COMPLETED]" },
    { "NotifyMigrationTaskState", { Task = { Status = "FAILED", ProgressPercent = 101 } },
      "task.progressPercent", "have value less than or equal to 100" },
    { "NotifyMigrationTaskState", { Task = { Status = "FAILED", ProgressPercent = 1.5 } },
      "task.progressPercent", "be of type integer" },
    { "NotifyMigrationTaskState", { Task = { StatusDetail = "x" } }, "task.status",
      "not be null" },
    { "NotifyMigrationTaskState",
      { Task = { Status = "FAILED", StatusDetail = ("é"):rep(2501) } }, "task.statusDetail",
      "have length less than or equal to 2500" },
    { "NotifyMigrationTaskState", { UpdateDateTime = "today" }, "updateDateTime",
      "be of type timestamp" },
    { "NotifyMigrationTaskState", { NextUpdateSeconds = -1 }, "nextUpdateSeconds",
      "have value greater than or equal to 0" },
    { "AssociateCreatedArtifact", { CreatedArtifact = { Name = "ami-1" } },
      "createdArtifact.name", "satisfy regular expression pattern" },
    { "AssociateCreatedArtifact",
      { CreatedArtifact = { Name = ARN:format(1), Description = ("x"):rep(501) } },
      "createdArtifact.description", "have length less than or equal to 500" },
    { "AssociateSourceResource", { SourceResource = { Name = ("x"):rep(1601) } },
      "sourceResource.name", "have length less than or equal to 1600" },
    { "AssociateDiscoveredResource", { DryRun = "yes" }, "dryRun", "be of type boolean" },
    { "PutResourceAttributes", { ResourceAttributeList = cjson.decode "[]" },
      "resourceAttributeList", "have length greater than or equal to 1" },
    { "PutResourceAttributes",
      { ResourceAttributeList = { { Type = "FQDN", Value = "x" }, { Type = "NAME" } } },
      "resourceAttributeList.2.member.type", "satisfy enum value set" },
    { "ListCreatedArtifacts", { MaxResults = 11 }, "maxResults",
      "have value less than or equal to 10" },
    { "ListDiscoveredResources", { MaxResults = 11 }, "maxResults",
      "have value less than or equal to 10" },
    { "ListSourceResources", { MaxResults = 11 }, "maxResults",
      "have value less than or equal to 10" },
  }
  for _, case in ipairs(LIMITS) do
    local operation, changes, place, constraint = case[1], case[2], case[3], case[4]
    it(("%s refuses a %s that does not %s"):format(operation, place, constraint), function()
      create_task()
      local input = {}
      for name, value in pairs(INPUTS[operation]) do input[name] = value end
      for name, value in pairs(changes) do input[name] = value end
      local code, message = refusal(operation, input)
      assert.are.equal("InvalidInputException", code)
      assert.truthy(message:find(("at '%s' failed to satisfy constraint: Member must %s"):format(
        place, constraint), 1, true), message)
    end)
  end
end)
