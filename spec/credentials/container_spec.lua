local conformance = require "spec.conformance"
local container = require "lmigrationhub.credentials.container"

local DOCUMENT = [[{"AccessKeyId": "id", "SecretAccessKey": "hidden", "Token": "session",
  "AccountId": "012345678901", "Expiration": "2009-02-13T23:31:30Z"}]]
local CREDENTIALS = {
  access_key_id = "id", secret_access_key = "hidden", session_token = "session",
  account_id = "012345678901", expiration = 1234567890,
}
local RELATIVE = { container_credentials_relative_uri = "/role" }

local function answer(status, body)
  return { status = status, headers = {}, body = body or "" }
end

local function with(settings, more)
  local all = {}
  for name, value in pairs(settings) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

local function file(text)
  return {
    read = function() return text end,
    close = function() end,
  }
end

-- A world whose answers are given in their order, the last one again and again; a text among them
-- is a failure of the transport. It remembers what was sent and how long was slept.
local function new_world(answers, files)
  local world = { sent = {}, slept = 0 }
  function world.send(request, options)
    assert(options.direct, "through a proxy")
    table.insert(world.sent, request)
    local given = answers[math.min(#world.sent, #answers)]
    if type(given) == "string" then return nil, given, "connection" end
    return given
  end
  function world.sleep(seconds) world.slept = world.slept + seconds end
  function world.open(path)
    local text = (files or {})[path]
    if text then return file(text) end
    return nil, path .. ": No such file or directory"
  end
  return world
end

local function refused(settings, world)
  local credentials, message, is_broken, code = container.load(settings, world)
  assert.is_nil(credentials)
  assert.is_true(is_broken)
  assert.falsy(message:find "hidden")
  assert.equal(#world.sent > 0 and "CredentialsError" or nil, code)
  return message
end

describe("lmigrationhub.credentials.container", function()
  it("has nothing without its variables", function()
    local credentials, reason, is_broken = container.load({}, new_world {})
    assert.is_nil(credentials)
    assert.is_nil(is_broken)
    assert.equal("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
      .. "AWS_CONTAINER_CREDENTIALS_FULL_URI is set", reason)
  end)

  it("asks ECS for the relative URI", function()
    local world = new_world { answer(200, DOCUMENT) }
    assert.same(CREDENTIALS, container.load(RELATIVE, world))
    assert.same({
      {
        method = "GET", url = "http://169.254.170.2/role",
        headers = { accept = "application/json" }, timeouts = { connect = 2, total = 2 },
      },
    }, world.sent)
  end)

  for uri, problem in pairs {
    ["localhost/role"] = "names no host",
    ["ftp://localhost/role"] = "has another scheme than http and https",
    ["http://localhost:1x/role"] = "has no valid host, port and path",
    ["http://localhost/a b"] = "has no valid host, port and path",
    ["http://example.com/role"] = "the host example.com is not allowed over http",
  } do
    it("asks nobody at " .. uri, function()
      local message = refused({ container_credentials_full_uri = uri }, new_world {})
      assert.truthy(message:find(problem, 1, true), message)
    end)
  end

  it("asks for the root where the URL has no path", function()
    local world = new_world { answer(200, DOCUMENT) }
    container.load({ container_credentials_full_uri = "HTTP://localhost?role=a" }, world)
    assert.equal("http://localhost/?role=a", world.sent[1].url)
  end)

  it("has no use for a token that it cannot read", function()
    for problem, read in pairs {
      ["empty"] = function() return "" end,
      ["I/O error"] = function() return nil, "I/O error" end,
    } do
      local world = new_world {}
      world.open = function() return { read = read, close = function() end } end
      local message = refused(with(RELATIVE, { container_authorization_token_file = "/t" }), world)
      assert.equal("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: " .. problem, message)
    end
  end)

  it("needs only key id and secret", function()
    local world = new_world { answer(200, '{"AccessKeyId": "id", "SecretAccessKey": "s"}') }
    assert.same({ access_key_id = "id", secret_access_key = "s" }, container.load(RELATIVE, world))
  end)

  for _, case in ipairs {
    { "no key id", '{"SecretAccessKey": "hidden"}', "the answer has no text for AccessKeyId" },
    { "no secret", '{"AccessKeyId": "x"}', "the answer has no text for SecretAccessKey" },
    {
      "a token that is no text",
      '{"AccessKeyId": "x", "SecretAccessKey": "hidden", "Token": 5}',
      "the answer has no text for Token",
    },
    {
      "a broken expiration",
      '{"AccessKeyId": "x", "SecretAccessKey": "hidden", "Expiration": "soon"}',
      "the answer's Expiration is no time",
    },
  } do
    it("refuses " .. case[1], function()
      local world = new_world { answer(200, case[2]) }
      assert.equal(case[3], refused(RELATIVE, world))
      assert.equal(1, #world.sent)
    end)
  end

  local TRANSIENT = {
    ["no connection"] = "connection refused",
    ["a failure"] = answer(500),
    ["a refusal"] = answer(404, "{}"),
    ["broken JSON"] = answer(200, '{"SecretAccessKey": "hidden'),
    ["an empty body"] = answer(200, ""),
  }
  for name, failure in pairs(TRANSIENT) do
    it("tries again after " .. name, function()
      local world = new_world { failure, failure, answer(200, DOCUMENT) }
      assert.same(CREDENTIALS, container.load(RELATIVE, world))
      assert.equal(2, world.slept)
    end)
  end

  it("gives up after three attempts, a second apart, and says why", function()
    local world = new_world {
      answer(500), "refused",
      answer(400, '{"code": "InvalidToken", "message": "The token has ended", "more": "hidden"}'),
    }
    assert.equal("no answer with credentials in 3 attempts: HTTP 400: InvalidToken: "
      .. "The token has ended", refused(RELATIVE, world))
    assert.equal(3, #world.sent)
    assert.equal(2, world.slept)
  end)

  describe("authorization", function()
    local FULL = { container_credentials_full_uri = "http://127.0.0.1/role" }
    local WITH_TOKEN = with(FULL, { container_authorization_token = "Bearer hidden" })
    local WITH_FILE = with(WITH_TOKEN, { container_authorization_token_file = "/token" })

    local function sent_token(settings, files)
      local world = new_world({ answer(200, DOCUMENT) }, files)
      assert.same(CREDENTIALS, container.load(settings, world))
      return world.sent[1].headers.authorization
    end

    it("is the token", function()
      assert.equal("Bearer hidden", sent_token(WITH_TOKEN))
    end)

    it("is rather the file's", function()
      assert.equal("from file", sent_token(WITH_FILE, { ["/token"] = "from file" }))
    end)

    it("goes with the relative URI too", function()
      assert.equal("Bearer hidden", sent_token(with(WITH_TOKEN, RELATIVE)))
    end)

    it("is read at each fetch", function()
      local files = { ["/token"] = "old" }
      local world = new_world({ answer(200, DOCUMENT) }, files)
      container.load(WITH_FILE, world)
      files["/token"] = "new"
      container.load(WITH_FILE, world)
      assert.equal("new", world.sent[2].headers.authorization)
    end)

    it("of a missing or empty file is a mistake", function()
      local world = new_world({}, {})
      assert.equal("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: /token: No such file or directory",
        refused(WITH_FILE, world))
      assert.equal("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: empty",
        refused(WITH_FILE, new_world({}, { ["/token"] = "" })))
    end)

    for name, token in pairs { CR = "hidden\rX: y", LF = "hidden\n", zero = "hidden\0" } do
      it("with " .. name .. " is never sent", function()
        local world = new_world({}, { ["/token"] = token })
        assert.truthy(refused(WITH_FILE, world):find("control characters", 1, true))
        assert.equal(0, #world.sent)
      end)
    end
  end)

  for uri, url in pairs {
    ["https://example.com"] = "https://example.com/",
    ["https://example.com?a=1"] = "https://example.com/?a=1",
    ["HTTP://LOCALHOST:80/a/?b=/c/"] = "http://localhost/a/?b=/c/",
    ["http://127.255.0.1:8080/"] = "http://127.255.0.1:8080/",
  } do
    it("asks " .. uri, function()
      local world = new_world { answer(200, DOCUMENT) }
      assert.same(CREDENTIALS, container.load({ container_credentials_full_uri = uri }, world))
      assert.equal(url, world.sent[1].url)
    end)
  end

  local UNSAFE = {
    { full = "http://127.0.0.256/c" }, { full = "http://127.0.1/c" }, { full = "http://[::2]/c" },
    { full = "http://localhost.example.com/c" }, { full = "http://localhost@example.com/c" },
    { full = "http://localhost:99999/c" }, { full = "http://localhost:80@example.com/c" },
    { full = "https://user:word@example.com/c" }, { full = "https://example.com/a b" },
    { full = "https://example.com/\r\nx" }, { full = "https://example.com/#c" },
    { full = "http://localhost\\@example.com/c" }, { full = "//localhost/c" },
    { relative = "@example.com/c" }, { relative = ".example.com/c" }, { relative = "/a b" },
    { relative = "/a\n" }, { relative = ":80/c" },
  }
  for _, case in ipairs(UNSAFE) do
    it(("does not ask %q"):format(case.full or case.relative), function()
      local world = new_world {}
      refused({
        container_credentials_full_uri = case.full,
        container_credentials_relative_uri = case.relative,
      }, world)
      assert.equal(0, #world.sent)
    end)
  end

  local function settings_of(environment)
    return {
      container_credentials_relative_uri = environment.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
      container_credentials_full_uri = environment.AWS_CONTAINER_CREDENTIALS_FULL_URI,
      container_authorization_token_file = environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
    }
  end

  -- The public cases' wording -> ours.
  local WORDS = {
    ["No environment variables were set to configure ECS provider"] = "neither .- nor .- is set",
    ["URI did not specify a host"] = "names no host",
  }

  conformance.each("credentials/container-uri.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case: " .. case.docs, function()
        local world = new_world { answer(200, DOCUMENT) }
        local credentials, message = container.load(settings_of(case.env), world)
        local wording = case.result.ErrorContains
        if wording then
          assert.is_nil(credentials)
          assert.truthy(message:find(WORDS[wording] or wording), message)
          assert.equal(0, #world.sent)
        else
          assert.equal(case.result.Ok, world.sent[1].url)
        end
      end)
    end
  end)

  conformance.each("credentials/smithy-rs-scenarios.json", function(data)
    for _, scenario in ipairs(data.scenarios) do
      local name = scenario.name:match "/(e[ck]s_.*)$"
      if name then
        it("recorded scenario: " .. name, function()
          local exchange = scenario.exchanges[1]
          local world = new_world({ exchange and exchange.response }, scenario.files)
          local credentials, message = container.load(settings_of(scenario.environment), world)
          if not exchange then
            assert.truthy(message:find("No such file", 1, true))
            return assert.equal(0, #world.sent)
          end
          assert.equal(exchange.request.uri, world.sent[1].url)
          if name ~= "ecs_assume_role" then -- what comes after is the work of STS
            local right = scenario.expect.credentials
            right.expiration, right.expiry = right.expiry, nil
            assert.same(right, credentials)
          end
        end)
      end
    end
  end)
end)
