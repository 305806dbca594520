local config = require "lmigrationhub.config"
local conformance = require "spec.conformance"
local endpoint = require "lmigrationhub.endpoint"

-- A world with these variables and this ~/.aws/config.
-- A file that can be read once, from the beginning.
local function file_of(text)
  return {
    read = function()
      local rest = text
      text = nil
      return rest
    end,
    close = function() return true end,
  }
end

-- A world with these variables and this ~/.aws/config.
local function environment(variables, config_file)
  return {
    getenv = function(name) return name == "HOME" and "/home/user" or variables[name] end,
    open = function(path)
      local is_there = path == "/home/user/.aws/config" and config_file
      if is_there then return file_of(config_file) end
      return nil, path .. ": No such file or directory", 2
    end,
  }
end

local function message_of(options, variables, config_file)
  local settings, failure = config.new(options, environment(variables or {}, config_file))
  assert.is_nil(settings)
  assert.equal("config", failure.kind)
  assert.equal("InvalidConfiguration", failure.code)
  return failure.message
end

describe("lmigrationhub.config", function()
  it("has defaults", function()
    local settings = config.new(nil, environment {})
    assert.same({ 3, 5, 30, "standard", true }, {
      settings.max_attempts, settings.connect_timeout, settings.timeout, settings.retry_mode,
      settings.correct_clock_skew,
    })
    assert.is_nil(settings.region)
  end)

  it("prefers code to environment", function()
    local variables = environment { AWS_REGION = "eu-west-1", AWS_CA_BUNDLE = "/env.pem" }
    local settings = config.new({ region = "us-west-2" }, variables)
    assert.equal("us-west-2", settings.region)
    assert.equal("/env.pem", settings.ca_file)
  end)

  it("knows the environment's names in their order", function()
    local settings = config.new({}, environment {
      AWS_REGION = "eu-west-1", AWS_DEFAULT_REGION = "us-east-1",
      AWS_ENDPOINT_URL = "https://all", AWS_ENDPOINT_URL_MIGRATION_HUB = "https://hub",
      AWS_ACCESS_KEY_ID = "id", AWS_SECRET_ACCESS_KEY = "secret", AWS_SESSION_TOKEN = "token",
    })
    assert.equal("eu-west-1", settings.region)
    assert.equal("https://hub", settings.endpoint)
    assert.equal("id", settings.access_key_id)
    assert.equal("secret", settings.secret_access_key)
    assert.equal("token", settings.session_token)
  end)

  it("takes an empty variable for an unset one", function()
    local variables = environment { AWS_REGION = "", AWS_DEFAULT_REGION = "us-east-1" }
    assert.equal("us-east-1", config.new({}, variables).region)
  end)

  it("reads each variable once", function()
    local reads, world = {}, environment {}
    world.getenv = function(name) reads[name] = (reads[name] or 0) + 1 end
    config.new({}, world)
    assert.equal(1, reads.AWS_REGION)
    for _, count in pairs(reads) do assert.equal(1, count) end
  end)

  it("copies credentials", function()
    local given = { access_key_id = "id", secret_access_key = "secret" }
    local settings = config.new({ credentials = given }, environment {})
    given.secret_access_key = "changed"
    assert.same({ access_key_id = "id", secret_access_key = "secret" }, settings.credentials)
  end)

  it("names all that is wrong at once", function()
    assert.equal("option max_attempts must be a whole number from 1; "
      .. "option timeout must be a positive number of seconds; unknown option regoin",
      message_of { regoin = "x", max_attempts = 0, timeout = -1 })
  end)

  local WRONG = {
    { region = "" }, { region = 5 }, { region = "a\nb" }, { endpoint = false },
    { max_attempts = 1.5 },
    { max_attempts = "x" }, { connect_timeout = 0 }, { timeout = math.huge }, { timeout = 0 / 0 },
    { timeout = {} }, { ca_file = true }, { proxy = 1 }, { transport = "x" }, { transport = {} },
    { credentials = "x" }, { credentials = {} }, { credentials = { access_key_id = "x" } },
    { credentials = { access_key_id = "x", secret_access_key = "" } },
    { credentials = { access_key_id = "x", secret_access_key = "y", sesion_token = "z" } },
    { credentials = { access_key_id = "x", secret_access_key = "y\n" } },
    { access_key_id = "x" }, { app_id = ("x"):rep(51) }, { app_id = "a\nb" },
    { cache = "" }, { cache = true },
  }
  for _, options in ipairs(WRONG) do
    local name, value = next(options)
    it(("refuses %s = %s"):format(name,
      type(value) == "table" and "{…}" or tostring(value):gsub("%c", " ")),
      function() assert.truthy(message_of(options):find("option " .. name, 1, true)) end)
  end

  for _, options in ipairs { "text", 5, true, print } do
    it("refuses a " .. type(options) .. " for options", function()
      assert.equal("the options must be a table, got " .. type(options), message_of(options))
    end)
  end

  it("takes no value of a variable whose name another's begins with", function()
    local function nginx(name) -- in an init phase, with `env AWS_ENDPOINT_URL_SSO=https://sso;`
      return name:find "^AWS_ENDPOINT_URL_SSO" and "https://sso" or nil
    end
    local world = environment {}
    world.getenv = nginx
    local settings = config.new({}, world)
    assert.equal("https://sso", settings.endpoint_sso)
    assert.is_nil(settings.endpoint_sso_oidc)
  end)

  it("takes what neither code nor environment say from the profile", function()
    local file = "[default]\nregion = eu-west-1\nmax_attempts = 5\nuse_fips_endpoint = TRUE\n"
      .. "[profile other]\nregion = eu-west-2\nretry_mode = legacy\nca_bundle = /b.pem\n"
    local settings = config.new({}, environment({}, file))
    assert.same({ "eu-west-1", 5, true }, {
      settings.region, settings.max_attempts, settings.use_fips,
    })
    settings = config.new({}, environment({ AWS_PROFILE = "other" }, file))
    assert.same({ "eu-west-2", "standard", "/b.pem" }, {
      settings.region, settings.retry_mode, settings.ca_file,
    })
    assert.is_false(settings.profile_in_code)
    settings = config.new({ profile = "other" }, environment({ AWS_REGION = "us-east-1" }, file))
    assert.equal("us-east-1", settings.region)
    assert.is_true(settings.profile_in_code)
  end)

  it("wants a profile that was named to be there", function()
    assert.equal("the config profile (other) could not be found",
      message_of({}, { AWS_PROFILE = "other" }))
    assert.equal("the config profile (other) could not be found", message_of { profile = "other" })
  end)

  it("wants the services section to be there", function()
    assert.equal("profile default names the services section x, which is not there",
      message_of({}, {}, "[default]\nservices = x\n"))
  end)

  it("names profile and key of a bad value", function()
    assert.equal("key max_attempts of profile default must be a whole number from 1; "
      .. "key use_dualstack_endpoint of profile default must be true or false",
      message_of({}, {}, "[default]\nmax_attempts = many\nuse_dualstack_endpoint = yes\n"))
  end)

  it("takes an application id of 50 bytes and no more", function()
    local longest = ("x"):rep(50)
    assert.equal(longest, config.new({ app_id = longest }, environment {}).app_id)
    local message = message_of({}, { AWS_SDK_UA_APP_ID = longest .. "x" })
    assert.truthy(message:find("a string of 1 to 50 bytes", 1, true))
  end)

  it("knows the two ways to find STS", function()
    local function mode(value)
      local variables = { AWS_STS_REGIONAL_ENDPOINTS = value }
      return config.new({}, environment(variables)).sts_regional_endpoints
    end
    assert.same({ "regional", "regional", "legacy" }, { mode(nil), mode "Regional", mode "LEGACY" })
    assert.truthy(message_of({}, { AWS_STS_REGIONAL_ENDPOINTS = "global" })
      :find("regional or legacy", 1, true))
  end)

  it("reads true and false, in capitals too", function()
    for text, expected in pairs { ["False"] = false, ["TRUE"] = true } do
      local variables = { AWS_USE_FIPS_ENDPOINT = text }
      assert.equal(expected, config.new({}, environment(variables)).use_fips)
    end
  end)

  it("ignores all URLs but that of the code when told to", function()
    local settings = config.new({ endpoint = "https://code" }, environment({
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "true", AWS_ENDPOINT_URL_STS = "https://variable",
    }, "[default]\nendpoint_url = https://file\n"))
    assert.equal("https://code", settings.endpoint)
    assert.is_nil(settings.endpoint_sts)
  end)

  it("names file and line of what it cannot read", function()
    assert.truthy(message_of({}, {}, "[default]\nnonsense\n"):find("config, line 2: ", 1, true))
  end)

  it("finds the URL of STS beside that of Migration Hub", function()
    local file = "[default]\nservices = s\nendpoint_url = https://all\n"
      .. "[services s]\nsts =\n  endpoint_url = https://sts\n"
    local settings = config.new({}, environment({}, file))
    assert.same({ "https://all", "https://sts" }, { settings.endpoint, settings.endpoint_sts })
    settings = config.new({ endpoint = "https://code" }, environment({}, file))
    assert.same({ "https://code", "https://sts" }, { settings.endpoint, settings.endpoint_sts })
  end)

  conformance.each("endpoints/configured-endpoint-urls.json", function(data)
    local file = conformance.text "endpoints/configured-endpoint-urls.config"
    for index, case in ipairs(data.cases) do
      it(("public case %d: %s"):format(index, case.name), function()
        local given = case.client_config
        local settings = assert(config.new({
          endpoint = given.endpoint_url,
          ignore_configured_endpoint_urls = given.ignore_configured_endpoint_urls,
        }, environment(case.environment, file)))
        assert.equal(case.expect.url, assert(endpoint.resolve("mgh", settings)).url)
      end)
    end
  end)

  conformance.each("config/file-location.json", function(data)
    for _, case in ipairs(data.cases) do
      if type(case.profile) == "string" then
        it("public case: profile of " .. case.name, function()
          local world = environment(case.environment)
          world.open = function() return file_of(("[profile %s]\n"):format(case.profile)) end
          local settings = assert(config.new({}, world))
          assert.equal(case.profile, settings.profile or "default")
        end)
      end
    end
  end)

  it("says which source held a bad value, and never the value", function()
    local message = message_of({}, { AWS_SECRET_ACCESS_KEY = "hidden\n", AWS_ACCESS_KEY_ID = "x" })
    assert.truthy(message:find("environment variable AWS_SECRET_ACCESS_KEY", 1, true))
    assert.falsy(message:find "hidden")
  end)
end)
