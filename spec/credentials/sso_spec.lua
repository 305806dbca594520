local conformance = require "spec.conformance"
local json = require "lmigrationhub.json"
local sso = require "lmigrationhub.credentials.sso"

local NOW = 1000000000 -- 2001-09-09T01:46:40Z
-- SHA-1 of "dev" and of the legacy profile's start URL.
local SESSION_PATH = "/home/.aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json"
local LEGACY_PATH = "/home/.aws/sso/cache/dace00cba5f8355ec9d274ceb2bcebdfbeed0e12.json"

local ROLE_ANSWER = {
  status = 200, headers = {},
  body = [[{"roleCredentials": {"accessKeyId": "id", "secretAccessKey": "hidden-key",
    "sessionToken": "session", "expiration": 1234567890500}}]],
}
local CREDENTIALS = {
  access_key_id = "id", secret_access_key = "hidden-key", session_token = "session",
  expiration = 1234567890.5, account_id = "012345678901",
}

local function files_of(profile, session)
  return { profiles = { default = profile }, sso_sessions = { dev = session }, home = "/home" }
end

local function session_settings(more)
  local settings = {
    files = files_of(
      { sso_session = "dev", sso_account_id = "012345678901", sso_role_name = "Role" },
      { sso_region = "us-east-1", sso_start_url = "https://start" }),
  }
  for name, value in pairs(more or {}) do settings[name] = value end
  return settings
end

local function legacy_settings()
  return {
    profile = "old",
    files = {
      profiles = {
        old = {
          sso_account_id = "012345678901", sso_role_name = "Role", sso_region = "us-east-2",
          sso_start_url = "https://ssotest.awsapps.com/start",
        },
      },
      sso_sessions = {}, home = "/home",
    },
  }
end

local function iso(time) return os.date("!%Y-%m-%dT%H:%M:%SZ", time) end

-- The text of a token with so many seconds left.
local function token(left, more)
  local members = {
    accessToken = "hidden-access", expiresAt = iso(NOW + left), refreshToken = "hidden-refresh",
    clientId = "client", clientSecret = "hidden-client", registrationExpiresAt = iso(NOW + 9e6),
    region = "us-east-1", futureMember = "kept",
  }
  for name, value in pairs(more or {}) do members[name] = value or nil end
  return json.encode(members)
end

local function renewal(more)
  local members = { accessToken = "hidden-new", expiresIn = 28800, refreshToken = "hidden-next" }
  for name, value in pairs(more or {}) do members[name] = value or nil end
  return { status = 200, headers = {}, body = json.encode(members) }
end

local function open_in(files)
  return function(path)
    local text = files[path]
    if not text then return nil, path .. ": No such file or directory" end
    return { read = function() return text end, close = function() end }
  end
end

-- A world with a token in the cache; `answer` is that of CreateToken, a text for none at all.
local function new_world(text, answer)
  local world = {
    time = NOW, files = { [SESSION_PATH] = text }, sent = {}, logged = {}, memory = {},
  }
  world.open = open_in(world.files)
  function world.now() return world.time end
  function world.log(level, message) table.insert(world.logged, level .. ": " .. message) end
  function world.write_private(path, contents)
    world.files[path] = contents
    return true
  end
  function world.send(request, options)
    assert(options.retry, "without retries")
    table.insert(world.sent, request)
    if request.method == "GET" then return world.role or ROLE_ANSWER end
    if type(answer) == "string" then return nil, answer, "timeout" end
    return answer
  end
  return world
end

