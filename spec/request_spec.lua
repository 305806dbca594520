local conformance = require "spec.conformance"
local json = require "lmigrationhub.json"
local operations = require "lmigrationhub.operations"
local request = require "lmigrationhub.request"

local operation = operations.list_migration_task_updates
local KNOWN = "MaxResults, MigrationTaskName, NextToken, ProgressUpdateStream"
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
    assert.same(GOOD, json.decode(made.body))
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
    assert.equal("Foo is unknown (known: " .. KNOWN .. "); "
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
      "[number] is unknown (known: " .. KNOWN .. ")" },
  }
  for _, case in ipairs(WRONG) do
    it("says: " .. case[2], function()
      assert.equal(case[2], (problem(case[1]):gsub("2147483648%.0", "2147483648")))
    end)
  end

  it("refuses NaN", function()
    local message = problem(with { MaxResults = 0 / 0 })
    assert.truthy(message:find "^MaxResults must be an integer, got %-?nan")
  end)

  it("looks at a table itself, not at what its metatable makes of it", function()
    local parameters = setmetatable({ MigrationTaskName = "x" }, { __index = GOOD })
    assert.equal("ProgressUpdateStream is required", problem(parameters))
  end)
end)

local NOTIFY = operations.notify_migration_task_state
local PUT = operations.put_resource_attributes

-- What is sent for a good call of NotifyMigrationTaskState with these changes.
local function body_of(changes)
  local parameters = with { Task = { Status = "COMPLETED" }, UpdateDateTime = 0,
    NextUpdateSeconds = 60 }
  for name, value in pairs(changes) do parameters[name] = value end
  local made, failure = request.new(NOTIFY, parameters)
  return made and made.body, failure and failure.message
end

local function put_problem(attributes)
  local made, failure = request.new(PUT, with { ResourceAttributeList = attributes })
  assert.is_nil(made)
  return failure.message
end

describe("lmigrationhub.request: nested parameters", function()
  it("are written member by member, in a fixed order", function()
    assert.equal('{"MigrationTaskName":"sms-1","NextUpdateSeconds":60,"ProgressUpdateStream":"SMS",'
      .. '"Task":{"ProgressPercent":0,"Status":"IN_PROGRESS","StatusDetail":"\\"é\\"\\n"},'
      .. '"UpdateDateTime":0}',
      body_of { Task = { Status = "IN_PROGRESS", StatusDetail = '"é"\n', ProgressPercent = 0 } })
  end)

  it("keep false", function()
    assert.truthy(body_of({ DryRun = false }):find('"DryRun":false', 1, true))
    assert.truthy(body_of({ DryRun = true }):find('"DryRun":true', 1, true))
  end)

  it("are written as lists and as structures, also when they are empty", function()
    local shape = { type = "structure", required = {}, members = {
      List = { type = "list", item = { type = "string" } },
      Structure = { type = "structure", required = {}, members = {} },
    } }
    local made = request.new({ name = "Empty", input = shape }, { List = {}, Structure = {} })
    assert.equal('{"List":[],"Structure":{}}', made.body)
  end)

  it("are what they were at the call, whatever is done to them later", function()
    local attribute = { Type = "FQDN", Value = "a.example" }
    local list = { attribute }
    local made = request.new(PUT, with { ResourceAttributeList = list })
    local before = made.body
    attribute.Value, list[2] = "b.example", attribute
    assert.equal(before, made.body)
    assert.same({ { Type = "FQDN", Value = "a.example" } },
      json.decode(made.body).ResourceAttributeList)
  end)

  it("are sent as they lie in their tables, whatever a metatable says", function()
    local function refuse() error "asked a metatable" end
    local hostile = { __index = refuse, __len = refuse, __pairs = refuse, __ipairs = refuse,
      __tostring = refuse, __newindex = refuse, __eq = refuse }
    local made = request.new(PUT, setmetatable(with {
      ResourceAttributeList = setmetatable({
        setmetatable({ Type = "FQDN", Value = "a.example" }, hostile),
      }, hostile),
    }, hostile))
    assert.same({ { Type = "FQDN", Value = "a.example" } },
      json.decode(made.body).ResourceAttributeList)
  end)

  local cyclic = {}
  cyclic[1], cyclic.Type = cyclic, cyclic
  local ATTRIBUTE = { Type = "FQDN", Value = "a.example" }
  local MEMBERS = " is unknown (known: Type, Value)"
  local LISTS = {
    { "text", "ResourceAttributeList must be a list, got string" },
    { {}, "ResourceAttributeList must not be empty" },
    { { ATTRIBUTE, {} },
      "ResourceAttributeList[2].Type is required; ResourceAttributeList[2].Value is required" },
    { { ATTRIBUTE, ATTRIBUTE, { Type = 5, Value = "x" } },
      "ResourceAttributeList[3].Type must be a string, got number" },
    { { { Type = "FQDN", Value = "" } }, "ResourceAttributeList[1].Value must not be empty" },
    { { { Type = "FQDN", Value = "x", Color = 1 } }, "ResourceAttributeList[1].Color" .. MEMBERS },
    { { "x" }, "ResourceAttributeList[1] must be a table, got string" },
    { { ATTRIBUTE, nil, ATTRIBUTE }, "ResourceAttributeList must be a list, but misses item 2" },
    { { [0] = ATTRIBUTE }, "ResourceAttributeList must be a list, but misses item 1" },
    { { [1e15] = ATTRIBUTE }, "ResourceAttributeList must be a list, but misses item 1" },
    { { ATTRIBUTE, n = 1 },
      "ResourceAttributeList must be a list, but has a member of type string" },
    { ATTRIBUTE, "ResourceAttributeList must be a list, but has a member of type string" },
    { { cyclic },
      "ResourceAttributeList[1].Type must be a string, got table; ResourceAttributeList[1].Value "
      .. "is required; ResourceAttributeList[1][number]" .. MEMBERS },
  }
  for _, case in ipairs(LISTS) do
    it("have problems with their place: " .. case[2], function()
      assert.equal(case[2], put_problem(case[1]))
    end)
  end

  local STRUCTURES = {
    { { Task = {} }, "Task.Status is required" },
    { { Task = "COMPLETED" }, "Task must be a table, got string" },
    { { Task = { Status = "FAILED", ProgressPercent = 1.5 } },
      "Task.ProgressPercent must be an integer, got 1.5" },
    { { Task = { Status = "FAILED", ProgressPercent = -1 } },
      "Task.ProgressPercent must be from 0 to 2147483647, got -1" },
    { { Task = { Status = "FAILED", Percent = 1 } },
      "Task.Percent is unknown (known: ProgressPercent, Status, StatusDetail)" },
    { { Task = { Status = "FAILED", StatusDetail = "a\255" } },
      "Task.StatusDetail is not UTF-8 at byte 2" },
    { { DryRun = "false" }, "DryRun must be a boolean, got string" },
    { { DryRun = 0, NextUpdateSeconds = -1 },
      "DryRun must be a boolean, got number; "
      .. "NextUpdateSeconds must be from 0 to 2147483647, got -1" },
  }
  for _, case in ipairs(STRUCTURES) do
    it("have problems with their place: " .. case[2], function()
      assert.equal(case[2], select(2, body_of(case[1])))
    end)
  end

  it("may have values that the service may know one day", function()
    local attribute = { Type = "NEW", Value = "x" }
    local made = request.new(PUT, with { ResourceAttributeList = { attribute } })
    assert.truthy(made.body:find('"NEW"', 1, true))
  end)
end)

