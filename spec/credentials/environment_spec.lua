local environment = require "lmigrationhub.credentials.environment"

describe("lmigrationhub.credentials.environment", function()
  it("gives all that the variables hold", function()
    assert.same({
      access_key_id = "id", secret_access_key = "hidden", session_token = "token",
      account_id = "123456789012", expiration = 1767225600,
    }, environment.load {
      access_key_id = "id", secret_access_key = "hidden", session_token = "token",
      account_id = "123456789012", credential_expiration = "2026-01-01T00:00:00Z",
    })
  end)

  it("has none without variables", function()
    assert.same({ nil, "AWS_ACCESS_KEY_ID is not set" }, { environment.load {} })
  end)

  it("takes blank variables for unset ones", function()
    local blank = { access_key_id = " ", secret_access_key = " ", session_token = " " }
    assert.same({ nil, "AWS_ACCESS_KEY_ID is not set" }, { environment.load(blank) })
  end)

  it("takes half a key pair for a mistake", function()
    assert.same({ nil, "partial credentials, missing: AWS_SECRET_ACCESS_KEY", true },
      { environment.load { access_key_id = "id" } })
    assert.same({ nil, "partial credentials, missing: AWS_ACCESS_KEY_ID", true },
      { environment.load { secret_access_key = "hidden" } })
  end)

  it("refuses an expiration that is no time", function()
    assert.same({ nil, "AWS_CREDENTIAL_EXPIRATION is no time", true }, { environment.load {
      access_key_id = "id", secret_access_key = "hidden", credential_expiration = "soon",
    } })
  end)
end)
