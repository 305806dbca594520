-- Secrets stay where they are: through every way to credentials and every kind of failure, with the
-- logger on, none comes out in a line of the log, in an error, or in what a dump of a client or of
-- a failure shows.

local migrationhub = require "lmigrationhub"
local proxies = require "spec.services.proxy"
local scenarios = require "spec.services.scenarios"
local transports = require "lmigrationhub.transport"
local services_of = require "spec.services"

local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a" }

-- What the secrets of the fakes and of the scenarios look like.
local SECRETS = {
  "issued-secret+", "issued-session+token+", "sso-token-", "sso-refresh-", "sso-client-secret",
  "login-refresh-", "login-id-token", "imds-token-", "container-token", "web-identity.token",
  "835219", -- a code of MFA
  "BEGIN EC PRIVATE KEY", "AWS4-HMAC-SHA256",
  "eyJ", -- how a proof (DPoP) begins
}

local STS_ROLE = {
  [".aws/config"] = scenarios.role "source_profile = base\n",
  [".aws/credentials"] = "[base]\n" .. scenarios.keys,
}
local SESSION_KEYS = {
  AWS_ACCESS_KEY_ID = "${session_key}", AWS_SECRET_ACCESS_KEY = "${session_secret}",
  AWS_SESSION_TOKEN = "${session_token}",
}
-- The services tell what they would have signed, or what they were sent.
local ECHO = "The Canonical String for this request should have been 'POST\n/\n\n"
  .. "x-amz-security-token:%s\n', not Credential=AKID/scope, Signature=0123456789abcdef'."