describe("lmigrationhub.request: times", function()
  local function written(time)
    local body, message = body_of { UpdateDateTime = time }
    return body and body:match '"UpdateDateTime":([^}]*)}' or message
  end

  for _, case in ipairs {
    { 0, "0" }, { 1733918461, "1733918461" }, { 1733918461.5, "1733918461.5" },
    { 1733918461.123, "1733918461.123" }, { 1733918461.001, "1733918461.001" },
    { 1733918461.0004, "1733918461" }, { 1733918461.9996, "1733918462" },
    { 1700000000, "1700000000" }, { -0.25, "-0.25" }, { -1.5, "-1.5" }, { -0.0001, "0" },
    { 99999999999.125, "99999999999.125" }, { 253402300799.999, "253402300799.999" },
    { "2000-01-02T20:34:56Z", "946845296" }, { "2000-01-02T20:34:56.123Z", "946845296.123" },
    { "2019-12-17T00:48:18.5+01:00", "1576540098.5" }, { "1969-12-31T23:59:59.75Z", "-0.25" },
    { "0001-01-01T00:00:00Z", "-62135596800" }, { "9999-12-31T23:59:59.999Z", "253402300799.999" },
  } do
    it(("write %s as %s"):format(case[1], case[2]), function()
      assert.equal(case[2], written(case[1]))
    end)
  end

  for _, case in ipairs {
    { "yesterday", 'must be seconds since 1970 or ISO 8601 text, got "yesterday"' },
    { ("x"):rep(50),
      'must be seconds since 1970 or ISO 8601 text, got "' .. ("x"):rep(40) .. '"' },
    { "2001-02-29T00:00:00Z",
      'must be seconds since 1970 or ISO 8601 text, got "2001-02-29T00:00:00Z"' },
    { {}, "must be seconds since 1970 or ISO 8601 text, got table" },
    { true, "must be seconds since 1970 or ISO 8601 text, got boolean" },
    { math.huge, "must be a time of the years 1 to 9999 in seconds, got inf" },
    { -math.huge, "must be a time of the years 1 to 9999 in seconds, got -inf" },
    { 1e300, "must be a time of the years 1 to 9999 in seconds, got 1e+300" },
    { 253402300801.5, "must be a time of the years 1 to 9999 in seconds, got 253402300801.5" },
  } do
    it("say: " .. case[2], function()
      assert.equal("UpdateDateTime " .. case[2], written(case[1]))
    end)
  end

  it("refuse NaN", function()
    assert.truthy(written(0 / 0):find "^UpdateDateTime must be a time of the years")
  end)
end)