local function bearer(world)
  return world.sent[#world.sent].headers["x-amz-sso_bearer_token"]
end

local function broken(settings, world)
  local credentials, message, is_broken, code = sso.load(settings, world)
  assert.is_nil(credentials)
  assert.is_true(is_broken)
  assert.falsy(message:find "hidden")
  return message, code
end

-- Fails in a way that only the user can mend.
local function needs_login(settings, world)
  local message, code = broken(settings, world)
  assert.equal("LoginRequired", code)
  return message
end

-- Fails in a way that may mend itself.
local function fails(settings, world)
  local message, code = broken(settings, world)
  assert.equal("CredentialsError", code)
  return message
end

describe("lmigrationhub.credentials.sso", function()
  it("gets the role's credentials for the session's token", function()
    local world = new_world(token(901))
    assert.same(CREDENTIALS, sso.load(session_settings(), world))
    assert.same({
      {
        method = "GET",
        url = "https://portal.sso.us-east-1.amazonaws.com/federation/credentials"
          .. "?role_name=Role&account_id=012345678901",
        headers = { ["x-amz-sso_bearer_token"] = "hidden-access" },
      },
    }, world.sent)
  end)

  it("escapes what the profile says", function()
    local settings = session_settings()
    settings.files.profiles.default.sso_role_name = "a b&c=ü/"
    local world = new_world(token(901))
    sso.load(settings, world)
    assert.truthy(world.sent[1].url:find("?role_name=a%20b%26c%3D%C3%BC%2F&", 1, true))
  end)

  for region, host in pairs {
    ["cn-north-1"] = "portal.sso.cn-north-1.amazonaws.com.cn",
    ["us-gov-west-1"] = "portal.sso.us-gov-west-1.amazonaws.com",
  } do
    it("knows the portal of " .. region, function()
      local settings = session_settings()
      settings.files.sso_sessions.dev.sso_region = region
      local world = new_world(token(901))
      sso.load(settings, world)
      assert.equal(host, world.sent[1].url:match "^https://([^/]+)/")
    end)
  end

  it("asks at the endpoints that the settings name", function()
    local world = new_world(token(0), renewal())
    sso.load(session_settings {
      endpoint_sso = "http://portal/", endpoint_sso_oidc = "http://oidc/base",
    }, world)
    assert.equal("http://oidc/base/token", world.sent[1].url)
    assert.equal("http://portal/federation/credentials",
      world.sent[2].url:match "^[^?]+")
  end)

  it("says so when there is no such endpoint", function()
    assert.equal("Invalid Configuration: FIPS and custom endpoint are not supported",
      fails(session_settings { endpoint_sso = "http://portal", use_fips = true },
        new_world(token(901))))
  end)

  describe("settings", function()
    local function reason_of(profile, session)
      local credentials, reason, is_broken =
        sso.load({ files = files_of(profile, session) }, new_world(token(901)))
      assert.is_nil(credentials)
      return reason, is_broken
    end

    for name, profile in pairs {
      ["nothing of SSO"] = { region = "us-east-1" },
      ["only a session, for tokens"] = { sso_session = "dev" },
      ["no account and role that are texts"] = { sso_account_id = {}, sso_role_name = "" },
    } do
      it("are none with " .. name, function()
        local reason, is_broken = reason_of(profile, {})
        assert.equal("profile default has neither sso_account_id nor sso_role_name", reason)
        assert.falsy(is_broken)
      end)
    end

    it("are none without files, or without the profile", function()
      for _, files in ipairs { false, {}, { profiles = {} } } do
        local settings = { files = files or nil, profile = "x" }
        local credentials, reason, is_broken = sso.load(settings, new_world(""))
        assert.is_nil(credentials)
        assert.truthy(reason:find "has neither sso_account_id nor sso_role_name$")
        assert.falsy(is_broken)
      end
    end)

    local ROLE = { sso_account_id = "1", sso_role_name = "r" }
    local function role_and(more)
      local profile = {}
      for name, value in pairs(ROLE) do profile[name] = value end
      for name, value in pairs(more) do profile[name] = value end
      return profile
    end

    for name, case in pairs {
      ["no role"] = {
        { sso_account_id = "1", sso_session = "dev" }, { sso_region = "r", sso_start_url = "u" },
        "SSO needs sso_role_name too",
      },
      ["no account"] = {
        { sso_role_name = "r", sso_session = "dev" }, { sso_region = "r", sso_start_url = "u" },
        "SSO needs sso_account_id too",
      },
      ["nowhere to ask"] = { ROLE, {}, "SSO needs sso_region, sso_start_url too" },
      ["a session without region"] = {
        role_and { sso_session = "dev" }, { sso_start_url = "u" }, "SSO needs sso_region too",
      },
      ["another session"] = {
        role_and { sso_session = "prod" }, {}, "there is no sso-session prod",
      },
      ["another region than the session"] = {
        role_and { sso_session = "dev", sso_region = "eu-west-1" },
        { sso_region = "us-east-1", sso_start_url = "u" },
        "sso_region is not that of the sso-session dev",
      },
      ["a start URL that the session lacks"] = {
        role_and { sso_session = "dev", sso_start_url = "u" }, { sso_region = "us-east-1" },
        "sso_start_url is not that of the sso-session dev",
      },
    } do
      it("are a mistake with " .. name, function()
        local reason, is_broken = reason_of(case[1], case[2])
        assert.equal("profile default: " .. case[3], reason)
        assert.is_true(is_broken)
      end)
    end

    it("are a mistake without home", function()
      local settings = session_settings()
      settings.files.home = nil
      assert.equal("profile default: there is no home directory, and so no SSO token",
        broken(settings, new_world(token(901))))
    end)

    it("may say the same as the session", function()
      local settings = session_settings()
      settings.files.profiles.default.sso_region = "us-east-1"
      assert.same(CREDENTIALS, sso.load(settings, new_world(token(901))))
    end)
  end)

  describe("a token", function()
    local ADVICE = "; run `aws sso login --sso-session dev`"

    it("that is not there needs a login", function()
      assert.equal("no SSO token: " .. SESSION_PATH .. ": No such file or directory" .. ADVICE,
        needs_login(session_settings(), new_world(nil)))
    end)

    for name, text in pairs {
      ["no JSON"] = "hidden", ["not text"] = token(901, { accessToken = 5 }),
      ["empty"] = token(901, { accessToken = "" }),
      ["missing"] = token(901, { accessToken = false }),
      ["without end"] = token(901, { expiresAt = false }),
      ["of no time"] = token(901, { expiresAt = "hidden" }),
    } do
      it("that is " .. name .. " needs a login", function()
        local world = new_world(text)
        assert.equal("no SSO token in " .. SESSION_PATH .. ADVICE,
          needs_login(session_settings(), world))
        assert.equal(0, #world.sent)
      end)
    end

    it("that the portal refuses needs a login", function()
      local world = new_world(token(901))
      world.role = {
        status = 401, headers = { ["x-amzn-errortype"] = "UnauthorizedException:http://x/" },
        body = '{"message": "Session token not found or invalid"}',
      }
      assert.equal("HTTP 401 UnauthorizedException: Session token not found or invalid" .. ADVICE,
        needs_login(session_settings(), world))
    end)

    it("may end in UTC, as some tools wrote", function()
      local text = token(901):gsub("Z\"", "UTC\"")
      assert.same(CREDENTIALS, sso.load(session_settings(), new_world(text)))
    end)
  end)

  describe("renewing", function()
    it("is done with 15 minutes left", function()
      local world = new_world(token(900), renewal())
      assert.same(CREDENTIALS, sso.load(session_settings(), world))
      local request = world.sent[1]
      assert.equal("POST", request.method)
      assert.equal("https://oidc.us-east-1.amazonaws.com/token", request.url)
      assert.same({ ["content-type"] = "application/json" }, request.headers)
      assert.same({
        grantType = "refresh_token", refreshToken = "hidden-refresh", clientId = "client",
        clientSecret = "hidden-client",
      }, json.decode(request.body))
      assert.equal("hidden-new", bearer(world))
    end)

    it("puts the token back, with all else that was there", function()
      local world = new_world(token(900), renewal())
      sso.load(session_settings(), world)
      assert.same(json.decode(token(28800, {
        accessToken = "hidden-new", refreshToken = "hidden-next",
      })), json.decode(world.files[SESSION_PATH]))
      assert.same({}, world.logged)
    end)

    it("keeps the refresh token if no other comes", function()
      local world = new_world(token(-1), renewal { refreshToken = false })
      sso.load(session_settings(), world)
      assert.equal("hidden-refresh", json.decode(world.files[SESSION_PATH]).refreshToken)
    end)

    it("is of use even if the token cannot be put back", function()
      local world = new_world(token(-1), renewal())
      function world.write_private() return nil, "read-only" end
      assert.same(CREDENTIALS, sso.load(session_settings(), world))
      assert.equal("hidden-new", bearer(world))
      assert.same({ "warn: the renewed SSO token was not kept: read-only" }, world.logged)
    end)

    local REFUSED = {
      status = 400, headers = {},
      body = '{"error": "invalid_grant", "error_description": "Invalid refresh token"}',
    }
    local function busy(status)
      return { status = status, headers = {}, body = "" }
    end
    local PROBLEMS = {
      { "the service refuses", token(-1), REFUSED,
        "HTTP 400 invalid_grant: Invalid refresh token" },
      { "the service is asked too often", token(-1), busy(429), "HTTP 429", is_temporary = true },
      { "the service fails", token(-1), busy(500), "HTTP 500", is_temporary = true },
      { "nobody answers", token(-1), "timed out", "timed out", is_temporary = true },
      { "the answer is no JSON", token(-1), { status = 200, headers = {}, body = "hidden" },
        "not a JSON object", is_temporary = true },
      { "the registration has ended", token(-1, { registrationExpiresAt = iso(NOW) }), nil,
        "its registration has ended" },
      { "the registration has no end", token(-1, { registrationExpiresAt = "x" }), nil,
        "its registration has ended" },
      { "there is no refresh token", token(-1, { refreshToken = false }), nil,
        "it has no refreshToken" },
      { "there is no client", token(-1, { clientId = false }), nil, "it has no clientId" },
      { "there is no client's secret", token(-1, { clientSecret = false }), nil,
        "it has no clientSecret" },
    }
    for name, members in pairs {
      ["no token"] = { accessToken = false },
      ["no lifetime"] = { expiresIn = "soon" },
      ["a lifetime of nothing"] = { expiresIn = 0 },
      ["a lifetime for ever"] = { expiresIn = 1e300 },
    } do
      table.insert(PROBLEMS, {
        "the answer has " .. name, token(-1), renewal(members), "the answer is not complete",
        is_temporary = true,
      })
    end
    for _, case in ipairs(PROBLEMS) do
      it("an ended token fails if " .. case[1], function()
        local world = new_world(case[2], case[3])
        local advice = case.is_temporary and "" or "; run `aws sso login --sso-session dev`"
        local check = case.is_temporary and fails or needs_login
        assert.equal("the SSO token has ended; the SSO token was not renewed: " .. case[4]
          .. advice, check(session_settings(), world))
        assert.equal(case[3] and 1 or 0, #world.sent)
        assert.equal(case[2], world.files[SESSION_PATH])
      end)
    end

    it("may fail as long as the token is good", function()
      local world = new_world(token(1), REFUSED)
      assert.same(CREDENTIALS, sso.load(session_settings(), world))
      assert.equal("hidden-access", bearer(world))
      assert.same({ "info: the SSO token was not renewed: HTTP 400 invalid_grant: "
        .. "Invalid refresh token" }, world.logged)
    end)

    it("that gives no token leaves the good one", function()
      local world = new_world(token(1), renewal { accessToken = false })
      assert.same(CREDENTIALS, sso.load(session_settings(), world))
      assert.equal("hidden-access", bearer(world))
    end)

    it("that failed is not tried again within a minute, and fails as it did", function()
      local world = new_world(token(-1), REFUSED)
      local first = needs_login(session_settings(), world)
      world.time = NOW + 59
      assert.equal(first, needs_login(session_settings(), world))
      assert.equal(1, #world.sent)
    end)

    it("that fails while the token ends is a failure", function()
      local world = new_world(token(1), REFUSED)
      local send = world.send
      function world.send(...)
        world.time = NOW + 1
        return send(...)
      end
      assert.truthy(needs_login(session_settings(), world):find "^the SSO token has ended")
    end)

    it("is tried once a minute", function()
      local world = new_world(token(100), "timed out")
      sso.load(session_settings(), world)
      world.time = NOW + 59
      sso.load(session_settings(), world)
      assert.equal(3, #world.sent)
      world.time = NOW + 60
      sso.load(session_settings(), world)
      assert.equal(5, #world.sent)
    end)

    it("is tried by each client", function()
      sso.load(session_settings(), new_world(token(100), "timed out"))
      local other = new_world(token(100), renewal())
      sso.load(session_settings(), other)
      assert.equal("hidden-new", bearer(other))
    end)

    it("is left to the one who did it already", function()
      local world = new_world(token(100), "timed out")
      sso.load(session_settings(), world)
      world.files[SESSION_PATH] = token(9010, { accessToken = "hidden-theirs" })
      sso.load(session_settings(), world)
      assert.equal("hidden-theirs", bearer(world))
    end)
  end)

  describe("a legacy profile", function()
    local function legacy_world(text)
      local world = new_world(nil)
      world.files[LEGACY_PATH] = text
      return world
    end

    it("uses its token to the end", function()
      local world = legacy_world(token(1))
      assert.same(CREDENTIALS, sso.load(legacy_settings(), world))
      assert.equal(1, #world.sent)
    end)

    it("needs a login then", function()
      local world = legacy_world(token(0))
      assert.equal("the SSO token has ended; the SSO token was not renewed: that needs an "
        .. "sso-session; run `aws sso login --profile old`", needs_login(legacy_settings(), world))
      assert.equal(0, #world.sent)
    end)
  end)

  describe("the role's credentials", function()
    for name, case in pairs {
      ["no JSON"] = { 200, "hidden", "not a JSON object" },
      ["nothing"] = { 200, "{}", "the answer has no text for accessKeyId" },
      ["no object"] = {
        200, '{"roleCredentials": "hidden"}', "the answer has no text for accessKeyId",
      },
      ["without secret"] = {
        200, (ROLE_ANSWER.body:gsub('"hidden%-key"', "5")),
        "the answer has no text for secretAccessKey",
      },
      ["without token"] = {
        200, (ROLE_ANSWER.body:gsub('"session"', '""')), "the answer has no text for sessionToken",
      },
      ["without end"] = {
        200, (ROLE_ANSWER.body:gsub("1234567890500", '"hidden"')),
        "the answer's expiration is no time",
      },
      ["not for this user"] = {
        403, '{"message": "No access"}', "HTTP 403: No access",
      },
      ["not to be had"] = { 503, "", "HTTP 503" },
    } do
      it("are an error if they are " .. name, function()
        local world = new_world(token(901))
        world.role = { status = case[1], headers = {}, body = case[2] }
        assert.equal(case[3], fails(session_settings(), world))
      end)
    end
  end)

  it("loads no digests for a profile without SSO", function()
    package.loaded["lmigrationhub.digest"] = nil
    sso.load({ files = files_of({}, {}) }, new_world(""))
    assert.is_nil(package.loaded["lmigrationhub.digest"])
  end)

  -- The properties of one section of a config file.
  local function section(text, header)
    local found = {}
    local body = ("\n" .. text .. "["):match("%[" .. header:gsub("%p", "%%%0") .. "%]\n([^%[]*)%[")
    for name, value in (body or ""):gmatch "([%w_]+) = ([^\n]+)" do found[name] = value end
    return found
  end

  local function settings_of(scenario)
    local environment, text = scenario.environment, scenario.files["/home/.aws/config"]
    local name = environment.AWS_PROFILE or "default"
    return {
      profile = name,
      use_fips = environment.AWS_USE_FIPS_ENDPOINT == "true",
      use_dualstack = environment.AWS_USE_DUALSTACK_ENDPOINT == "true",
      endpoint_sso = environment.AWS_ENDPOINT_URL,
      files = {
        profiles = { [name] = section(text, "profile " .. name) },
        sso_sessions = { dev = section(text, "sso-session dev") },
        home = environment.HOME,
      },
    }
  end

  local function split_query(url)
    local base, query = url:match "^([^?]+)%?(.*)$"
    local parameters = {}
    for name, value in query:gmatch "([^=&]+)=([^=&]*)" do parameters[name] = value end
    return { base = base, parameters = parameters }
  end

  local function replay(scenario)
    local exchange = scenario.exchanges[1]
    local world = new_world(nil)
    world.open = open_in(scenario.files)
    world.role = exchange and exchange.response
    return world, exchange and exchange.request
  end

  conformance.each("credentials/smithy-rs-scenarios.json", function(data)
    for _, scenario in ipairs(data.scenarios) do
      local name = scenario.name:match "/([%w_]*sso[%w_]*)$"
      if name then
        it("recorded scenario: " .. name, function()
          local world, request = replay(scenario)
          local credentials = sso.load(settings_of(scenario), world)
          assert.equal(#scenario.exchanges, #world.sent)
          if request then
            assert.same(split_query(request.uri), split_query(world.sent[1].url))
            assert.same(request.headers, world.sent[1].headers)
          end
          if scenario.expect.error then return assert.is_nil(credentials) end
          local right = scenario.expect.credentials
          right.expiration, right.expiry = right.expiry, nil
          assert.same(right, credentials)
        end)
      end
    end
  end)
end)
