-- What whoever writes a config file or a variable can not do. The places of secrets on the disk,
-- programs, and messages are the matter of posix_spec and of the specs of credentials as well.

local endpoint = require "lmigrationhub.endpoint"
local faults = require "spec.faults"
local json = require "lmigrationhub.json"
local login = require "lmigrationhub.credentials.login"
local process = require "lmigrationhub.credentials.process"
local run = require "spec.program"
local sso = require "lmigrationhub.credentials.sso"

local HOSTILE = {
  "../../../etc/passwd", "/etc/passwd", "..", ".", "~root", "a/b", "a\\b", "a\0b", "a\nb", "a\r\nb",
  "%s%n", "$(id)", "`id`", "a;b", "\255\254", ("x"):rep(100000),
}

-- Opens nothing, and remembers what it was asked for.
local function context()
  local made = { asked = {}, memory = {}, now = os.time, log = function() end }
  function made.open(path)
    table.insert(made.asked, path)
    return nil, "it is not there"
  end
  return made
end

describe("the name of a session", function()
  local function paths_of(provider, profile, sessions)
    local used = context()
    provider.load({
      profile = "own",
      files = { home = "/home", profiles = { own = profile }, sso_sessions = sessions },
    }, used)
    return used.asked
  end

  local SSO = {
    sso_account_id = "123456789012", sso_role_name = "Reader", sso_region = "us-east-1",
    sso_start_url = "https://corp.awsapps.com/start",
  }

  for _, name in ipairs(HOSTILE) do
    local shown = ("%q"):format(name:sub(1, 30))

    it("of SSO leads to no file but one of its folder: " .. shown, function()
      local profile = { sso_session = name }
      for key, value in pairs(SSO) do profile[key] = value end
      local paths = paths_of(sso, profile, { [name] = {
        sso_region = SSO.sso_region, sso_start_url = SSO.sso_start_url,
      } })
      assert.equal(1, #paths)
      assert.matches("^/home/%.aws/sso/cache/" .. ("%x"):rep(40) .. "%.json$", paths[1])
    end)

    it("as the URL of SSO leads nowhere else: " .. shown, function()
      local profile = {}
      for key, value in pairs(SSO) do profile[key] = value end
      profile.sso_start_url = name
      assert.matches("^/home/%.aws/sso/cache/" .. ("%x"):rep(40) .. "%.json$",
        paths_of(sso, profile)[1])
    end)

    it("of a login leads to no file but one of its folder: " .. shown, function()
      local paths = paths_of(login, { login_session = name })
      assert.equal(1, #paths)
      assert.matches("^/home/%.aws/login/cache/" .. ("%x"):rep(64) .. "%.json$", paths[1])
    end)
  end
end)

describe("credential_process", function()
  local folder

  before_each(function() folder = faults.read "mktemp -d" end)
  after_each(function() os.execute("rm -r " .. folder) end)

  local function load(command)
    local used = context()
    used.run = run
    return process.load({ files = { profiles = { default = { credential_process = command } } } },
      used)
  end

  local function answer(secret)
    return json.encode {
      Version = 1, AccessKeyId = "id", SecretAccessKey = secret, SessionToken = "token",
    }
  end

  for _, signs in ipairs {
    "; touch %s/x", "&& touch %s/x", "| touch %s/x", "& touch %s/x", "> %s/x", "$(touch %s/x)",
    "`touch %s/x`", "\n touch %s/x", "\\; touch %s/x", "* ? ~ $HOME ${HOME} # <%s/x",
  } do
    it("is no matter of a shell: " .. ("%q"):format(signs), function()
      local text = answer "hidden"
      local command = ("printf '%s' '%s' "):format("%s", text) .. signs:format(folder)
      load(command)
      assert.equal("", faults.read("ls -A " .. folder))
    end)
  end

  it("hands characters of a shell on as they are", function()
    local secret = "a;b|c&d>e*f$g"
    assert.equal(secret, load(("printf %%s '%s'"):format(answer(secret))).secret_access_key)
  end)

  it("may not print without end, and shows nothing of it", function()
    local credentials, message = load "yes hidden"
    assert.is_nil(credentials)
    assert.equal("cannot run yes: it printed more than its output limit", message)
  end)

  it("shows nothing that it printed when that is not as it should be", function()
    for _, text in ipairs {
      "hidden", '{"Version":1,"AccessKeyId":"hidden"}', '{"Version":"hidden"}',
    } do
      local credentials, message = load(("printf %%s '%s'"):format(text))
      assert.is_nil(credentials)
      assert.is_nil(message:find("hidden", 1, true), message)
    end
  end)
end)

describe("the verification of a server", function()
  local tls, folder

  setup(function()
    tls = faults.start_tls()
    folder = faults.read "mktemp -d"
  end)
  teardown(function()
    tls:stop()
    os.execute("rm -r " .. folder)
  end)

  local SCRIPT = [[
    local hub = require("lmigrationhub").new {
      region = "us-west-2", endpoint = "%s", max_attempts = 1,
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "hidden" },
    }
    local ok, failure = pcall(hub.list_migration_tasks, hub)
    print(failure.code)
    hub:close()
  ]]

  -- Of other tools, and of the libraries below: each of them would make one of those servers good,
  -- or turn the verification off.
  local function variables()
    return table.concat({
      "CURL_CA_BUNDLE=" .. tls.ca, "SSL_CERT_FILE=" .. tls.ca, "SSL_CERT_DIR=" .. tls.folder
        .. "/hashed", "REQUESTS_CA_BUNDLE=" .. tls.ca, "NODE_EXTRA_CA_CERTS=" .. tls.ca,
      "AWS_VERIFY_SSL=false", "AWS_NO_VERIFY_SSL=true", "NODE_TLS_REJECT_UNAUTHORIZED=0",
      "PYTHONHTTPSVERIFY=0", "GIT_SSL_NO_VERIFY=true", "CURL_INSECURE=1",
      "CURL_SSL_BACKEND=none", "SSLKEYLOGFILE=" .. folder .. "/keys", "CURL_HOME=" .. folder,
      "AWS_CA_BUNDLE=", "HOME=" .. folder, "AWS_CONFIG_FILE=" .. folder .. "/config",
    }, " ")
  end

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  local CONFIG = [[
[default]
verify_ssl = false
no_verify_ssl = true
verify = false
insecure = true
ssl_verify = 0
]]

  for _, name in ipairs { "good", "wrong_name", "expired", "self_signed", "unknown", "old" } do
    it("is turned off by no variable and no file: " .. name, function()
      write("config", CONFIG)
      write(".curlrc", "insecure\n")
      local output = faults.run_in("", variables(), SCRIPT:format(tls:url(name)))
      assert.equal("TLSError\nexit 0", output)
    end)
  end

  it("asks the authority that the user named, and no other", function()
    write("config", "[default]\nca_bundle = " .. tls.ca .. "\n")
    local function code_of(name)
      return faults.run_in("", variables(), SCRIPT:format(tls:url(name)))
    end
    assert.equal("InvalidResponse\nexit 0", code_of "good")
    assert.equal("TLSError\nexit 0", code_of "unknown")
  end)
end)

describe("an endpoint that nobody wrote", function()
  local REGIONS = {
    "us-west-2", "cn-northwest-1", "us-gov-west-1", "us-iso-west-1", "us-isob-east-1",
    "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1", "mars-north-9",
  }

  it("is one of https, of whatever service, region and kind", function()
    for _, service in ipairs { "mgh", "sts", "portal.sso", "oidc", "signin" } do
      for _, region in ipairs(REGIONS) do
        for kind = 0, 3 do
          local found = endpoint.resolve(service, {
            region = region, use_fips = kind % 2 == 1, use_dualstack = kind > 1,
          })
          if found then assert.matches("^https://[%w.-]+$", found.url) end
        end
      end
    end
  end)

  it("does not come of a region that looks like another host", function()
    for _, region in ipairs {
      "evil.example/", "evil.example#", "a@evil.example", "us-west-2.evil.example", "a:80",
      "a\r\nb", "../x", "a b", "a?b", "a\0b", "",
    } do
      assert.is_nil((endpoint.resolve("mgh", { region = region })))
    end
  end)
end)
