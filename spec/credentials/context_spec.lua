local clock_skew = require "lmigrationhub.clock_skew"
local contexts = require "lmigrationhub.credentials.context"
local socket = require "socket"
local unpack = table.unpack or unpack
local worlds = require "spec.credentials.world"

local SETTINGS = { connect_timeout = 5, timeout = 30 }
local GET = { method = "GET", url = "http://host/" }

local function answer(status, body, headers)
  return { status = status, headers = headers or {}, body = body or "" }
end

local function send(answers, options, request)
  local world = worlds.new(answers)
  local context = contexts.new(SETTINGS, world)
  return world, { context.send(request or GET, options) }
end

describe("lmigrationhub.credentials.context", function()
  it("sends with the client's time limits, unless the request has its own", function()
    assert.same({ connect = 5, total = 30 }, send({ answer(200) }).requests[1].timeouts)
    local own = { method = "GET", url = "http://host/", timeouts = { connect = 1, total = 1 } }
    assert.same(own, send({ answer(200) }, nil, own).requests[1])
    assert.is_nil(GET.timeouts)
  end)

  it("goes past the proxy when it is told to and there is a way", function()
    local function urls_of(world)
      contexts.new(SETTINGS, world).send(GET, { direct = true })
      return #world.requests
    end
    local around, past = worlds.new { answer(200) }, worlds.new { answer(200) }
    around.direct = function() return past.transport end
    assert.equal(0, urls_of(around))
    assert.equal(1, #past.requests)
    assert.equal(1, urls_of(worlds.new { answer(200) }))
  end)

  it("sends once when nothing is said of retries", function()
    local world, result = send { "timeout" }
    assert.same({ nil, "no answer: timeout", "timeout" }, result)
    assert.equal(1, #world.requests)
  end)

  for name, failed in pairs {
    ["a timeout"] = "timeout",
    ["a lost connection"] = "connection",
    ["a broken answer"] = "protocol",
    ["a server that fails"] = answer(503),
    ["STS that throttles"] = answer(400, '{"Error":{"Code":"Throttling"}}'),
    ["SSO that throttles"] =
      answer(400, "", { ["x-amzn-errortype"] = "TooManyRequestsException:http://x/" }),
    ["a code in the body"] = answer(400, '{"code":"RequestTimeout"}'),
  } do
    it("tries again after " .. name, function()
      local good = answer(200)
      local world, result = send({ failed, good }, { retry = true })
      assert.equal(good, result[1])
      assert.equal(1, #world.sleeps)
    end)
  end

  for name, failed in pairs {
    ["a wrong certificate"] = "tls",
    ["a refusal"] = answer(403, '{"Error":{"Code":"AccessDenied"}}'),
    ["what is no JSON"] = answer(400, "<html>"),
    ["a code that is none"] = answer(400, '{"Error":{"Code":{}}}'),
  } do
    it("does not try again after " .. name, function()
      local world, result = send({ failed, answer(200) }, { retry = true })
      assert.equal(1, #world.requests)
      assert.equal(type(failed) == "table" and failed or nil, result[1])
    end)
  end

  it("gives the last answer when all tries failed", function()
    local last = answer(503, "third")
    local world, result = send({ answer(500), answer(502), last }, { retry = true })
    assert.equal(last, result[1])
    assert.equal(3, #world.requests)
    assert.equal(2, #world.sleeps)
  end)

  it("tries no more often than told", function()
    local world = send({ answer(500), answer(500) }, { retry = true, attempts = 2 })
    assert.equal(2, #world.requests)
  end)

  it("tells the log of a try that failed", function()
    local world = send({ answer(503), "timeout", answer(200) }, { retry = true })
    assert.matches("^debug: credentials: attempt 1 failed %(503%), next in 0%.0 s$",
      world.lines[1])
    assert.matches("attempt 2 failed %(Timeout%)", world.lines[2])
  end)

  it("sends around the proxy when told to", function()
    local world = worlds.new()
    local direct = worlds.new { answer(204) }
    world.direct = function() return direct.transport end
    assert.equal(204, contexts.new(SETTINGS, world).send(GET, { direct = true }).status)
    assert.equal(0, #world.requests)
  end)

  it("signs a copy of the request", function()
    local context = contexts.new(SETTINGS, worlds.new())
    local request = {
      method = "POST", url = "https://sts.us-east-1.amazonaws.com/", path = "/", body = "a=b",
      headers = { host = "sts.us-east-1.amazonaws.com" },
    }
    local keys = { access_key_id = "id", secret_access_key = "hidden", session_token = "token" }
    local signed = context.sign(request, keys, "us-east-1", "sts")
    assert.equal("20231114T221320Z", signed.headers["x-amz-date"])
    assert.equal("token", signed.headers["x-amz-security-token"])
    assert.matches("^AWS4%-HMAC%-SHA256 Credential=id/20231114/us%-east%-1/sts/aws4_request, "
      .. "SignedHeaders=host;x%-amz%-date;x%-amz%-security%-token, Signature=%x+$",
      signed.headers.authorization)
    assert.same({ host = "sts.us-east-1.amazonaws.com" }, request.headers)
    assert.equal("a=b", signed.body)
  end)

  it("signs each try anew", function()
    local world, count = worlds.new { answer(503), answer(200) }, 0
    contexts.new(SETTINGS, world).send(GET, { retry = true, sign = function(request)
      assert.equal(GET.url, request.url)
      count = count + 1
      return { number = count }
    end })
    assert.same({ { number = 1 }, { number = 2 } }, world.requests)
  end)

  it("tries again once the skew that a refusal taught explains it, and signs by it", function()
    local refusal =
      answer(403, '{"Error":{"Code":"SignatureDoesNotMatch"}}',
        { date = "Tue, 14 Nov 2023 22:23:20 GMT" })
    local world = worlds.new { refusal, answer(200) }
    world.skew = clock_skew.new()
    local context, dates = contexts.new(SETTINGS, world), {}
    context.send(GET, { retry = true, sign = function()
      local request = { path = "/", method = "GET", headers = { host = "host" } }
      local keys = { access_key_id = "id", secret_access_key = "hidden" }
      local signed = context.sign(request, keys, "us-east-1", "sts")
      dates[#dates + 1] = signed.headers["x-amz-date"]
      return signed
    end })
    assert.same({ "20231114T221320Z", "20231114T222320Z" }, dates)
    assert.equal(600, world.skew.seconds)
  end)

  it("sleeps while a program runs, ever longer", function()
    local world, slept = { transport = {} }, {}
    function world.transport:sleep(seconds)
      table.insert(slept, seconds)
      socket.sleep(seconds)
    end
    local context = contexts.new(SETTINGS, world)
    assert.same({ 3, "out", "" }, { context.run { "sh", "-c", "sleep 0.3; printf out; exit 3" } })
    assert.same({ 0.001, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05 },
      { unpack(slept, 1, 9) })
    assert.is_true(#slept < 100)
  end)

  it("starts no program where nobody can wait", function()
    local path = os.tmpname()
    local transport = { sleep = function() error "cannot wait" end }
    assert.is_false((pcall(contexts.new(SETTINGS, { transport = transport }).run, { "rm", path })))
    socket.sleep(0.1)
    assert.is_true(os.remove(path))
  end)

  it("makes up the name of a session from the time", function()
    assert.equal("lmigrationhub-1700000000",
      contexts.new(SETTINGS, worlds.new()).session_name())
  end)

  it("takes the machine's clock, dice and files when it is given none", function()
    local context = contexts.new(SETTINGS, { transport = worlds.new().transport })
    assert.equal(os.time, context.now)
    assert.equal(io.open, context.open)
    assert.equal(math.random, context.random)
    assert.same({ 0, "word", "" }, { context.run { "printf", "word" } })
    assert.is_nil((context.write_private("/nonexistent/file", "text")))
    assert.is_nil(context.log("debug", "nobody hears it"))
  end)
end)
