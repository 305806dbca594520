local credentials = require "lmigrationhub.credentials"

local GIVEN = { access_key_id = "given", secret_access_key = "secret" }
local ENVIRONMENT = {
  access_key_id = "environment", secret_access_key = "secret", session_token = "token",
}

local function with(settings, more)
  local all = {}
  for name, value in pairs(settings) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

describe("lmigrationhub.credentials", function()
  it("takes what was given in code before the environment", function()
    local get = credentials.new(with(ENVIRONMENT, { credentials = GIVEN }))
    assert.same(GIVEN, get())
  end)

  it("takes the environment's, with session token", function()
    assert.same(ENVIRONMENT, credentials.new(ENVIRONMENT)())
  end)

  it("says provider by provider why there are none", function()
    local found, failure = credentials.new({})()
    assert.is_nil(found)
    assert.equal("credentials", failure.kind)
    assert.equal("NoCredentials", failure.code)
    assert.equal("unable to locate credentials (option credentials: none given in code; "
      .. "environment: AWS_ACCESS_KEY_ID is not set)", failure.message)
  end)

  it("takes half a key pair for a mistake", function()
    for _, half in ipairs { { access_key_id = "x" }, { secret_access_key = "hidden" } } do
      local found, failure = credentials.new(half)()
      assert.is_nil(found)
      assert.equal("InvalidCredentials", failure.code)
      assert.falsy(tostring(failure):find "hidden")
    end
  end)

  it("looks again after a failure", function()
    local settings = {}
    local get = credentials.new(settings)
    assert.is_nil((get()))
    settings.access_key_id, settings.secret_access_key = "x", "y"
    assert.equal("x", get().access_key_id)
  end)
end)
