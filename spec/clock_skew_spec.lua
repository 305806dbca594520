local clock_skew = require "lmigrationhub.clock_skew"
local errors = require "lmigrationhub.errors"

local NOW = 1440938160 -- Sun, 30 Aug 2015 12:36:00 GMT

local function date(offset)
  return os.date("!%a, %d %b %Y %H:%M:%S GMT", NOW + offset)
end

local function refusal(code)
  return errors.new { kind = "service", code = code, message = "", status = 400 }
end

describe("lmigrationhub.clock_skew", function()
  it("is the service's time less the middle of the way there and back", function()
    local skew = clock_skew.new()
    skew:observe(NOW, NOW + 4, { date = date(302) })
    assert.equal(300, skew.seconds)
    skew:observe(NOW, NOW, { date = date(-7200) })
    assert.equal(-7200, skew.seconds)
  end)

  it("heals when the clock was set right", function()
    local skew = clock_skew.new()
    skew:observe(NOW, NOW, { date = date(300) })
    skew:observe(NOW, NOW, { date = date(0) })
    assert.equal(0, skew.seconds)
  end)

  for name, case in pairs {
    ["no Date"] = { NOW, {} },
    ["a Date that is none"] = { NOW, { date = "yesterday" } },
    ["an answer from a cache"] = { NOW, { date = date(300), age = "0" } },
    ["a round trip above 15 minutes"] = { NOW + 901, { date = date(300) } },
    ["a clock that was set back meanwhile"] = { NOW - 1, { date = date(300) } },
  } do
    it("learns nothing from " .. name, function()
      local skew = clock_skew.new()
      skew:observe(NOW, case[1], case[2])
      assert.equal(0, skew.seconds)
    end)
  end

  it("explains a refusal when it has turned out above four minutes", function()
    for _, code in ipairs {
      "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "RequestTimeTooSkewed",
      "AccessDeniedException",
    } do
      for _, offset in ipairs { 300, -300, 241, 240, -240, 120 } do
        local skew = clock_skew.new()
        skew:observe(NOW, NOW, { date = date(offset) })
        assert.equal(math.abs(offset) > 240, skew:explains(refusal(code), 0))
      end
    end
  end)

  it("does not explain a refusal that came although it was known", function()
    local skew = clock_skew.new()
    skew:observe(NOW, NOW, { date = date(300) })
    assert.is_false(skew:explains(refusal "AccessDeniedException", 300))
    assert.is_false(skew:explains(refusal "ResourceNotFoundException", 0))
  end)

  it("explains a refusal of a request that was signed with an old skew", function()
    local skew = clock_skew.new()
    skew:observe(NOW, NOW, { date = date(0) })
    assert.is_true(skew:explains(refusal "InvalidSignatureException", 3600))
  end)
end)
