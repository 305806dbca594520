-- What a call does beside what client_spec shows: clock, credentials, headers, log.

local client = require "lmigrationhub.client"

local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-1" }
local NOW = 1440938160 -- Sun, 30 Aug 2015 12:36:00 GMT
local PAGE = { status = 200, headers = { ["x-amzn-requestid"] = "id-1" }, body = "{}" }

local function date(time) return os.date("!%a, %d %b %Y %H:%M:%S GMT", time) end

local function refusal(code, more)
  local answer = { status = 400, headers = {}, body = ('{"__type":"%s"}'):format(code) }
  for name, value in pairs(more or {}) do answer.headers[name] = value end
  return answer
end

local function canned(...)
  local transport = { answers = { ... }, sent = {}, slept = {}, time = 0 }
  function transport:start(request)
    self.sent[#self.sent + 1] = request
    return #self.sent
  end
  function transport:wait(pending) return self.answers[pending] end
  function transport:send(request) return self:wait(self:start(request)) end
  function transport:sleep(seconds)
    self.slept[#self.slept + 1] = seconds
    self.time = self.time + seconds
  end
  function transport:now() return self.time end
  function transport.close() end
  return transport
end

local function hub_of(transport, more)
  local options = {
    region = "us-west-2", transport = transport,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return client.new(options, {
    getenv = function() end, now = function() return NOW end, random = function() return 0.5 end,
  })
end

describe("lmigrationhub.call", function()
  it("names the invocation and counts its attempts", function()
    local transport = canned(refusal("ThrottlingException"), PAGE, PAGE)
    local hub = hub_of(transport)
    hub:list_migration_task_updates(TASK)
    local first, second = transport.sent[1].headers, transport.sent[2].headers
    assert.equal(first["amz-sdk-invocation-id"], second["amz-sdk-invocation-id"])
    assert.truthy(first["amz-sdk-invocation-id"]:find(
      "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"))
    assert.equal("attempt=1; max=3", first["amz-sdk-request"])
    assert.equal("attempt=2; max=3", second["amz-sdk-request"])
  end)

  it("says in its user agent whether it is a page of a listing", function()
    local transport = canned(PAGE, PAGE)
    local hub = hub_of(transport)
    hub:list_migration_task_updates(TASK)
    for _ in hub:migration_task_updates(TASK) do error "there is none" end
    assert.truthy(transport.sent[1].headers["user-agent"]:find("m/E,e", 1, true))
    assert.truthy(transport.sent[2].headers["user-agent"]:find("m/E,C,e", 1, true))
  end)

  describe("with a wrong clock", function()
    for _, offset in ipairs { 600, -600 } do
      it(("signs again when the service is %d s away, and stays right"):format(offset), function()
        local headers = { date = date(NOW + offset) }
        local transport = canned(refusal("InvalidSignatureException", headers), PAGE, PAGE)
        local hub = hub_of(transport)
        hub:list_migration_task_updates(TASK)
        hub:list_migration_task_updates(TASK)
        assert.equal(3, #transport.sent)
        local right = os.date("!%Y%m%dT%H%M%SZ", NOW + offset)
        assert.equal("20150830T123600Z", transport.sent[1].headers["x-amz-date"])
        assert.equal(right, transport.sent[2].headers["x-amz-date"])
        assert.equal(right, transport.sent[3].headers["x-amz-date"])
      end)
    end

    it("leaves it so when told to", function()
      local transport = canned(refusal("InvalidSignatureException", { date = date(NOW + 600) }))
      local hub = hub_of(transport, { correct_clock_skew = false })
      assert.is_false((pcall(hub.list_migration_task_updates, hub, TASK)))
      assert.equal(1, #transport.sent)
    end)

    it("does not try again when the clock is not to blame", function()
      local transport = canned(refusal("AccessDeniedException", { date = date(NOW + 60) }))
      local hub = hub_of(transport)
      assert.is_false((pcall(hub.list_migration_task_updates, hub, TASK)))
      assert.equal(1, #transport.sent)
    end)
  end)

  describe("with credentials of a function", function()
    local function new_source()
      local source = { asked = 0 }
      function source.give()
        source.asked = source.asked + 1
        return {
          access_key_id = "ASIA" .. source.asked, secret_access_key = "secret",
          session_token = "token" .. source.asked, expiration = NOW + 3600,
        }
      end
      return source
    end

    it("asks for others when the service takes them no more", function()
      for _, code in ipairs { "ExpiredToken", "ExpiredTokenException" } do
        local source = new_source()
        local transport = canned(refusal(code), PAGE)
        hub_of(transport, { credentials = source.give }):list_migration_task_updates(TASK)
        assert.equal(2, source.asked)
        assert.equal("token2", transport.sent[2].headers["x-amz-security-token"])
      end
    end)

    it("keeps them when a page token is refused", function()
      local source = new_source()
      local transport = canned(refusal "InvalidToken", PAGE)
      local hub = hub_of(transport, { credentials = source.give })
      assert.is_false((pcall(hub.list_migration_task_updates, hub, TASK)))
      hub:list_migration_task_updates(TASK)
      assert.equal(1, source.asked)
    end)
  end)

  it("sends more slowly in retry mode adaptive once it was throttled", function()
    local transport = canned(refusal "ThrottlingException", PAGE, PAGE, PAGE, PAGE)
    local hub = hub_of(transport, { retry_mode = "adaptive" })
    for _ = 1, 4 do hub:list_migration_task_updates(TASK) end
    local slept = 0
    for _, seconds in ipairs(transport.slept) do slept = slept + seconds end
    assert.is_true(slept > 3, "it only waited " .. slept)
  end)

  it("tells a logger of attempts, delays and request ids", function()
    local lines = {}
    local transport = canned(refusal("ThrottlingException"), PAGE, refusal "AccessDeniedException")
    local hub = hub_of(transport, {
      logger = function(level, message) lines[#lines + 1] = level .. ": " .. message end,
    })
    hub:list_migration_task_updates(TASK)
    pcall(hub.list_migration_task_updates, hub, TASK)
    local name = "ListMigrationTaskUpdates"
    assert.same({
      "debug: credentials found by: option credentials",
      "debug: " .. name .. ": attempt 1 of 3: HTTP 400 after 0.000 s, request id none",
      "info: " .. name .. ": ThrottlingException (HTTP 400): trying again in 0.500 s",
      "debug: " .. name .. ": attempt 2 of 3: HTTP 200 after 0.000 s, request id id-1",
      "debug: " .. name .. ": attempt 1 of 3: HTTP 400 after 0.000 s, request id none",
      "warn: " .. name .. ": AccessDeniedException (HTTP 400): giving up, not_retryable",
    }, lines)
  end)
end)
