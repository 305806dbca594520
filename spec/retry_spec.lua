local conformance = require "spec.conformance"
local errors = require "lmigrationhub.errors"
local retry = require "lmigrationhub.retry"

local function service(code, status, retry_after)
  return errors.new {
    kind = "service", code = code, message = "", status = status or 400, retry_after = retry_after,
  }
end

local function policy(options)
  options = options or {}
  return retry.new {
    max_attempts = options.max_attempts or 3,
    quota = options.quota,
    max_backoff = options.max_backoff,
    random = options.random or function() return 1 end,
  }
end

describe("lmigrationhub.retry", function()
  it("waits longer before each try, by the dice", function()
    local half = policy { max_attempts = 20, quota = 500, random = function() return 0.5 end }
    local delays = {}
    for attempts = 1, 11 do
      delays[attempts] = half:failed({ attempts = attempts }, service("X", 500))
    end
    assert.same({ 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10 }, delays)
  end)

  it("does not overflow on large counts", function()
    local patient = policy { max_attempts = math.huge, quota = 500 }
    assert.equal(20, patient:failed({ attempts = 5000 }, service("X", 500)))
  end)

  it("starts from a second when throttled", function()
    assert.equal(1, policy():failed({ attempts = 1 }, service "ThrottlingException"))
    assert.equal(2, policy():failed({ attempts = 2 }, service "ThrottlingException"))
  end)

  it("waits as long as the service asks, within its own delay and five seconds more", function()
    assert.equal(3, policy():failed({ attempts = 1 }, service("ThrottlingException", 400, 3)))
    assert.equal(6, policy():failed({ attempts = 1 }, service("ThrottlingException", 400, 60)))
    assert.equal(1, policy():failed({ attempts = 1 }, service("ThrottlingException", 400, 0)))
  end)

  it("gives up on what a retry cannot mend", function()
    for _, failure in ipairs {
      service "ResourceNotFoundException", service "InvalidToken", service("TooManyRequests", 429),
      errors.new { kind = "transport", code = "TLSError", message = "" },
      errors.new { kind = "transport", code = "ResponseTooLarge", message = "" },
      errors.new { kind = "response", code = "InvalidResponse", message = "", status = 200 },
      errors.new { kind = "credentials", code = "NoCredentials", message = "" },
    } do
      local delay, reason = policy():failed({ attempts = 1 }, failure)
      assert.is_nil(delay)
      assert.equal("not_retryable", reason)
    end
  end)

  it("tries again when the network failed", function()
    for _, code in ipairs { "Timeout", "ConnectionError", "ProtocolError" } do
      local failure = errors.new { kind = "transport", code = code, message = "" }
      assert.equal("transient", retry.classify(failure))
    end
  end)

  it("shares the quota among calls and gives back what a success did not need", function()
    local shared = policy { quota = 20 }
    local first, second = { attempts = 1 }, { attempts = 1 }
    assert.equal(0.05, shared:failed(first, service("X", 500)))
    assert.same({ nil, "retry_quota_exceeded" }, { shared:failed(second, service("X", 500)) })
    shared:succeeded(first)
    assert.equal(20, shared.quota)
    shared:succeeded { attempts = 1 }
    assert.equal(21, shared.quota)
  end)

  it("waits no longer than it is told to", function()
    local brief = policy { max_attempts = 20, max_backoff = 2 }
    assert.equal(2, brief:failed({ attempts = 10 }, service("X", 500)))
  end)

  it("never holds more than 500", function()
    local full = policy()
    full:succeeded { attempts = 1 }
    assert.equal(500, full.quota)
  end)

  it("has dice of its own that differ from policy to policy", function()
    local seen = {}
    for _ = 1, 20 do
      local own = retry.new { max_attempts = 3 }
      local delay = own:failed({ attempts = 1 }, service("X", 500))
      assert.is_true(delay >= 0 and delay <= 0.05)
      seen[delay] = true
    end
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.is_true(count > 1)
  end)

  conformance.each("retries/spec.json", function(data)
    for _, case in ipairs(data.cases_2_1) do
      local given = case.given
      if not case.name:find "DynamoDB" then
        it("public case: " .. case.name, function()
          local own = policy {
            max_attempts = given.max_attempts, quota = given.initial_retry_tokens,
            max_backoff = given.max_backoff_time,
          }
          local call = { attempts = 0 }
          for _, step in ipairs(case.responses) do
            call = call.done and { attempts = 0 } or call
            call.attempts = call.attempts + 1
            local status, expected = step.response.status_code, step.expected
            if status == 200 then
              own:succeeded(call)
              call.done = true
              assert.equal("success", expected.outcome)
            else
              local header = (step.response.headers or {})["x-amz-retry-after"]
              local milliseconds = tonumber(header)
              local after = milliseconds and milliseconds >= 0 and milliseconds / 1000 or nil
              local code = step.response.error_code or "X"
              local delay, reason = own:failed(call, service(code, status, after))
              call.done = not delay
              assert.equal(expected.outcome, delay and "retry_request" or reason)
              if expected.delay then assert.near(expected.delay, delay, 1e-9) end
            end
            assert.equal(expected.retry_quota, own.quota)
          end
        end)
      end
    end
  end)

  -- The transports' specs show which of these each event is.
  local EVENTS = {
    { "timeout", "Timeout" }, { "certificate", "TLSError" }, { "", "ConnectionError" },
  }

  local function code_of(event)
    for _, case in ipairs(EVENTS) do
      if event:find(case[1], 1, true) then return case[2] end
    end
  end

  conformance.each("retries/classification.json", function(data)
    for index, case in ipairs(data.cases) do
      local code = case.code ~= conformance.null and case.code or nil
      it(("public case %d: %s"):format(index, case.event or code or case.status), function()
        local failure = case.event and errors.new {
          kind = "transport", code = code_of(case.event), message = "",
        } or service(code or tostring(case.status), case.status)
        assert.equal(case.retry, retry.classify(failure) or "none")
      end)
    end
  end)
end)
