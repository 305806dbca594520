-- The proof is taken apart here, and its signature checked by the openssl command line.

local digest = require "lmigrationhub.digest"
local json = require "lmigrationhub.json"
local login = require "lmigrationhub.credentials.login"

local NOW = 1000000000 -- 2001-09-09T01:46:40Z
local SESSION = "arn:aws:iam::012345678901:user/name"
-- SHA-256 of the session
local NAME = "83a4079b19efb5c6552156b68d50b80df8859bb1e8ee34a5e0930c28381125b6.json"
local PATH = "/home/.aws/login/cache/" .. NAME
local URL = "https://us-west-2.signin.aws.amazon.com/v1/token"


local function run(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read "*a"
  pipe:close()
  return output
end

local KEY = run "openssl ecparam -name prime256v1 -genkey -noout"

local BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function decode(text)
  local bits = text:gsub(".", function(character)
    local value, digits = BASE64URL:find(character, 1, true) - 1, ""
    for shift = 5, 0, -1 do digits = digits .. math.floor(value / 2 ^ shift) % 2 end
    return (digits:gsub("%.0", ""))
  end)
  local bytes = bits:sub(1, #bits - #bits % 8):gsub("%d%d%d%d%d%d%d%d", function(byte)
    return string.char(tonumber(byte, 2))
  end)
  return bytes
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function verdict(text, signature)
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  local function integer(bytes)
    bytes = bytes:gsub("^%z+", "")
    if bytes:byte() >= 0x80 then bytes = "\0" .. bytes end
    return "\2" .. string.char(#bytes) .. bytes
  end
  local pair = integer(signature:sub(1, 32)) .. integer(signature:sub(33))
  write(folder .. "/key.pem", KEY)
  write(folder .. "/text", text)
  write(folder .. "/signature", "\48" .. string.char(#pair) .. pair)
  local output = run(("cd %s && openssl ec -in key.pem -pubout -out public.pem 2>&- && "
    .. "openssl dgst -sha256 -verify public.pem -signature signature text"):format(folder))
  os.execute("rm -r " .. folder)
  return output
end

local function iso(time) return os.date("!%Y-%m-%dT%H:%M:%SZ", time) end

local function changed(members, more)
  for name, value in pairs(more or {}) do members[name] = value or nil end
  return members
end

-- The text of a login with so many seconds left; false in `keys` or `more` takes a member away.
local function cached(left, more, keys)
  return json.encode(changed({
    accessToken = changed({
      accessKeyId = "id", secretAccessKey = "hidden-key", sessionToken = "session",
      accountId = "012345678901", expiresAt = iso(NOW + left),
    }, keys),
    refreshToken = "hidden-refresh", clientId = "client", dpopKey = KEY, idToken = "hidden-id",
    tokenType = "aws_sigv4",
  }, more))
end

local function credentials_until(time, more)
  return changed({
    access_key_id = "id", secret_access_key = "hidden-key", session_token = "session",
    account_id = "012345678901", expiration = time,
  }, more)
end

local NEW = { access_key_id = "new", secret_access_key = "hidden-new", session_token = "next" }

local function renewal(more)
  return {
    status = 200, headers = {},
    body = json.encode(changed({
      accessToken = {
        accessKeyId = "new", secretAccessKey = "hidden-new", sessionToken = "next",
      },
      tokenType = "aws_sigv4", expiresIn = 900, refreshToken = "hidden-next",
    }, more)),
  }
end

-- A world with a login in the cache; `answer` is the sign-in service's, a text for none at all.
local function new_world(text, answer)
  local world = { time = NOW, files = { [PATH] = text }, sent = {}, logged = {}, memory = {} }
  local dice = 0
  function world.random()
    dice = dice + 1
    return dice % 16 / 16
  end
  function world.open(path)
    local found = world.files[path]
    if not found then return nil, path .. ": No such file or directory" end
    return { read = function() return found end, close = function() end }
  end
  function world.now() return world.time end
  function world.log(level, message) table.insert(world.logged, level .. ": " .. message) end
  function world.write_private(path, contents)
    world.files[path] = contents
    return true
  end
  function world.send(request, options)
    assert(options.retry, "without retries")
    table.insert(world.sent, request)
    if type(answer) == "string" then return nil, answer, "timeout" end
    return answer
  end
  return world
end

local function settings_with(more)
  return changed({
    profile = "console", region = "us-west-2",
    files = { profiles = { console = { login_session = SESSION } }, home = "/home" },
  }, more)
end

local function broken(settings, world)
  local credentials, message, is_broken, code = login.load(settings, world)
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

describe("lmigrationhub.credentials.login", function()
  it("takes the login with more than five minutes left", function()
    local world = new_world(cached(301))
    assert.same(credentials_until(NOW + 301), login.load(settings_with(), world))
    assert.equal(0, #world.sent)
  end)

  it("needs no account", function()
    local world = new_world(cached(301, nil, { accountId = false }))
    assert.same(credentials_until(NOW + 301, { account_id = false }),
      login.load(settings_with(), world))
  end)

  it("looks in the folder that the settings name", function()
    local world = new_world()
    world.files["/cache/" .. NAME] = cached(301)
    local settings = settings_with { login_cache_directory = "/cache" }
    settings.files.home = nil
    assert.same(credentials_until(NOW + 301), login.load(settings, world))
  end)

  it("has nothing for a profile without session", function()
    package.loaded["lmigrationhub.digest"] = nil
    for _, settings in ipairs {
      {}, { files = {} }, { files = { profiles = {} } },
      { files = { profiles = { default = { login_session = "" } } } },
    } do
      local credentials, reason, is_broken = login.load(settings, new_world())
      assert.is_nil(credentials)
      assert.is_nil(is_broken)
      assert.equal("profile default has no login_session", reason)
    end
    assert.is_nil(package.loaded["lmigrationhub.digest"])
  end)

  it("cannot look without home", function()
    local settings = settings_with()
    settings.files.home = nil
    assert.equal("there is no home directory, and so no login", broken(settings, new_world()))
  end)

  local ADVICE = "; run `aws login --profile console`"

  it("wants a login when there is none", function()
    assert.equal("no login: " .. PATH .. ": No such file or directory" .. ADVICE,
      needs_login(settings_with(), new_world()))
  end)

  for name, text in pairs {
    ["no JSON"] = "hidden",
    ["empty"] = "{}",
    ["another thing"] = '{"accessToken": "hidden"}',
    ["without key id"] = cached(301, nil, { accessKeyId = false }),
    ["without secret"] = cached(301, nil, { secretAccessKey = 5 }),
    ["without session token"] = cached(301, nil, { sessionToken = "" }),
    ["without end"] = cached(301, nil, { expiresAt = false }),
    ["of no time"] = cached(301, nil, { expiresAt = "hidden" }),
  } do
    it("wants a login when the cache is " .. name, function()
      local world = new_world(text)
      assert.equal("no login in " .. PATH .. ADVICE, needs_login(settings_with(), world))
      assert.equal(0, #world.sent)
    end)
  end

  describe("renewing", function()
    local function renewed_until(time)
      return changed(credentials_until(time), NEW)
    end

    for left, name in pairs { [300] = "five minutes are left", [-99999] = "nothing is left" } do
      it("is done when " .. name, function()
        local world = new_world(cached(left), renewal())
        assert.same(renewed_until(NOW + 900), login.load(settings_with(), world))
        local request = world.sent[1]
        assert.equal(1, #world.sent)
        assert.equal("POST", request.method)
        assert.equal(URL, request.url)
        assert.equal("application/json", request.headers["content-type"])
        assert.same({
          grantType = "refresh_token", refreshToken = "hidden-refresh", clientId = "client",
        }, json.decode(request.body))
      end)
    end

    it("puts the login back, with all else that was there", function()
      local world = new_world(cached(-1), renewal())
      login.load(settings_with(), world)
      assert.same(json.decode(cached(900, { refreshToken = "hidden-next" }, {
        accessKeyId = "new", secretAccessKey = "hidden-new", sessionToken = "next",
      })), json.decode(world.files[PATH]))
      assert.same({}, world.logged)
    end)

    it("keeps the refresh token if no other comes", function()
      local world = new_world(cached(-1), renewal { refreshToken = false })
      login.load(settings_with(), world)
      assert.equal("hidden-refresh", json.decode(world.files[PATH]).refreshToken)
    end)

    it("is of use even if the login cannot be put back", function()
      local world = new_world(cached(-1), renewal())
      function world.write_private() return nil, "read-only" end
      assert.same(renewed_until(NOW + 900), login.load(settings_with(), world))
      assert.same({ "warn: the renewed login was not kept: read-only" }, world.logged)
    end)

    local function refused(status, members)
      return { status = status, headers = {}, body = json.encode(members) }
    end

    local PROBLEMS = {
      { "the session has ended", nil, refused(401, { error = "TOKEN_EXPIRED", message = "x" }),
        "the session has ended" },
      { "the password was changed", nil, refused(403, { error = "USER_CREDENTIALS_CHANGED" }),
        "the password was changed" },
      { "it is not allowed", nil, refused(403, { error = "INSUFFICIENT_PERMISSIONS" }),
        "the permission for CreateOAuth2Token is missing" },
      { "the request is refused", nil, refused(400, { error = "INVALID_REQUEST", message = "No" }),
        "HTTP 400 INVALID_REQUEST: No" },
      { "the service wants less", nil,
        refused(429, { error = "INVALID_REQUEST", message = "Too many requests" }),
        "HTTP 429 INVALID_REQUEST: Too many requests", is_temporary = true },
      { "the service fails", nil, { status = 500, headers = {}, body = "<html>" }, "HTTP 500",
        is_temporary = true },
      { "nobody answers", nil, "timed out", "timed out", is_temporary = true },
      { "the answer is no JSON", nil, { status = 200, headers = {}, body = "hidden" },
        "not a JSON object", is_temporary = true },
      { "the answer has no keys", nil, renewal { accessToken = { accessKeyId = "x" } },
        "the answer is not complete", is_temporary = true },
      { "the answer has no lifetime", nil, renewal { expiresIn = "soon" },
        "the answer is not complete", is_temporary = true },
      { "there is no refresh token", { refreshToken = false }, nil, "it has no refreshToken" },
      { "there is no client", { clientId = "" }, nil, "it has no clientId" },
      { "there is no key", { dpopKey = false }, nil, "it has no dpopKey" },
    }
    for _, case in ipairs(PROBLEMS) do
      it("an ended login fails if " .. case[1], function()
        local text = cached(0, case[2])
        local world = new_world(text, case[3])
        local message, code = broken(settings_with(), world)
        assert.equal("the login has ended; the login was not renewed: " .. case[4]
          .. (case.is_temporary and "" or ADVICE), message)
        assert.equal(case.is_temporary and "CredentialsError" or "LoginRequired", code)
        assert.equal(case[3] and 1 or 0, #world.sent)
        assert.equal(text, world.files[PATH])
      end)
    end

    it("needs a key that can sign", function()
      local world = new_world(cached(0, { dpopKey = "hidden" }))
      assert.truthy(needs_login(settings_with(), world):find("no private key in PEM form", 1, true))
      assert.equal(0, #world.sent)
    end)

    it("may fail as long as the login is good", function()
      local world = new_world(cached(1), "timed out")
      assert.same(credentials_until(NOW + 1), login.load(settings_with(), world))
      assert.same({ "info: the login was not renewed: timed out" }, world.logged)
    end)

    it("is tried once a minute", function()
      local world = new_world(cached(100), "timed out")
      login.load(settings_with(), world)
      world.time = NOW + 59
      assert.same(credentials_until(NOW + 100), login.load(settings_with(), world))
      assert.equal(1, #world.sent)
      world.time = NOW + 60
      login.load(settings_with(), world)
      assert.equal(2, #world.sent)
    end)

    it("is left to the one who did it already", function()
      local world = new_world(cached(100), "timed out")
      login.load(settings_with(), world)
      world.files[PATH] = cached(900, nil, { accessKeyId = "theirs" })
      assert.equal("theirs", login.load(settings_with(), world).access_key_id)
      assert.equal(1, #world.sent)
    end)
  end)

  describe("the proof", function()
    local function proof_of(world)
      login.load(settings_with(), world)
      local header, claims, signature =
        world.sent[#world.sent].headers.dpop:match "^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$"
      return json.decode(decode(header)), json.decode(decode(claims)), decode(signature),
        header .. "." .. claims
    end

    it("shows the session's public key", function()
      local x, y = digest.p256_public(KEY)
      assert.same({
        typ = "dpop+jwt", alg = "ES256",
        jwk = { kty = "EC", crv = "P-256", x = digest.base64url(x), y = digest.base64url(y) },
      }, (proof_of(new_world(cached(0), renewal()))))
    end)

    it("is for this request, now", function()
      local world = new_world(cached(0), renewal())
      world.time = NOW + 0.75
      local _, claims = proof_of(world)
      assert.same({ htm = "POST", htu = URL, iat = NOW, jti = claims.jti }, claims)
    end)

    it("has a name of its own", function()
      local world = new_world(cached(0), "timed out")
      local _, first = proof_of(world)
      world.time = NOW + 60
      local _, second = proof_of(world)
      local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
      assert.truthy(first.jti:find(UUID), first.jti)
      assert.not_equal(first.jti, second.jti)
    end)

    it("is signed with the session's key", function()
      local _, _, signature, text = proof_of(new_world(cached(0), renewal()))
      assert.equal(64, #signature)
      assert.equal("Verified OK\n", verdict(text, signature))
    end)
  end)

  describe("the sign-in service", function()
    for _, case in ipairs {
      { "us-east-1", "us-east-1.signin.aws.amazon.com" },
      { "cn-north-1", "cn-north-1.signin.amazonaws.cn" },
      { "us-gov-west-1", "us-gov-west-1.signin.amazonaws-us-gov.com" },
      { "eusc-de-east-1", "signin.eusc-de-east-1.amazonaws.eu" },
      { "us-east-1", "signin-fips.us-east-1.amazonaws.com", { use_fips = true } },
      { "us-gov-west-1", "signin.us-gov-west-1.api.aws", { use_dualstack = true } },
      { "us-east-1", "signin.us-east-1.amazonaws.com",
        { endpoint_signin = "https://signin.us-east-1.amazonaws.com" } },
    } do
      it(("of %s is %s"):format(case[1], case[2]), function()
        local world = new_world(cached(0), renewal())
        login.load(changed(settings_with { region = case[1] }, case[3]), world)
        assert.equal(("https://%s/v1/token"):format(case[2]), world.sent[1].url)
      end)
    end

    it("is that of the profile's region", function()
      local settings = settings_with { region = "eu-west-1" }
      settings.files.profiles.console.region = "us-west-2"
      local world = new_world(cached(0), renewal())
      login.load(settings, world)
      assert.equal(URL, world.sent[1].url)
    end)

    it("is nowhere without region", function()
      local settings = settings_with { region = false }
      assert.truthy(broken(settings, new_world(cached(0))):find("Missing Region", 1, true))
    end)
  end)
end)
