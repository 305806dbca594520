local static = require "lmigrationhub.credentials.static"

local function load(profile, name)
  return static.load { profile = name, files = { profiles = { [name or "default"] = profile } } }
end

describe("lmigrationhub.credentials.static", function()
  it("gives the keys of the default profile", function()
    assert.same({ access_key_id = "id", secret_access_key = "hidden" },
      load { aws_access_key_id = "id", aws_secret_access_key = "hidden" })
  end)

  it("gives the token and account of the profile that is named", function()
    assert.same({
      access_key_id = "id", secret_access_key = "hidden", session_token = "token",
      account_id = "123456789012",
    }, load({
      aws_access_key_id = "id", aws_secret_access_key = "hidden", aws_session_token = "token",
      aws_account_id = "123456789012",
    }, "work"))
  end)

  it("takes the token by its older name first", function()
    assert.equal("older", load {
      aws_access_key_id = "id", aws_secret_access_key = "hidden", aws_session_token = "newer",
      aws_security_token = "older",
    }.session_token)
  end)

  it("has none without keys", function()
    assert.same({ nil, "none" }, { load { region = "us-west-2" } })
    assert.same({ nil, "none" },
      { load { aws_access_key_id = "", aws_secret_access_key = { nested = "x" } } })
  end)

  it("takes half a key pair for a mistake", function()
    assert.same({ nil, "partial credentials, missing: aws_secret_access_key", true },
      { load { aws_access_key_id = "id" } })
    assert.same({ nil, "partial credentials, missing: aws_access_key_id", true },
      { load { aws_secret_access_key = "hidden" } })
  end)
end)
