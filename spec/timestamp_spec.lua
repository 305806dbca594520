local timestamp = require "lmigrationhub.timestamp"

local RIGHT = {
  { "2000-01-02T20:34:56Z", 946845296 },
  { "2000-01-02T20:34:56.123Z", 946845296.123 },
  { "2019-12-16T22:48:18-01:00", 1576540098 },
  { "2019-12-17T00:48:18+01:00", 1576540098 },
  { "2019-12-17T00:48:18+0100", 1576540098 },
  { "2000-01-02t20:34:56z", 946845296 },
  { "1970-01-01T00:00:00Z", 0 },
  { "1969-12-31T23:59:59Z", -1 },
  { "2000-02-29T00:00:00Z", 951782400 },
  { "2100-03-01T00:00:00Z", 4107542400 },
  { "2016-12-31T23:59:60Z", 1483228800 },
  { "Sun, 02 Jan 2000 20:34:56 GMT", 946845296 },
  { "Sun, 02 Jan 2000 20:34:56.456 GMT", 946845296.456 },
  { "946845296", 946845296 },
  { "946845296.5", 946845296.5 },
}

local WRONG = {
  "", "now", "2000-13-02T20:34:56Z", "2001-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
  "2000-01-02T24:00:00Z", "2000-01-02T20:60:00Z", "2000-01-02T20:34:61Z", "2000-01-02T20:34:56",
  "2000-01-02T20:34:56.Z", "2000-01-02T20:34:56+25:00", "2000-01-00T00:00:00Z", "2000-01-02",
  "Sun, 02 Foo 2000 20:34:56 GMT", "Sun, 02 Jan 2000 20:34:56 CET", "0x10", "1e5", "nan", "inf",
  "2000-00-02T20:34:56Z", "2000-01-02T20:34:56+01:60", "2000-01-02T20:34:56Z1",
  "2000-01-02T20:34:056Z", "Sun, 02 Jan 2000 20:34:056 GMT", "Sun, 02 Jan 2000 20:34:56. GMT",
  ("9"):rep(400), "-" .. ("9"):rep(400),
}

describe("lmigrationhub.timestamp", function()
  for _, case in ipairs(RIGHT) do
    it("reads " .. case[1], function() assert.near(case[2], timestamp.parse(case[1]), 1e-6) end)
  end

  for _, text in ipairs(WRONG) do
    it(("refuses %q"):format(text), function() assert.is_nil(timestamp.parse(text)) end)
  end

  it("agrees with the C library on every day of two centuries", function()
    for day = 0, 73000 do
      local time = day * 86400 + day % 86400
      assert.equal(time, timestamp.parse(os.date("!%Y-%m-%dT%H:%M:%SZ", time)))
    end
  end)
end)
