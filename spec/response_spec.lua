local conformance = require "spec.conformance"
local errors = require "lmigrationhub.errors"
local operations = require "lmigrationhub.operations"
local response = require "lmigrationhub.response"
local retry = require "lmigrationhub.retry"

local operation = operations.list_migration_task_updates

local function read(status, body, headers)
  return response.read(operation, { status = status, headers = headers or {}, body = body })
end

local PAGE = [[{
  "NextToken": "abc", "New": {"x": [1]},
  "MigrationTaskUpdateList": [
    {"UpdateDateTime": 1700000000.25, "UpdateType": "MIGRATION_TASK_STATE_UPDATED",
     "MigrationTaskState": {"Status": "IN_PROGRESS", "StatusDetail": "é", "ProgressPercent": 57}},
    {"UpdateDateTime": "2023-11-14T22:13:20.5Z", "UpdateType": "NEW_TYPE",
     "MigrationTaskState": {"Status": "PAUSED", "StatusDetail": null, "ProgressPercent": "58"}}
  ]}]]

describe("lmigrationhub.response: results", function()
  it("have the service's members, times as seconds, percents as integers", function()
    local page = read(200, PAGE)
    assert.same({
      NextToken = "abc",
      New = { x = { 1 } },
      MigrationTaskUpdateList = {
        {
          UpdateDateTime = 1700000000.25,
          UpdateType = "MIGRATION_TASK_STATE_UPDATED",
          MigrationTaskState = { Status = "IN_PROGRESS", StatusDetail = "é", ProgressPercent = 57 },
        },
        {
          UpdateDateTime = 1700000000.5,
          UpdateType = "NEW_TYPE",
          MigrationTaskState = { Status = "PAUSED", ProgressPercent = 58 },
        },
      },
    }, page)
    if math.type then
      for _, update in ipairs(page.MigrationTaskUpdateList) do
        assert.equal("integer", math.type(update.MigrationTaskState.ProgressPercent))
      end
    end
  end)

  it("have integers for numbers in text, however these are written", function()
    for _, number in ipairs { "58", "58.0", "5.8e1" } do
      local body = '{"MigrationTaskUpdateList":[{"MigrationTaskState":{"ProgressPercent":"%s"}}]}'
      local page = read(200, body:format(number))
      local percent = page.MigrationTaskUpdateList[1].MigrationTaskState.ProgressPercent
      assert.equal(58, percent)
      assert.equal("58", ("%s"):format(percent))
    end
  end)

  it("are empty tables for an empty object", function() assert.same({}, read(200, "{}")) end)

  it("may be no bytes at all where the operation has no result", function()
    local answer = { status = 200, headers = {}, body = "" }
    assert.same({}, response.read(operations.create_progress_update_stream, answer))
  end)

  it("have structures in structures, and lists in those", function()
    local answer = { status = 200, headers = {}, body = [[{"MigrationTask":{
      "MigrationTaskName": "sms-1", "Task": {"Status": "FAILED", "ProgressPercent": 7.0},
      "UpdateDateTime": "2023-11-14T22:13:20.5Z",
      "ResourceAttributeList": [{"Type": "FQDN", "Value": "a.example"}, {"Type": "NEW"}]}}]] }
    assert.same({ MigrationTask = {
      MigrationTaskName = "sms-1",
      Task = { Status = "FAILED", ProgressPercent = 7 },
      UpdateDateTime = 1700000000.5,
      ResourceAttributeList = { { Type = "FQDN", Value = "a.example" }, { Type = "NEW" } },
    } }, response.read(operations.describe_migration_task, answer))
    answer.body = '{"MigrationTask":{"ResourceAttributeList":[{},{"Value":8.5}]}}'
    assert.equal("the answer is malformed: MigrationTask.ResourceAttributeList[2].Value: "
      .. "expected string, got 8.5",
      select(2, response.read(operations.describe_migration_task, answer)).message)
  end)

  local WRONG = {
    [""] = "the answer is not a JSON object",
    ["[]"] = "the answer is not a JSON object",
    ["null"] = "the answer is not a JSON object",
    ["<html>"] = "the answer is not a JSON object",
    ['{"MigrationTaskUpdateList":[{"Upd'] = "the answer is broken JSON",
    ['{"NextToken":"\255"}'] = "the answer is not UTF-8 at byte 15",
    ['{"NextToken":3}'] = "the answer is malformed: NextToken: expected string, got 3",
    ['{"MigrationTaskUpdateList":{"a":1}}'] =
      "the answer is malformed: MigrationTaskUpdateList: expected list, got structure",
    ['{"MigrationTaskUpdateList":[{},{"MigrationTaskState":{"ProgressPercent":true}}]}'] =
      "the answer is malformed: MigrationTaskUpdateList[2].MigrationTaskState.ProgressPercent: "
        .. "expected integer, got boolean",
    ['{"MigrationTaskUpdateList":[{"MigrationTaskState":{"ProgressPercent":57.5}}]}'] =
      "the answer is malformed: MigrationTaskUpdateList[1].MigrationTaskState.ProgressPercent: "
        .. "expected integer, got 57.5",
    ['{"MigrationTaskUpdateList":[{"UpdateDateTime":"yesterday"}]}'] =
      "the answer is malformed: MigrationTaskUpdateList[1].UpdateDateTime: "
        .. "expected timestamp, got string",
    ['{"MigrationTaskUpdateList":[{"UpdateDateTime":1e999}]}'] =
      "the answer is malformed: MigrationTaskUpdateList[1].UpdateDateTime: "
        .. "expected timestamp, got inf",
  }
  for body, message in pairs(WRONG) do
    it("are never made of " .. (body == "" and "nothing" or body), function()
      local page, failure = read(200, body, { ["x-amzn-requestid"] = "id-1" })
      assert.is_nil(page)
      assert.is_true(errors.is_error(failure))
      assert.equal("response", failure.kind)
      assert.equal("InvalidResponse", failure.code)
      assert.equal(200, failure.status)
      assert.equal("id-1", failure.request_id)
      assert.equal(message, failure.message:sub(1, #message))
    end)
  end

  for _, case in ipairs {
    { '"2019-12-16T22:48:18-01:00"', 1576540098 }, { '"2000-01-02T20:34:56.123Z"', 946845296.123 },
    { '"Sun, 02 Jan 2000 20:34:56 GMT"', 946845296 }, { "946845296", 946845296 }, { "-1.5", -1.5 },
  } do
    it("take the time " .. case[1], function()
      local page = read(200, '{"MigrationTaskUpdateList":[{"UpdateDateTime":' .. case[1] .. "}]}")
      assert.near(case[2], page.MigrationTaskUpdateList[1].UpdateDateTime, 1e-6)
    end)
  end
end)

-- The public cases have shapes of their own: what they check stands in a task's summary here, or in
-- an answer without members.
describe("lmigrationhub.response: public cases", function()
  local OURS = {
    String = "StatusDetail", string = "StatusDetail", Integer = "ProgressPercent",
    Long = "ProgressPercent", Float = "UpdateDateTime", Double = "UpdateDateTime",
    Timestamp = "UpdateDateTime", Iso8601Timestamp = "UpdateDateTime",
    HttpdateTimestamp = "UpdateDateTime", datetime = "UpdateDateTime",
  }

  local function summary_of(answer)
    local body = answer.body:gsub('"(%w+)":', function(name)
      return ('"%s":'):format(OURS[name] or name)
    end)
    answer.body = ('{"MigrationTaskSummaryList":[%s]}'):format(body)
    local page = assert(response.read(operations.list_migration_tasks, answer))
    return page.MigrationTaskSummaryList[1]
  end

  local function expected_of(case)
    if case.id == "handles_unexpected_json_output" then return { foo = true } end -- passes through
    local expected = {}
    for name, value in pairs(case.expect) do expected[OURS[name] or name] = value end
    return expected
  end

  conformance.each("responses/smithy-aws-json-1.1.json", function(data)
    local carried = 0
    for _, case in ipairs(data.cases) do
      local is_ours = case.migration_hub and case.applies_to ~= "server"
      carried = carried + (is_ours and 1 or 0)
      if is_ours then
        it(case.id, function()
          local answer = { status = case.response.status, headers = {}, body = case.response.body }
          local result
          if case.operation == "EmptyOperation" then
            result = response.read(operations.create_progress_update_stream, answer)
          else
            result = summary_of(answer)
          end
          assert.same(expected_of(case), result)
        end)
      end
    end

    it("were all found", function() assert.equal(20, carried) end)
  end)
end)

describe("lmigrationhub.response: errors", function()
  local function failure_of(...)
    local result, failure = read(...)
    assert.is_nil(result)
    assert.equal("service", failure.kind)
    return failure
  end

  it("carry code, message, status and request id", function()
    local failure = failure_of(400,
      '{"__type":"ResourceNotFoundException","message":"no such task"}',
      { ["x-amzn-requestid"] = "id-2" })
    assert.equal("ResourceNotFoundException", failure.code)
    assert.equal("no such task", failure.message)
    assert.equal(400, failure.status)
    assert.equal("id-2", failure.request_id)
  end)

  it("take the header before the body's code before its __type", function()
    local body = '{"code":"B","__type":"C"}'
    assert.equal("A", failure_of(400, body, { ["x-amzn-errortype"] = "a.b#A:http://x/#y" }).code)
    assert.equal("B", failure_of(400, body).code)
    assert.equal("C", failure_of(400, '{"code":3,"__type":"C"}').code)
  end)

  it("prefer RetryAfterSeconds, then x-amz-retry-after in milliseconds", function()
    local headers = { ["x-amz-retry-after"] = "1500" }
    local body = '{"__type":"ThrottlingException","RetryAfterSeconds":3}'
    assert.equal(3, failure_of(400, body, headers).retry_after)
    assert.equal(1.5, failure_of(400, "{}", headers).retry_after)
    for _, value in ipairs { "", "soon", "-1", "inf" } do
      assert.is_nil(failure_of(400, "{}", { ["x-amz-retry-after"] = value }).retry_after)
    end
  end)

  it("show the start of a text that is no JSON, and nothing of HTML", function()
    assert.equal(("x"):rep(200), failure_of(400, ("x"):rep(5000)).message)
    assert.equal("Bad Gateway", failure_of(502, "\n <!doctype html><p>x").message)
    assert.equal("502", failure_of(502, "").code)
    assert.equal("", failure_of(418, "").message)
  end)

  it("are told by the header alone where the body says nothing", function()
    local failure = failure_of(400, "", { ["x-amzn-errortype"] = "ThrottlingException" })
    assert.same({ "ThrottlingException", "" }, { failure.code, failure.message })
  end)

  it("take a message in capitals as well", function()
    assert.equal("no", failure_of(400, '{"__type":"A","Message":"no"}').message)
    assert.equal("yes", failure_of(400, '{"message":"yes","Message":"no"}').message)
  end)

  it("are what a redirect or an odd status is", function()
    assert.equal("307", failure_of(307, "").code)
    assert.equal("100", failure_of(100, "").code)
  end)

  for _, body in ipairs { "[]", "[1]", "null", "true", "3", '"x"', '{"__type":', '{"__type":{}}',
    "\255" } do
    it("are made of " .. body:gsub("\255", "bytes") .. " as well", function()
      assert.equal("400", failure_of(400, body).code)
    end)
  end

  conformance.each("errors/cases.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case " .. case.name, function()
        local headers = {}
        for _, pair in ipairs(case.response.headers) do headers[pair[1]:lower()] = pair[2] end
        local failure = failure_of(case.response.status, case.response.body, headers)
        assert.equal(case.expect.code, failure.code)
        assert.equal(case.expect.message, failure.message)
        assert.equal(case.expect.status, failure.status)
        assert.equal(case.expect.request_id, failure.request_id)
        assert.equal(case.expect.retry, retry.classify(failure) or "none")
      end)
    end
  end)
end)
