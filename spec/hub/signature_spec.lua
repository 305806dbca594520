-- Whose requests the hub accepts.

local callers = require "spec.hub.caller"
local cjson = require "cjson"
local server = require "spec.hub.server"

local input = callers.input
local MINUTE = 60

describe("the local hub's signature check", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  local function without(name)
    return function(authorization) return (authorization:gsub(name .. "=[^,]+,? ?", "")) end
  end

  local REFUSED = {
    { "no Authorization", { authorization = function() end },
      "MissingAuthenticationTokenException" },
    { "another algorithm", { authorization = function() return "Basic dXNlcjpzZWNyZXQ=" end },
      "IncompleteSignatureException" },
    { "no Credential", { authorization = without "Credential" },
      "IncompleteSignatureException", "'Credential'" },
    { "no Signature", { authorization = without "Signature" },
      "IncompleteSignatureException", "'Signature'" },
    { "no SignedHeaders", { authorization = without "SignedHeaders" },
      "IncompleteSignatureException", "'SignedHeaders'" },
    { "a scope cut short", { authorization = function(text) return (text:gsub("/mgh", "")) end },
      "IncompleteSignatureException", "5 slash" },
    { "a region that is not the hub's", { region = "eu-central-1" },
      "InvalidSignatureException", "not 'eu%-central%-1'" },
    { "another service", { service = "s3" }, "InvalidSignatureException", "service: 'mgh'" },
    { "another terminator", { terminator = "aws4" }, "InvalidSignatureException", "terminator" },
    { "a scope of another day", { day = "20150830" }, "InvalidSignatureException", "'20150830'" },
    { "a date six minutes old", { offset = -6 * MINUTE },
      "InvalidSignatureException", "^Signature expired: %d+T%d+Z is now earlier than" },
    { "a date six minutes ahead", { offset = 6 * MINUTE },
      "InvalidSignatureException", "^Signature not yet current: " },
    { "an unsigned host", { unsigned = "host" }, "InvalidSignatureException", "'host'" },
    { "an unsigned target", { unsigned = "x-amz-target" },
      "InvalidSignatureException", "'x%-amz%-target'" },
    { "an unsigned content type", { unsigned = "content-type" },
      "InvalidSignatureException", "'content%-type'" },
    { "an unknown key", { key = { access_key_id = "AKIANOBODY", secret_access_key = "x" } },
      "UnrecognizedClientException" },
    { "a wrong secret",
      { key = { access_key_id = "AKIAIOSFODNN7EXAMPLE", secret_access_key = "wrong" } },
      "InvalidSignatureException", "does not match" },
    { "a body that was changed", { sent_body = cjson.encode(input { MaxResults = 1 }) },
      "InvalidSignatureException", "does not match" },
  }

  for _, case in ipairs(REFUSED) do
    local what, options, code, message = case[1], case[2], case[3], case[4]
    it("refuses " .. what, function()
      local answer, status = caller:call(options)
      assert.are.equal(400, status)
      assert.are.equal(code, answer.__type)
      assert.matches(message or ".", answer.message)
    end)
  end

  it("refuses a request without a date", function()
    local request = caller:request {}
    request.headers["x-amz-date"] = nil
    local answer = cjson.decode((caller:send(request)))
    assert.are.equal("IncompleteSignatureException", answer.__type)
    assert.matches("'X%-Amz%-Date'", answer.message)
  end)

  it("accepts a date four minutes away", function()
    for _, offset in ipairs { -4 * MINUTE, 4 * MINUTE } do
      local _, status = caller:call { offset = offset }
      assert.are.equal(200, status)
    end
  end)

  it("accepts a temporary key with its token, signed", function()
    local _, status = caller:call { key = caller:key "ASIAIOSFODNN7SESSION" }
    assert.are.equal(200, status)
    local answer = caller:call {
      key = caller:key "ASIAIOSFODNN7SESSION", unsigned = "x-amz-security-token",
    }
    assert.are.equal("InvalidSignatureException", answer.__type)
  end)

  it("refuses a temporary key with no token or another", function()
    for _, token in ipairs { false, "another" } do
      local answer = caller:call {
        key = caller:key "ASIAIOSFODNN7SESSION", headers = { ["x-amz-security-token"] = token },
      }
      assert.are.equal("UnrecognizedClientException", answer.__type)
    end
  end)

  it("refuses a token with a key that has none", function()
    local answer = caller:call { headers = { ["x-amz-security-token"] = "another" } }
    assert.are.equal("UnrecognizedClientException", answer.__type)
  end)

  it("tells expired credentials and those without permission", function()
    local answer = caller:call { key = caller:key "ASIAIOSFODNN7EXPIRED" }
    assert.are.equal("ExpiredTokenException", answer.__type)
    answer = caller:call { key = caller:key "AKIAIOSFODNN70DENIED" }
    assert.are.equal("AccessDeniedException", answer.__type)
    assert.matches("not authorized to perform: mgh:ListMigrationTaskUpdates", answer.message)
  end)
end)
