local config = require "lmigrationhub.config"

local function environment(variables)
  return function(name) return variables[name] end
end

local function message_of(options, variables)
  local settings, failure = config.new(options, environment(variables or {}))
  assert.is_nil(settings)
  assert.equal("config", failure.kind)
  assert.equal("InvalidConfiguration", failure.code)
  return failure.message
end

describe("lmigrationhub.config", function()
  it("has defaults", function()
    local defaults = { max_attempts = 3, connect_timeout = 5, timeout = 30 }
    assert.same(defaults, config.new(nil, environment {}))
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
    local reads = {}
    config.new({}, function(name) reads[name] = (reads[name] or 0) + 1 end)
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
    { access_key_id = "x" },
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

  it("says which source held a bad value, and never the value", function()
    local message = message_of({}, { AWS_SECRET_ACCESS_KEY = "hidden\n", AWS_ACCESS_KEY_ID = "x" })
    assert.truthy(message:find("environment variable AWS_SECRET_ACCESS_KEY", 1, true))
    assert.falsy(message:find "hidden")
  end)
end)
