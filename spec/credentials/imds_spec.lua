local conformance = require "spec.conformance"
local imds = require "lmigrationhub.credentials.imds"

local NOW = 1000000000
local TOKEN_URL = "http://169.254.169.254/latest/api/token"
local ROLE_URL = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
local DOCUMENT = [[{"Code": "Success", "AccessKeyId": "id", "SecretAccessKey": "hidden",
  "Token": "session", "Expiration": "2009-02-13T23:31:30Z"}]]
local CREDENTIALS = {
  access_key_id = "id", secret_access_key = "hidden", session_token = "session",
  expiration = 1234567890,
}

local function answer(status, body, headers)
  return { status = status, headers = headers or {}, body = body or "" }
end

-- A world whose service answers by a table of "METHOD URL" -> answer, or a list of answers in their
-- order, the last one again and again; a text is a failure of the transport, and so is no answer.
local function new_world(answers)
  local world = { sent = {}, slept = 0, time = NOW, log = function() end, memory = {} }
  local turns = {}
  function world.now() return world.time end
  function world.sleep(seconds) world.slept = world.slept + seconds end
  function world.send(request, options)
    assert(options.direct, "through a proxy")
    local name = request.method .. " " .. request.url
    table.insert(world.sent, name)
    world.last = request
    local given = answers[name] or "timed out"
    if type(given) == "table" and not given.status then
      turns[name] = math.min((turns[name] or 0) + 1, #given)
      given = given[turns[name]]
    end
    if type(given) == "string" then return nil, given, "timeout" end
    return given
  end
  return world
end

local function instance(more)
  local answers = {
    ["PUT " .. TOKEN_URL] = answer(200, "token=="),
    ["GET " .. ROLE_URL] = answer(200, "role"),
    ["GET " .. ROLE_URL .. "role"] = answer(200, DOCUMENT),
  }
  for name, given in pairs(more or {}) do answers[name] = given end
  return new_world(answers)
end

-- Why there are none, and whether that ends the search.
local function none(settings, world)
  local credentials, reason, is_broken, code = imds.load(settings, world)
  assert.is_nil(credentials)
  assert.falsy(reason:find "hidden")
  return reason, is_broken, code
end

describe("lmigrationhub.credentials.imds", function()
  it("asks for a token, the role, its credentials", function()
    local world = instance()
    assert.same(CREDENTIALS, imds.load({}, world))
    assert.same({ "PUT " .. TOKEN_URL, "GET " .. ROLE_URL, "GET " .. ROLE_URL .. "role" },
      world.sent)
    assert.same({ ["x-aws-ec2-metadata-token"] = "token==" }, world.last.headers)
  end)

  it("asks for a token of six hours, within a second", function()
    local world = new_world {}
    local send, first = world.send, nil
    function world.send(request, options)
      first = first or request
      return send(request, options)
    end
    none({}, world)
    assert.same({ ["x-aws-ec2-metadata-token-ttl-seconds"] = "21600" }, first.headers)
    assert.same({ connect = 1, total = 1 }, first.timeouts)
  end)

  for _, case in ipairs {
    { { ec2_metadata_service_endpoint_mode = "IPv5" },
      "`IPv5` is not a valid endpoint mode (IPv4, IPv6)" },
    { { ec2_metadata_service_endpoint = "nonsense" }, "the metadata service's endpoint " },
  } do
    it("asks nobody at " .. select(2, next(case[1])), function()
      local world = instance()
      local reason, is_broken = none(case[1], world)
      assert.equal(1, reason:find(case[2], 1, true))
      assert.is_true(is_broken)
      assert.same({}, world.sent)
    end)
  end

  it("asks at the address of IPv6 when told to", function()
    local world = new_world {}
    none({ ec2_metadata_service_endpoint_mode = "ipv6" }, world)
    assert.equal("PUT http://[fd00:ec2::254]/latest/api/token", world.sent[1])
  end)

  it("asks nobody when it is switched off", function()
    local world = new_world {}
    local reason, is_broken = none({ ec2_metadata_disabled = true }, world)
    assert.equal("switched off (AWS_EC2_METADATA_DISABLED)", reason)
    assert.falsy(is_broken)
    assert.equal(0, #world.sent)
  end)

  it("tries twice in all where nobody answers, and has nothing", function()
    local world = new_world {}
    local reason, is_broken = none({}, world)
    assert.equal("no answer about a role: timed out", reason)
    assert.falsy(is_broken)
    assert.same({ "PUT " .. TOKEN_URL, "GET " .. ROLE_URL }, world.sent)
    assert.equal(0, world.slept)
  end)

  it("takes limit and number of attempts from the settings", function()
    local world = new_world {}
    none({ metadata_service_timeout = 3, metadata_service_num_attempts = 2 }, world)
    assert.equal(4, #world.sent)
    assert.same({ connect = 3, total = 3 }, world.last.timeouts)
  end)

  it("is more patient with a service that answers", function()
    local world = instance {
      ["PUT " .. TOKEN_URL] = { answer(503), answer(500), answer(200, "token==") },
    }
    assert.same(CREDENTIALS, imds.load({}, world))
    assert.equal(5, #world.sent)
  end)

  it("is not more patient than the settings", function()
    local world = instance { ["GET " .. ROLE_URL] = answer(503) }
    none({ metadata_service_num_attempts = 1 }, world)
    assert.equal(2, #world.sent)
  end)

  describe("version 1", function()
    for name, failure in pairs {
      ["HTTP 403"] = answer(403), ["HTTP 404"] = answer(404), ["HTTP 405"] = answer(405),
      ["timed out"] = "timed out", ["its token is no header value"] = answer(200, "a\r\nb"),
    } do
      it("is asked without token after: " .. name, function()
        local world = instance { ["PUT " .. TOKEN_URL] = failure }
        assert.same(CREDENTIALS, imds.load({}, world))
        assert.same({}, world.last.headers)
        assert.equal(3, #world.sent)
      end)

      it("can be switched off, and is not asked after: " .. name, function()
        local world = instance { ["PUT " .. TOKEN_URL] = failure }
        assert.equal("no answer about a role: the metadata service gave no token: " .. name
          .. " (and version 1 is switched off)", (none({ ec2_metadata_v1_disabled = true }, world)))
        assert.same({ "PUT " .. TOKEN_URL }, world.sent)
      end)
    end

    it("is not asked by a client whose question was wrong", function()
      local world = instance { ["PUT " .. TOKEN_URL] = answer(400) }
      assert.equal("no answer about a role: the metadata service gave no token: HTTP 400",
        (none({}, world)))
      assert.equal(1, #world.sent)
    end)

    it("that asks for a token is given up", function()
      local world = instance {
        ["PUT " .. TOKEN_URL] = "timed out", ["GET " .. ROLE_URL] = answer(401),
      }
      assert.equal("no role named, HTTP 401", (none({}, world)))
      assert.equal(2, #world.sent)
    end)
  end)

  describe("the token", function()
    local function tokens_fetched(world)
      local count = 0
      for _, name in ipairs(world.sent) do
        if name:find "^PUT" then count = count + 1 end
      end
      return count
    end

    it("serves until it ends", function()
      local world = instance()
      imds.load({}, world)
      world.time = NOW + 21600 - 61
      assert.same(CREDENTIALS, imds.load({}, world))
      assert.equal(1, tokens_fetched(world))
      world.time = NOW + 21600 - 60
      assert.same(CREDENTIALS, imds.load({}, world))
      assert.equal(2, tokens_fetched(world))
    end)

    it("ends when the service said", function()
      local headers = { ["x-aws-ec2-metadata-token-ttl-seconds"] = "100" }
      local world = instance { ["PUT " .. TOKEN_URL] = answer(200, "token==", headers) }
      imds.load({}, world)
      world.time = NOW + 40
      imds.load({}, world)
      assert.equal(2, tokens_fetched(world))
    end)

    it("of one endpoint is not another's", function()
      local world = instance()
      imds.load({}, world)
      none({ ec2_metadata_service_endpoint = "http://localhost" }, world)
      assert.equal("PUT http://localhost/latest/api/token", world.sent[4])
    end)

    it("of one client is not another's", function()
      local one, other = instance(), instance()
      imds.load({}, one)
      imds.load({}, other)
      assert.equal(1, tokens_fetched(other))
    end)

    it("is replaced once when the service knows it no more", function()
      local world = instance {
        ["GET " .. ROLE_URL] = { answer(200, "role"), answer(401), answer(200, "role") },
      }
      imds.load({}, world)
      assert.same(CREDENTIALS, imds.load({}, world))
      assert.equal(2, tokens_fetched(world))
    end)

    it("that is refused while new is no reason to go on", function()
      local world = instance { ["GET " .. ROLE_URL] = answer(401) }
      assert.equal("no role named, HTTP 401", (none({}, world)))
      assert.equal(4, #world.sent)
    end)
  end)

  for name, case in pairs {
    ["an instance without role"] = { answer(404, "<html>"), "the instance has no role" },
    ["a portal that answers everything"] = { answer(200, "<html>"), "no role named, HTTP 200" },
    ["a redirection"] = { answer(302, "role"), "no role named, HTTP 302" },
    ["a service in trouble"] = { answer(500), "no answer about a role: HTTP 500" },
  } do
    it("has nothing on " .. name, function()
      local reason, is_broken = none({}, instance { ["GET " .. ROLE_URL] = case[1] })
      assert.equal(case[2], reason)
      assert.falsy(is_broken)
    end)
  end

  it("takes the first of several roles", function()
    local world = instance { ["GET " .. ROLE_URL] = answer(200, "role\nother\n") }
    assert.same(CREDENTIALS, imds.load({}, world))
  end)

  it("needs no word of success", function()
    local document = DOCUMENT:gsub('"Code": "Success",', "")
    local world = instance { ["GET " .. ROLE_URL .. "role"] = answer(200, document) }
    assert.same(CREDENTIALS, imds.load({}, world))
  end)

  it("gives the account too, if it is told", function()
    local document = DOCUMENT:gsub("}", ', "AccountId": "012345678901"}')
    local world = instance { ["GET " .. ROLE_URL .. "role"] = answer(200, document) }
    assert.equal("012345678901", imds.load({}, world).account_id)
  end)

  for name, case in pairs {
    ["says why not"] = {
      answer(200, '{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume it"}'),
      "AssumeRoleUnauthorizedAccess: EC2 cannot assume it",
    },
    ["are not there"] = { answer(404), "HTTP 404" },
    ["do not come"] = { "timed out", "timed out" },
    ["lack the secret"] = {
      answer(200, (DOCUMENT:gsub('"SecretAccessKey": "hidden",', ""))),
      "the answer has no text for SecretAccessKey",
    },
    ["lack the session token"] = {
      answer(200, (DOCUMENT:gsub('"session"', "5"))), "the answer has no text for Token",
    },
    ["lack the expiration"] = {
      answer(200, (DOCUMENT:gsub("Expiration", "Expires"))), "the answer's Expiration is no time",
    },
    ["are no JSON"] = { answer(200, "hidden"), "not a JSON object" },
  } do
    it("ends the search if a role's credentials " .. name, function()
      local world = instance { ["GET " .. ROLE_URL .. "role"] = case[1] }
      local reason, is_broken, code = none({}, world)
      assert.equal("the role role: " .. case[2], reason)
      assert.is_true(is_broken)
      assert.equal("CredentialsError", code)
    end)
  end

  it("takes an endpoint's path for its own", function()
    local world = new_world {}
    none({ ec2_metadata_service_endpoint = "http://localhost:1338/base/" }, world)
    assert.same({
      "PUT http://localhost:1338/base/latest/api/token",
      "GET http://localhost:1338/base/latest/meta-data/iam/security-credentials/",
    }, world.sent)
  end)

  -- What the settings would be: the environment before the file's only profile.
  local function settings_of(case)
    local text = case.fs.config or ""
    local function setting(name)
      return case.env["AWS_" .. name:upper()] or text:match("\n" .. name .. " = (%S+)")
    end
    return {
      ec2_metadata_service_endpoint =
        case.endpoint_override or setting "ec2_metadata_service_endpoint",
      ec2_metadata_service_endpoint_mode =
        case.mode_override or setting "ec2_metadata_service_endpoint_mode",
    }
  end

  -- The public cases' wording -> ours.
  local WORDS = { ["invalid uri character"] = "the metadata service's endpoint must be http" }

  conformance.each("credentials/imds-endpoint.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case: " .. case.docs, function()
        local world = new_world {}
        local reason, is_broken = none(settings_of(case), world)
        local wording = case.result.Err
        if not wording then return assert.equal("PUT " .. case.result.Ok, world.sent[1]) end
        assert.is_true(is_broken)
        assert.truthy(reason:find(WORDS[wording] or wording, 1, true), reason)
        assert.equal(0, #world.sent)
      end)
    end
  end)

  -- A recording's exchanges, each answer in its turn; anything else gets no answer.
  local function replay(exchanges)
    local answers = {}
    for _, exchange in ipairs(exchanges) do
      local name = exchange.request.method .. " " .. exchange.request.uri
      answers[name] = answers[name] or {}
      table.insert(answers[name], exchange.response)
    end
    return new_world(answers)
  end

  local function count_of_metadata(exchanges)
    local count = 0
    for _, exchange in ipairs(exchanges) do
      if exchange.request.uri:find("169.254.169.254", 1, true) then count = count + 1 end
    end
    return count
  end

  -- Where the recording's client gave up, and we would ask version 1.
  local ONE_MORE = { imds_token_fail = 1 }

  conformance.each("credentials/smithy-rs-scenarios.json", function(data)
    for _, scenario in ipairs(data.scenarios) do
      local name = scenario.name:match "/(imds_.*)$"
      if name then
        it("recorded scenario: " .. name, function()
          local world = replay(scenario.exchanges)
          local disabled = scenario.environment.AWS_EC2_METADATA_DISABLED == "True"
          local credentials = imds.load({ ec2_metadata_disabled = disabled }, world)
          assert.equal(count_of_metadata(scenario.exchanges) + (ONE_MORE[name] or 0), #world.sent)
          if scenario.expect.error then return assert.is_nil(credentials) end
          if name == "imds_assume_role" then -- what comes after is the work of STS
            return assert.equal("ASIARSTSBASE", credentials.access_key_id)
          end
          local right = scenario.expect.credentials
          right.expiration, right.expiry = right.expiry, nil
          assert.same(right, credentials)
        end)
      end
    end
  end)
end)
