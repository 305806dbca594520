-- What the hub takes for a request of the service, and what it says of an invalid one.

local callers = require "spec.hub.caller"
local cjson = require "cjson"
local server = require "spec.hub.server"

local input = callers.input

describe("the local hub", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  describe("the protocol", function()
    it("gives every answer a request id, a type, a date and a length", function()
      local _, _, good = caller:call()
      local _, _, bad = caller:send { method = "GET", path = "/", headers = {}, body = "" }
      for _, headers in ipairs { good, bad } do
        assert.matches("^%x+%-%x%x%x%x%-4%x%x%x%-a%x%x%x%-%x+$", headers["x-amzn-requestid"])
        assert.are.equal(36, #headers["x-amzn-requestid"])
        assert.are.equal("application/x-amz-json-1.1", headers["content-type"])
        assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", headers.date)
        assert.matches("^%d+$", headers["content-length"])
        assert.is_nil(headers["transfer-encoding"])
      end
      assert.are_not.equal(good["x-amzn-requestid"], bad["x-amzn-requestid"])
    end)

    it("knows no other operation, method, path or content type", function()
      local requests = {
        caller:request { headers = { ["x-amz-target"] = "AWSMigrationHub.DropEverything" } },
        caller:request { headers = { ["x-amz-target"] = "AnotherService.ListMigrationTasks" } },
        caller:request { headers = { ["content-type"] = "application/json" } },
        caller:request {},
        caller:request {},
      }
      requests[4].method, requests[5].path = "PUT", "/elsewhere"
      for _, request in ipairs(requests) do
        local text, status = caller:send(request)
        assert.are.equal(400, status)
        assert.are.same({ __type = "UnknownOperationException" }, cjson.decode(text))
      end
    end)

    for _, body in ipairs { "", "[]", "{", '"text"', "null", '{"a":NaN}', '{"a":"\255"}' } do
      it(("takes %q for no JSON object"):format(body), function()
        assert.are.equal("SerializationException", caller:call({ body = body }).__type)
      end)
    end
  end)

  describe("validation", function()
    local long = ("é"):rep(51)
    local CASES = {
      { { ProgressUpdateStream = cjson.null, MigrationTaskName = cjson.null },
        "2 validation errors detected: Value 'null' at 'progressUpdateStream' failed to satisfy "
        .. "constraint: Member must not be null; Value 'null' at 'migrationTaskName' failed to "
        .. "satisfy constraint: Member must not be null" },
      { { ProgressUpdateStream = long },
        ("1 validation error detected: Value '%s' at 'progressUpdateStream' failed to satisfy "
        .. "constraint: Member must have length less than or equal to 50"):format(long) },
      { { MigrationTaskName = "a:b" },
        "1 validation error detected: Value 'a:b' at 'migrationTaskName' failed to satisfy "
        .. "constraint: Member must satisfy regular expression pattern: [^:|]+" },
      { { MaxResults = 0 },
        "1 validation error detected: Value '0' at 'maxResults' failed to satisfy "
        .. "constraint: Member must have value greater than or equal to 1" },
      { { MaxResults = 101 },
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy "
        .. "constraint: Member must have value less than or equal to 100" },
      { { MaxResults = "ten" },
        "1 validation error detected: Value 'ten' at 'maxResults' failed to satisfy "
        .. "constraint: Member must be of type integer" },
    }

    for _, case in ipairs(CASES) do
      it("says: " .. case[2]:match("constraint: (.*)$"), function()
        local answer, status = caller:call { input = input(case[1]) }
        assert.are.equal(400, status)
        assert.are.same({ __type = "InvalidInputException", message = case[2] }, answer)
      end)
    end

    it("counts characters, not bytes", function()
      local answer = caller:call { input = input { ProgressUpdateStream = ("é"):rep(50) } }
      assert.are.equal("ResourceNotFoundException", answer.__type)
    end)

    it("bounds a token by alphabet and length", function()
      for _, token in ipairs { "a-b", ("a"):rep(2049) } do
        assert.are.equal("InvalidInputException", caller:page({ NextToken = token }).__type)
      end
    end)

    it("ignores unknown members and those that are null", function()
      local answer = caller:page { Unknown = { 1 }, NextToken = cjson.null, MaxResults = 1 }
      assert.are.equal(1, #answer.MigrationTaskUpdateList)
    end)
  end)
end)