-- The public cases have shapes of their own; those that are made of what ours are made of are
-- written here as ours are.
describe("lmigrationhub.request: public cases", function()
  local function structure(members)
    return { type = "structure", members = members, required = {} }
  end
  local function list(item) return { type = "list", item = item } end
  local STRING, BOOLEAN = { type = "string" }, { type = "boolean" }
  local INTEGER, TIMESTAMP = { type = "integer", min = 0 }, { type = "timestamp" }

  local deep = structure { String = STRING, Boolean = BOOLEAN, Integer = INTEGER }
  deep.members.RecursiveList, deep.members.RecursiveStruct = list(deep), deep
  local contents = structure {
    stringValue = STRING, booleanValue = BOOLEAN, timestampValue = TIMESTAMP, enumValue = STRING,
    listValue = list(STRING), structureValue = structure { hi = STRING },
  }

  local INPUTS = {
    sends_requests_to_slash = {},
    includes_x_amz_target_and_content_type = {},
    json_1_1_client_sends_empty_payload_for_no_input_shape = {},
    serializes_string_shapes = { String = STRING },
    serializes_string_shapes_with_jsonvalue_trait = { JsonValue = STRING },
    serializes_integer_shapes = { Integer = INTEGER },
    serializes_boolean_shapes_true = { Boolean = BOOLEAN },
    serializes_boolean_shapes_false = { Boolean = BOOLEAN },
    serializes_timestamp_shapes = { Timestamp = TIMESTAMP },
    serializes_timestamp_shapes_with_unixtimestamp_timestampformat = { UnixTimestamp = TIMESTAMP },
    serializes_list_shapes = { ListOfStrings = list(STRING) },
    serializes_empty_list_shapes = { ListOfStrings = list(STRING) },
    serializes_list_of_structure_shapes = { ListOfStructs = list(structure { Value = STRING }) },
    serializes_list_of_recursive_structure_shapes = deep.members,
    serializes_structure_shapes = { SimpleStruct = structure { Value = STRING } },
    serializes_structure_members_with_locationname_traits = {
      StructWithJsonName = structure { Value = STRING },
    },
    serializes_empty_structure_shapes = { SimpleStruct = structure { Value = STRING } },
    serializes_structure_which_have_no_members = { EmptyStruct = structure {} },
    AwsJson11StructuresDontSerializeNullValues = { string = STRING },
    can_call_operation_with_no_input_or_output = {},
    can_call_operation_with_optional_input = { Value = STRING },
    AwsJson11SerializeStringUnionValue = { contents = contents },
    AwsJson11SerializeBooleanUnionValue = { contents = contents },
    AwsJson11SerializeTimestampUnionValue = { contents = contents },
    AwsJson11SerializeEnumUnionValue = { contents = contents },
    AwsJson11SerializeListUnionValue = { contents = contents },
    AwsJson11SerializeStructureUnionValue = { contents = contents },
  }

  -- JSON's null is nil in Lua.
  local function without_nulls(value)
    for name, member in pairs(value) do
      if member == conformance.null then value[name] = nil end
    end
    return value
  end

  conformance.each("requests/smithy-aws-json-1.1.json", function(data)
    local carried = 0
    for _, case in ipairs(data.cases) do
      local members = INPUTS[case.id]
      carried = carried + (members and 1 or 0)
      if members then
        it(case.id, function()
          local name = case.expect.headers["X-Amz-Target"]:match "[^.]*$"
          local row = { name = name, input = structure(members) }
          local made, failure = request.new(row, without_nulls(case.input))
          assert.is_nil(failure)
          assert.equal(case.expect.method, made.method)
          assert.equal(case.expect.uri, made.path)
          assert.equal(case.expect.headers["Content-Type"], made.headers["content-type"])
          local expected = case.expect.body or "{}"
          assert.same(json.decode(expected), json.decode(made.body))
          assert.equal(expected:find("[]", 1, true) ~= nil, made.body:find("[]", 1, true) ~= nil)
        end)
      end
    end

    it("were all found", function() assert.equal(27, carried) end)
  end)
end)