describe("with the logger on, no secret shows", function()
  local services, hub, lines, traffic, client

  -- All that may be read of a value: keys and values of tables, and of their metatables.
  local function dump(value, seen, parts)
    parts, seen = parts or {}, seen or {}
    parts[#parts + 1] = tostring(value)
    if type(value) ~= "table" or seen[value] then return parts end
    seen[value] = true
    dump(getmetatable(value), seen, parts)
    for name, member in next, value do
      dump(name, seen, parts)
      dump(member, seen, parts)
    end
    return parts
  end

  local function log(level, message)
    lines[#lines + 1] = level .. ": " .. message
  end

  local function record(request, answer)
    for name, value in pairs(request.headers or {}) do
      traffic[#traffic + 1] = name .. ": " .. tostring(value)
    end
    traffic[#traffic + 1] = request.body
    traffic[#traffic + 1] = answer and answer.body
  end

  -- The transport of scripts, but for a record of what went over it.
  local function recording()
    local real, transport = transports.new { ca_file = hub.ca_file }, {}
    for _, name in ipairs { "start", "wait", "sleep", "now", "close" } do
      transport[name] = function(_, ...) return real[name](real, ...) end
    end
    function transport.send(_, request)
      local answer, message, kind = real:send(request)
      record(request, answer)
      return answer, message, kind
    end
    return transport
  end

  lazy_setup(function()
    services = services_of.start()
    hub = services.hub
  end)
  lazy_teardown(function() services:stop() end)
  before_each(function() lines, traffic = {}, {} end)
  after_each(function()
    if client then client:close() end
    client = nil
    services:reset()
  end)

  local function all_secrets()
    local all = { services.dpop_key:match "\n(%S+)\n", "Signature=0" }
    for _, text in ipairs(SECRETS) do all[#all + 1] = text end
    for _, key in ipairs(hub.seed.accounts[1].keys) do
      all[#all + 1] = key.secret_access_key
      all[#all + 1] = key.session_token
    end
    for signature in table.concat(traffic, "\n"):gmatch "Signature=(%x+)" do
      all[#all + 1] = signature
    end
    return all
  end

  -- In the log, in the client, and in one more value.
  local function assert_hidden(value)
    local text = ("%s\n%s\n%s"):format(
      table.concat(lines, "\n"), table.concat(dump(client), "\n"), table.concat(dump(value), "\n"))
    for _, secret in ipairs(all_secrets()) do
      local at = text:find(secret, 1, true)
      assert.is_nil(at, at and ("%s shows in %s"):format(secret, text:sub(at - 80, at + 80)))
    end
  end

  local function run(scenario, options)
    local more = { logger = log }
    for name, value in pairs(options or {}) do more[name] = value end
    client = services:client(scenario, more)
    return client:list_migration_task_updates(scenario.parameters or TASK)
  end

  local function failure_of(scenario, options)
    local ok, failure = pcall(run, scenario, options)
    assert.is_false(ok)
    assert.is_true(migrationhub.is_error(failure), tostring(failure))
    return failure
  end

  for _, scenario in ipairs(scenarios.ways) do
    it("on the way by " .. scenario.name, function()
      run(scenario, { transport = recording() })
      assert.matches("debug: credentials found by: ", table.concat(lines, "\n"), 1, true)
      assert_hidden()
    end)
  end

  it("while every secret that is looked for is in use", function()
    local texts = {}
    for _, scenario in ipairs(scenarios.ways) do
      run(scenario, { transport = recording() })
      client:close()
      for _, text in pairs(scenario.files or {}) do texts[#texts + 1] = services:fill(text) end
      services:reset()
    end
    local all = table.concat(traffic, "\n") .. table.concat(texts, "\n")
    for _, secret in ipairs(SECRETS) do assert.matches(secret, all, 1, true) end
  end)

  local WRONG_KEY =
    { access_key_id = "AKIAIOSFODNN7EXAMPLE", secret_access_key = "issued-secret+wrong" }
  local SSO = {
    [".aws/config"] = scenarios.sso_session,
    [scenarios.paths.sso] = scenarios.sso_token "past",
  }
  local LOGIN = {
    [".aws/config"] = "[default]\nlogin_session = " .. scenarios.login_session .. "\n",
    [scenarios.paths.login] = scenarios.login "past",
  }

  -- Of each: what fails and how: code and kind of the failure; a scenario, options; misbehave: of
  -- the hub.
  local FAILURES = {
    {
      code = "ResourceNotFoundException", kind = "service", environment = SESSION_KEYS,
      parameters = { ProgressUpdateStream = "SMS", MigrationTaskName = "none" },
    },
    {
      code = "InvalidSignatureException", kind = "service", options = { credentials = WRONG_KEY },
    },
    {
      code = "ThrottlingException", kind = "service", environment = SESSION_KEYS,
      misbehave = { throttle = {} },
    },
    {
      code = "InternalServerError", kind = "service", files = STS_ROLE,
      misbehave = { fail = { status = 500 } },
    },
    {
      code = "ExpiredTokenException", kind = "service", files = STS_ROLE,
      misbehave = { error = { code = "ExpiredTokenException", message = "expired" } },
    },
    {
      code = "ConnectionError", kind = "transport", environment = SESSION_KEYS,
      misbehave = { cut_head = 20 },
    },
    {
      code = "Timeout", kind = "transport", files = STS_ROLE, misbehave = { delay = 1 },
      options = { timeout = 0.1, max_attempts = 1 },
    },
    {
      code = "ConnectionError", kind = "transport", environment = SESSION_KEYS,
      options = { endpoint = "http://127.0.0.1:1" },
    },
    {
      code = "TLSError", kind = "transport", environment = {
        AWS_ACCESS_KEY_ID = "${session_key}", AWS_SECRET_ACCESS_KEY = "${session_secret}",
        AWS_SESSION_TOKEN = "${session_token}", AWS_CA_BUNDLE = false,
      },
    },
    {
      code = "InvalidResponse", kind = "response", environment = SESSION_KEYS,
      misbehave = { respond = { status = 200, body = "{" } },
    },
    {
      code = "ValidationError", kind = "validation", environment = SESSION_KEYS,
      parameters = { ProgressUpdateStream = "SMS" },
    },
    {
      code = "CredentialsError", kind = "credentials", files = STS_ROLE,
      plans = { sts = { { status = 403, body = {
        Error = { Code = "AccessDenied", Message = "no" },
      } } } },
    },
    {
      code = "CredentialsError", kind = "credentials", files = STS_ROLE,
      plans = { sts = { { status = 500, times = 10 } } },
    },
    {
      code = "LoginRequired", kind = "credentials", files = SSO,
      plans = { oidc = { { status = 400, body = { error = "invalid_grant" } } } },
    },
    {
      code = "LoginRequired", kind = "credentials", files = SSO,
      plans = { sso = { { status = 401, body = { message = "no" } } } },
    },
    {
      code = "LoginRequired", kind = "credentials", files = LOGIN,
      plans = { signin = { { status = 400, body = { error = "TOKEN_EXPIRED" } } } },
    },
    {
      code = "CredentialsError", kind = "credentials", files = LOGIN,
      plans = { signin = { { status = 200, body = { accessToken = {} } } } },
    },
    {
      code = "CredentialsError", kind = "credentials",
      files = scenarios.program("echo '{\"SecretAccessKey\": \"issued-secret+\"' && exit 1"),
    },
    {
      code = "CredentialsError", kind = "credentials",
      files = scenarios.program "echo '{\"Version\": 1, \"SecretAccessKey\": \"issued-secret+\"}'",
    },
    {
      code = "CredentialsError", kind = "credentials", environment = {
        AWS_CONTAINER_CREDENTIALS_FULL_URI = "${http}container/guarded",
        AWS_CONTAINER_AUTHORIZATION_TOKEN = "container-token-but-wrong",
      },
    },
    {
      code = "InvalidCredentials", kind = "credentials", environment = {
        AWS_CONTAINER_CREDENTIALS_FULL_URI = "${http}container/guarded",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "${home}/token",
      },
      files = { token = "container-token\r\nX-Other: header" },
    },
    {
      code = "InvalidCredentials", kind = "credentials",
      environment = { AWS_SECRET_ACCESS_KEY = "issued-secret+alone" },
    },
    {
      code = "NoCredentials", kind = "credentials",
      plans = { imds = { { status = 403 }, { status = 404 } } },
    },
    {
      code = "InvalidConfiguration", kind = "config",
      environment = { AWS_SECRET_ACCESS_KEY = "issued-secret+\1" },
    },
    {
      code = "InvalidConfiguration", kind = "config",
      options = { credentials = { access_key_id = "id", secret = "issued-secret+" } },
    },
    {
      code = "InvalidConfiguration", kind = "config",
      files = { [".aws/credentials"] = "[default]\naws_secret_access_key issued-secret+\n" },
    },
    {
      code = "InvalidConfiguration", kind = "config", options = { retry_mode = "issued-secret+" },
    },
  }
  for index, case in ipairs(FAILURES) do
    it(("in failure %d, %s"):format(index, case.code), function()
      if case.misbehave then hub:misbehave(case.misbehave) end
      local failure = failure_of(case)
      assert.equal(case.code, failure.code)
      assert.equal(case.kind, failure.kind)
      assert_hidden(failure)
    end)
  end

  it("in a failure of a listing", function()
    client = services:client({ files = STS_ROLE }, { logger = log })
    hub:misbehave { repeat_token = 1, after = 2, times = 1 }
    local ok, failure = pcall(function()
      for _, cursor in client:migration_task_updates(TASK) do assert_hidden(cursor) end
    end)
    assert.is_false(ok)
    assert.equal("PaginationError", failure.code)
    assert_hidden(failure)
  end)

  it("when the service repeats what it was sent", function()
    local token = services:fill "${session_token}"
    hub:misbehave { error = { code = "InvalidSignatureException", message = ECHO:format(token) } }
    local failure = failure_of { environment = SESSION_KEYS }
    assert.matches("x-amz-security-token:", failure.message, 1, true)
    assert_hidden(failure)
  end)

  it("when STS repeats what it was sent", function()
    local token = services:fill "${session_token}"
    services:plan("sts", { { status = 403, body = {
      Error = { Code = "SignatureDoesNotMatch", Message = ECHO:format(token) },
    } } })
    local failure = failure_of {
      environment = SESSION_KEYS, options = { profile = "a" },
      files = { [".aws/config"] = "[profile a]\nrole_arn = " .. scenarios.role_arn
        .. "\ncredential_source = Environment\n" },
    }
    assert.matches("x-amz-security-token:", failure.message, 1, true)
    assert_hidden(failure)
  end)

  describe("of a proxy's", function()
    local PASSWORD = "issued-secret+proxy"

    local function proxy_at(authority)
      return { proxy = ("http://ada:%s@%s"):format(PASSWORD, authority) }
    end

    it("while it works", function()
      local proxy = proxies.start()
      finally(function() proxy:stop() end)
      run({ environment = SESSION_KEYS }, proxy_at(proxy.authority))
      assert.matches("Proxy-Authorization: ", proxy:lines()[2], 1, true)
      assert_hidden()
    end)

    it("when nobody is there", function()
      local failure = failure_of({ environment = SESSION_KEYS }, proxy_at "127.0.0.1:1")
      assert.equal("ConnectionError", failure.code)
      assert_hidden(failure)
    end)
  end)
end)
