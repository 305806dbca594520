-- What the hub does wrong when it is told to.

local callers = require "spec.hub.caller"
local cjson = require "cjson"
local server = require "spec.hub.server"
local socket = require "socket"

local MINUTE = 60
local ROUNDING = 0.5 -- nginx counts from when it last looked at the clock: a pause may be shorter

describe("the local hub, told to misbehave,", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  it("throttles a number of requests, then serves", function()
    hub:misbehave { throttle = { retry_after_seconds = 3, retry_after_ms = 1500 }, times = 2 }
    for _ = 1, 2 do
      local answer, status, headers = caller:call()
      assert.are.equal(400, status)
      assert.are.same({ "ThrottlingException", 3 }, { answer.__type, answer.RetryAfterSeconds })
      assert.are.equal("1500", headers["x-amz-retry-after"])
    end
    assert.are.equal(200, select(2, caller:call()))
  end)

  it("fails in three forms", function()
    hub:misbehave {
      { fail = { status = 500 }, times = 1 },
      { fail = { status = 503, form = "html" }, times = 1 },
      { fail = { status = 503, form = "empty" }, times = 1 },
    }
    local answer, status = caller:call()
    assert.are.same({ 500, "InternalServerError" }, { status, answer.__type })
    answer, status = caller:call()
    assert.are.equal(503, status)
    assert.matches("^<html>", answer)
    answer, status = caller:call()
    assert.are.same({ "", 503 }, { answer, status })
    assert.are.equal(200, select(2, caller:call()))
  end)

  it("lets requests pass before it begins", function()
    hub:misbehave { fail = {}, after = 1, times = 1 }
    local statuses = {}
    for index = 1, 3 do statuses[index] = select(2, caller:call()) end
    assert.are.same({ 200, 500, 200 }, statuses)
  end)

  it("names an error's code in each of its forms", function()
    local function error_in(form)
      hub:misbehave { error = { code = "Oops", message = "why", form = form }, times = 1 }
      return caller:call()
    end
    assert.are.equal("Oops", error_in().__type)
    assert.are.equal("com.amazonaws.migrationhub#Oops", error_in("namespaced").__type)
    assert.are.equal("Oops", error_in("code").code)
    local answer, _, headers = error_in "header"
    assert.are.same({ message = "why" }, answer)
    assert.matches("^Oops:http://", headers["x-amzn-errortype"])
  end)

  it("gives a canned answer", function()
    hub:misbehave {
      respond = { status = 418, headers = { ["X-Tea"] = "yes" }, body = "{nonsense" }, times = 1,
    }
    local answer, status, headers = caller:call()
    assert.are.same({ "{nonsense", 418, "yes" }, { answer, status, headers["x-tea"] })
  end)

  it("misses a home region", function()
    hub:misbehave { home_region_not_set = true, times = 1 }
    assert.are.equal("HomeRegionNotSetException", caller:call().__type)
  end)

  it("changes the headers of a good answer", function()
    hub:misbehave { headers = { Age = "7", ["Content-Length"] = false }, times = 1 }
    local answer, _, headers = caller:call()
    assert.are.same({ "7", "chunked" }, { headers.age, headers["transfer-encoding"] })
    assert.are.equal(100, #answer.MigrationTaskUpdateList)
  end)

  it("has another clock, and its Date with it", function()
    hub:misbehave { skew = 10 * MINUTE }
    local _, _, headers = caller:call()
    local hour, minute = headers.date:match(" (%d%d):(%d%d):")
    local ahead = (hour * 60 + minute - os.time() / MINUTE) % (24 * 60)
    assert.is_true(ahead > 8 and ahead < 12)
    assert.matches("^Signature expired", caller:call().message)
    assert.are.equal(200, select(2, caller:call { offset = 10 * MINUTE }))
  end)

  it("answers late", function()
    hub:misbehave { delay = 0.1, times = 1 }
    local before = socket.gettime()
    caller:call()
    assert.is_true(socket.gettime() - before >= ROUNDING * 0.1)
  end)

  it("cuts the body short", function()
    hub:misbehave { cut = 7, times = 1 }
    local head, body = caller:receive():match("^(.-\r\n\r\n)(.*)$")
    assert.are.equal('{"Migra', body)
    assert.is_true(tonumber(head:match("Content%-Length: (%d+)")) > 7)
  end)

  it("cuts the head short, down to nothing", function()
    hub:misbehave { { cut_head = 20, times = 1 }, { cut_head = 0, times = 1 } }
    assert.are.equal("HTTP/1.1 200 Told so", caller:receive())
    assert.are.equal("", caller:receive())
  end)

  it("stalls in the middle of a body", function()
    hub:misbehave { stall = { bytes = 5, seconds = 60 }, times = 1 }
    local connection = caller:open()
    repeat local line = assert(connection:receive("*l")) until line == ""
    assert.are.equal('{"Mig', connection:receive(5))
    connection:settimeout(0.1)
    assert.are.same({ "timeout", "" }, { select(2, connection:receive(1)) })
    connection:close()
  end)

  it("drips", function()
    hub:misbehave { drip = { bytes = 4096, seconds = 0.02 }, times = 1 }
    local before, text = socket.gettime(), caller:receive()
    local pauses = math.floor((#text - 1) / 4096)
    assert.is_true(pauses >= 3)
    assert.is_true(socket.gettime() - before >= ROUNDING * pauses * 0.02)
    local body = text:match("\r\n\r\n(.*)$")
    assert.are.equal(100, #cjson.decode(body).MigrationTaskUpdateList)
  end)

  it("closes the connection after a good answer", function()
    hub:misbehave { close = true, times = 1 }
    assert.matches("\r\nConnection: close\r\n", caller:receive())
  end)

  it("hands out the last token again", function()
    hub:misbehave { repeat_token = 1, after = 1, times = 1 }
    local first = caller:page { MaxResults = 1 }.NextToken
    assert.are.equal(first, caller:page { MaxResults = 1, NextToken = first }.NextToken)
  end)

  it("hands out two tokens in turns", function()
    hub:misbehave { repeat_token = 2, after = 2 }
    local tokens = {}
    for index = 1, 5 do
      tokens[index] = caller:page { MaxResults = 1, NextToken = tokens[index - 1] }.NextToken
    end
    local a, b = tokens[1], tokens[2]
    assert.are_not.equal(a, b)
    assert.are.same({ a, b, a, b, a }, tokens)
  end)

  it("gives any token it is told to", function()
    hub:misbehave { token = "", times = 1 }
    assert.are.equal("", caller:page { MaxResults = 1 }.NextToken)
  end)

  it("gives an empty page that goes on", function()
    hub:misbehave { empty_page = true, times = 1 }
    local empty = caller:page { MaxResults = 1 }
    assert.are.same({}, empty.MigrationTaskUpdateList)
    local following = caller:page { MaxResults = 1, NextToken = empty.NextToken }
    local expected = hub:updates(callers.STREAM, callers.TASK)[1]
    assert.are.same({ expected }, following.MigrationTaskUpdateList)
  end)

  it("combines what does not collide", function()
    hub:misbehave { { headers = { Age = "1" } }, { fail = {}, times = 1 } }
    local statuses, ages = {}, {}
    for index = 1, 2 do
      local _, status, headers = caller:call()
      statuses[index], ages[index] = status, headers.age
    end
    assert.are.same({ { 500, 200 }, { "1", "1" } }, { statuses, ages })
  end)

  it("refuses a misbehaviour that it does not know", function()
    assert.has_error(function() hub:misbehave { sing = true } end,
      "the hub refused misbehave: unknown misbehaviour: sing")
    assert.has_error(function() hub:misbehave { delay = "long" } end,
      "the hub refused misbehave: delay must be a number")
  end)

  it("behaves again after a reset", function()
    hub:misbehave { fail = {} }
    hub:reset()
    assert.are.equal(200, select(2, caller:call()))
  end)
end)
