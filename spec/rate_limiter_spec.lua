local rate_limiter = require "lmigrationhub.rate_limiter"

-- Sends at a rate for some seconds; gives the time.
local function send(limiter, now, rate, seconds, is_throttled)
  for _ = 1, rate * seconds do
    now = now + 1 / rate
    limiter:update(now, is_throttled)
  end
  return now
end

describe("lmigrationhub.rate_limiter", function()
  it("limits nothing before the service throttles", function()
    local limiter = rate_limiter.new(0)
    local now = send(limiter, 0, 100, 5, false)
    for _ = 1, 1000 do assert.equal(0, limiter:acquire(now)) end
  end)

  it("slows down to 0.7 of the rate at which the service throttled", function()
    local limiter = rate_limiter.new(0)
    local now = send(limiter, 0, 20, 10, false)
    limiter:update(now, true)
    local waited = 0
    for _ = 1, 14 do
      local delay = limiter:acquire(now)
      waited, now = waited + delay, now + delay
    end
    assert.near(1, waited, 0.1)
  end)

  it("never goes below one request in two seconds", function()
    local limiter = rate_limiter.new(0)
    local now = send(limiter, 0, 1, 50, true)
    limiter:acquire(now)
    assert.near(2, limiter:acquire(now), 1e-6)
  end)

  it("grows again when nothing is throttled, up to twice what is sent", function()
    local limiter = rate_limiter.new(0)
    local now = send(limiter, 0, 10, 10, false)
    limiter:update(now, true)
    local slow = limiter:acquire(now) + limiter:acquire(now)
    now = send(limiter, now, 10, 20, false)
    for _ = 1, 20 do limiter:acquire(now) end
    local fast = limiter:acquire(now)
    assert.is_true(fast < slow)
    assert.near(1 / 20, fast, 0.02)
  end)
end)
