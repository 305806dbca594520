-- Whole clients that find their credentials as AWS users keep them, with real files and sockets:
-- each way ends in a listing from the local hub with the keys that were found.

local migrationhub = require "lmigrationhub"
local proxies = require "spec.services.proxy"
local scenarios = require "spec.services.scenarios"
local services_of = require "spec.services"

local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a" }
local PAGES, UPDATES = 13, 1284 -- of that task
local SKEW = 600 -- seconds

local STS_ROLE = {
  files = {
    [".aws/config"] = scenarios.role "source_profile = base\n",
    [".aws/credentials"] = "[base]\n" .. scenarios.keys,
  },
}

describe("the chain of credentials", function()
  local services, hub, client

  lazy_setup(function()
    services = services_of.start()
    hub = services.hub
  end)
  lazy_teardown(function() services:stop() end)
  after_each(function()
    if client then client:close() end
    client = nil
    services:reset()
  end)

  local function start(scenario, options) client = services:client(scenario, options) end

  local function list_page()
    return #client:list_migration_task_updates(TASK).MigrationTaskUpdateList
  end

  -- Lists everything; `at` is a table of functions by the number of the update they are called at.
  local function list_all(at, name)
    local count = 0
    name = name or TASK.MigrationTaskName
    local task = { ProgressUpdateStream = "SMS", MigrationTaskName = name }
    for _ in client:migration_task_updates(task) do
      count = count + 1
      if at and at[count] then at[count]() end
    end
    return count
  end

  local function failure_of(fn, ...)
    local ok, failure = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_true(migrationhub.is_error(failure), tostring(failure))
    return failure
  end

  local function statuses()
    local all = {}
    for index, request in ipairs(hub:requests()) do all[index] = request.status end
    return all
  end

  local function signer_of(request)
    return request.headers.authorization:match "Credential=([^/]+)/"
  end

  local function count_actions(pattern)
    local count = 0
    for _, action in ipairs(services:actions()) do
      if action:find(pattern) then count = count + 1 end
    end
    return count
  end

  local function assert_members(expected, actual)
    for name, value in pairs(expected or {}) do assert.equal(value, actual[name], name) end
  end

  local function assert_asked(expected)
    local requests = services:requests()
    assert.equal(#expected, #requests)
    for index, ask in ipairs(expected) do
      local request = requests[index]
      assert.equal(ask.service .. " " .. ask.action, request.service .. " " .. request.action)
      assert.equal(ask.status, request.status)
      assert_members(ask.fields, request.fields)
      assert_members(ask.headers, request.headers)
      if ask.signer then assert.equal(ask.signer, request.signer:sub(1, #ask.signer)) end
    end
  end

  local function assert_listed_by(scenario)
    local requests = hub:requests()
    local last = requests[#requests]
    assert.equal(200, last.status)
    assert.equal(scenario.signs, signer_of(last):sub(1, #scenario.signs))
    assert.equal(scenario.feature, last.headers["user-agent"]:match "([^,]+)$")
  end

  for _, scenario in ipairs(scenarios.ways) do
    it("finds " .. scenario.name, function()
      start(scenario)
      assert.equal(100, list_page())
      assert_asked(scenario.asks or {})
      assert_listed_by(scenario)
    end)
  end

  it("asks a function in code", function()
    local key = hub.seed.accounts[1].keys[1]
    start({}, { credentials = function()
      return {
        access_key_id = key.access_key_id, secret_access_key = key.secret_access_key,
      }
    end })
    assert.equal(100, list_page())
    assert_listed_by { signs = "AKIA", feature = "e" }
  end)

  describe("in a process of its own", function()
    local CHILD = [[
      local hub = require("lmigrationhub").new {}
      local page = hub:list_migration_task_updates {
        ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a",
      }
      io.write(#page.MigrationTaskUpdateList)
    ]]

    for _, scenario in ipairs(scenarios.ways) do
      if not (scenario.options or scenario.plans) then
        it("finds " .. scenario.name, function()
          services:furnish(scenario.files)
          assert.equal("100", services:run(CHILD, scenario.environment))
          assert_asked(scenario.asks or {})
          assert_listed_by(scenario)
        end)
      end
    end
  end)

  it("finds credentials once for a whole listing", function()
    start(STS_ROLE)
    assert.equal(UPDATES, list_all())
    assert.same({ "sts AssumeRole" }, services:actions())
    assert.equal(PAGES, #hub:requests())
  end)

  it("says that a role wants a code, when nothing gives one", function()
    local mfa = scenarios.role "source_profile = base\nmfa_serial = device\n" .. "[profile base]\n"
      .. scenarios.keys
    start { files = { [".aws/config"] = mfa } }
    local failure = failure_of(list_page)
    assert.equal("credentials", failure.kind)
    assert.matches("mfa_code", failure.message, 1, true)
    assert.same({}, services:actions())
  end)

  it("says what STS refused, and does not go on to other providers", function()
    services:plan("sts", { { status = 403, body = {
      Error = { Code = "AccessDenied", Message = "not authorized to perform: sts:AssumeRole" },
    } } })
    start(STS_ROLE)
    local failure = failure_of(list_page)
    assert.equal("credentials", failure.kind)
    assert.matches("AccessDenied: not authorized to perform: sts:AssumeRole", failure.message, 1,
      true)
    assert.same({ "sts AssumeRole" }, services:actions())
  end)

  it("outlives failures of STS", function()
    services:plan("sts", { { status = 500, times = 2 } })
    start(STS_ROLE)
    assert.equal(100, list_page())
    assert.equal(3, count_actions "^sts")
  end)

  describe("with an SSO session", function()
    local function sso(expires, config)
      return { files = {
        [".aws/config"] = config or scenarios.sso_session,
        [scenarios.paths.sso] = scenarios.sso_token(expires),
        [scenarios.paths.legacy_sso] = scenarios.sso_token(expires),
      } }
    end

    local function mode_of(path)
      local pipe = assert(io.popen(("stat -c %%a '%s/%s'"):format(services.home, path)))
      local mode = pipe:read "*l"
      pipe:close()
      return mode
    end

    it("writes the renewed token back, for its owner only, beside what else was there", function()
      start(sso "past")
      assert.equal(100, list_page())
      local token = services:read(scenarios.paths.sso)
      local portal = services:requests()[2]
      assert.matches(portal.headers["x-amz-sso_bearer_token"], token, 1, true)
      assert.not_matches("of-the-file", token, 1, true)
      assert.matches('"kept":true', token, 1, true)
      assert.equal("600", mode_of(scenarios.paths.sso))
    end)

    it("serves the next client by the renewed token", function()
      start(sso "past")
      list_page()
      client:close()
      start {}
      assert.equal(100, list_page())
      assert.equal(1, count_actions "^oidc")
    end)

    it("goes on with a good token that could not be renewed", function()
      services:plan("oidc", { { status = 400, body = { error = "invalid_grant" } } })
      start(sso "soon")
      assert.equal(100, list_page())
      assert.equal("sso-token-of-the-file",
        services:requests()[2].headers["x-amz-sso_bearer_token"])
    end)

    it("asks for a login when the token has ended for good", function()
      services:plan("oidc", { { status = 400, body = { error = "invalid_grant" } } })
      start(sso "past")
      local failure = failure_of(list_page)
      assert.equal("LoginRequired", failure.code)
      assert.matches("aws sso login --sso-session corp", failure.message, 1, true)
    end)

    it("asks for a login when a token without a session has ended", function()
      start(sso("past", scenarios.legacy_sso))
      local failure = failure_of(list_page)
      assert.equal("LoginRequired", failure.code)
      assert.matches("aws sso login --profile default", failure.message, 1, true)
      assert.same({}, services:actions())
    end)
  end)

  describe("with a login", function()
    local function login(expires)
      return { files = {
        [".aws/config"] = "[default]\nlogin_session = " .. scenarios.login_session .. "\n",
        [scenarios.paths.login] = scenarios.login(expires),
      } }
    end

    local function public_key()
      services:furnish { ["key.pem"] = services.dpop_key }
      local pipe = assert(io.popen(
        ("openssl ec -in '%s/key.pem' -pubout 2>/dev/null"):format(services.home)))
      local text = pipe:read "*a"
      pipe:close()
      return text
    end

    it("proves to hold its key, and writes the renewed one back", function()
      start(login "past")
      assert.equal(100, list_page())
      assert.equal(public_key(), services:requests()[1].fields.public_key)
      local text = services:read(scenarios.paths.login)
      assert.matches(signer_of(hub:requests()[1]), text, 1, true)
      assert.not_matches("login-refresh-of-the-file", text, 1, true)
      assert.matches("login-id-token", text, 1, true)
    end)

    it("asks for a login when the session has ended", function()
      services:plan("signin", { { status = 400, body = { error = "TOKEN_EXPIRED" } } })
      start(login "past")
      local failure = failure_of(list_page)
      assert.equal("LoginRequired", failure.code)
      assert.matches("aws login --profile default", failure.message, 1, true)
    end)
  end)

  describe("with a program", function()
    for script, message in pairs {
      ["echo reason >&2; exit 3"] = "exited with status 3: reason",
      ["kill -9 $$"] = "was ended by signal 9",
      ["head -c 100000 /dev/zero"] = "printed more than its output limit",
      ["echo '[]'"] = "printed no JSON object",
    } do
      it("tells how it went wrong: " .. script, function()
        start { files = scenarios.program(script) }
        local failure = failure_of(list_page)
        assert.equal("CredentialsError", failure.code)
        assert.matches(message, failure.message, 1, true)
      end)
    end

    -- Not under valgrind: there a child cannot tell its parent.
    it("tells that there is none #slow", function()
      start { files = { [".aws/config"] = "[default]\ncredential_process = ${home}/none\n" } }
      assert.matches("No such file", failure_of(list_page).message, 1, true)
    end)
  end)

  it("asks a container again that had no answer", function()
    services:plan("container", { { status = 500 } })
    start { environment = scenarios.container }
    assert.equal(100, list_page())
    assert.equal(2, count_actions "^container")
  end)

  it("does not show a container's token to a far host over plain HTTP", function()
    start { environment = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://192.0.2.1/role",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "container-token",
    } }
    assert.matches("192.0.2.1 is not allowed", failure_of(list_page).message, 1, true)
  end)

  it("asks no metadata service that is switched off", function()
    start { environment = { AWS_EC2_METADATA_DISABLED = "true" } }
    local failure = failure_of(list_page)
    assert.equal("NoCredentials", failure.code)
    assert.matches("AWS_EC2_METADATA_DISABLED", failure.message, 1, true)
    assert.same({}, services:actions())
  end)

  it("does not fall back to version 1 of the metadata service when that is switched off", function()
    services:plan("imds", { { status = 403 } })
    start { environment = { AWS_EC2_METADATA_V1_DISABLED = "true" } }
    local failure = failure_of(list_page)
    assert.equal("NoCredentials", failure.code)
    assert.matches("version 1 is switched off", failure.message, 1, true)
    assert.same({ "imds PUT /latest/api/token" }, services:actions())
  end)

  describe("in the middle of a listing", function()
    it("renews keys that the service calls expired", function()
      start(STS_ROLE)
      assert.equal(UPDATES, list_all { [450] = function() services:expire() end })
      assert.same({ "sts AssumeRole", "sts AssumeRole" }, services:actions())
      local requests = hub:requests()
      assert.equal(PAGES + 1, #requests)
      assert.equal("ExpiredTokenException", requests[6].error)
      assert.not_equal(signer_of(requests[6]), signer_of(requests[7]))
    end)

    it("takes no notice of a renewal that fails while the old keys are good", function()
      services:plan("sts", { { lifetime = 45 }, { status = 500, times = 100 } })
      local lines = {}
      start(STS_ROLE, { logger = function(level, line) lines[#lines + 1] = level .. line end })
      assert.equal(UPDATES, list_all())
      assert.matches("warn[^\n]*were not renewed", table.concat(lines, "\n"))
      assert.equal(4, count_actions "^sts") -- one, and three attempts at another
      assert.equal(PAGES, #hub:requests())
    end)

    it("renews nothing for a page token that has ended", function()
      start(STS_ROLE)
      hub:misbehave { token_age = 25 * 3600, times = 1, after = 2 }
      assert.equal("InvalidToken", failure_of(list_all).code)
      assert.equal(100, list_page())
      assert.same({ "sts AssumeRole" }, services:actions())
    end)
  end)

  it("raises ExpiredTokenException when the new keys are no better", function()
    start { files = scenarios.program(
      [[echo '{"Version": 1, "AccessKeyId": "ASIAIOSFODNN7EXPIRED", "SessionToken": ]]
      .. [["FwoGZXIvYXdzEBYaDEXAMPLE/expired+token==", ]]
      .. [["SecretAccessKey": "pVn0Yt4cXrz1EbNQ7uUo/expired+EXAMPLEKEY"}']]) }
    assert.equal("ExpiredTokenException", failure_of(list_page).code)
    assert.same({ 400, 400, 400 }, statuses())
  end)

  for _, skew in ipairs { SKEW, -SKEW } do
    describe(("with a clock that is %d seconds off"):format(-skew), function()
      before_each(function() hub:misbehave { skew = skew } end)

      it("finds that out by the first refusal, once", function()
        start(STS_ROLE)
        assert.equal(100, list_page())
        assert.same({ 400, 200 }, statuses())
        assert.equal(UPDATES, list_all())
        assert.equal(2 + PAGES, #hub:requests())
      end)

      it("learns it from STS as well", function()
        start { files = STS_ROLE.files, clock_off = -skew }
        hub:reset()
        assert.equal(100, list_page())
        assert.same({ "sts AssumeRole", "sts AssumeRole" }, services:actions())
        assert.same({ 200 }, statuses())
      end)

      it("raises what STS refuses when it is not to correct the clock", function()
        start({ files = STS_ROLE.files, clock_off = -skew }, { correct_clock_skew = false })
        assert.matches("SignatureDoesNotMatch", failure_of(list_page).message, 1, true)
        assert.same({ "sts AssumeRole" }, services:actions())
      end)

      it("raises the refusal when it is not to correct the clock", function()
        start(STS_ROLE, { correct_clock_skew = false })
        assert.equal("InvalidSignatureException", failure_of(list_page).code)
        assert.same({ 400 }, statuses())
      end)
    end)
  end

  it("lists all in adaptive mode, through throttling", function()
    start(STS_ROLE, { retry_mode = "adaptive" })
    hub:misbehave { throttle = {}, times = 1, after = 2 }
    assert.equal(412, list_all(nil, "sms-8f03a5d77"))
    assert.same({ 200, 200, 400, 200, 200, 200 }, statuses())
    assert.matches("m/F,C,", hub:requests()[1].headers["user-agent"], 1, true)
  end)

  describe("behind a proxy", function()
    local proxy

    before_each(function() proxy = proxies.start() end)
    after_each(function() proxy:stop() end)

    local function behind(variables, scenario)
      local environment = { HTTPS_PROXY = "http://" .. proxy.authority }
      for name, value in pairs(variables) do environment[name] = value end
      return {
        environment = environment, files = scenario and scenario.files,
      }
    end

    local function tunnel()
      return "CONNECT " .. hub.https_endpoint:match "//(.*)$" .. " HTTP/1.1"
    end

    it("reaches STS and the service through it", function()
      start(behind({}, STS_ROLE))
      assert.equal(UPDATES, list_all())
      assert.same({ tunnel() }, proxy:lines())
      assert.same({ "sts AssumeRole" }, services:actions())
    end)

    it("gives the proxy its name and password", function()
      start(behind({ HTTPS_PROXY = "http://ada:proxy-secret@" .. proxy.authority }, STS_ROLE))
      assert.equal(100, list_page())
      assert.same({ tunnel(), "Proxy-Authorization: Basic YWRhOnByb3h5LXNlY3JldA==" },
        proxy:lines())
    end)

    it("leaves it aside for hosts of NO_PROXY", function()
      start(behind({ NO_PROXY = "example.com,127.0.0.1" }, STS_ROLE))
      assert.equal(100, list_page())
      assert.same({}, proxy:lines())
    end)

    it("reaches past it what the user wrote with http://", function()
      local url = services:fill "${http}sts":gsub("127%.0%.0%.1", "localhost")
      start(behind({ AWS_ENDPOINT_URL_STS = url }, STS_ROLE))
      assert.equal(100, list_page())
      assert.same({ tunnel() }, proxy:lines())
      assert.same({ "sts AssumeRole" }, services:actions())
    end)

    it("asks the metadata service past it", function()
      start(behind {})
      assert.equal(100, list_page())
      assert.same({ tunnel() }, proxy:lines())
      assert.equal(3, count_actions "^imds")
    end)

    it("leaves no connection open when it is closed, not even those past the proxy", function()
      local function count_sockets()
        local pipe = assert(io.popen "ls -l /proc/$PPID/fd | grep -c socket:")
        local count = pipe:read "*n"
        pipe:close()
        return count
      end
      local before = count_sockets()
      start(behind {})
      list_page()
      assert.is_true(count_sockets() > before)
      client:close()
      assert.equal(before, count_sockets())
    end)

    for _, scheme in ipairs { "http", "https" } do
      it("asks a container past it, over " .. scheme, function()
        start(behind { AWS_CONTAINER_CREDENTIALS_FULL_URI = "${" .. scheme .. "}container/open" })
        assert.equal(100, list_page())
        assert.same({ tunnel() }, proxy:lines())
        assert.equal(1, count_actions "^container")
      end)
    end
  end)
end)
