local explicit = require "lmigrationhub.credentials.explicit"

local KEYS = { access_key_id = "id", secret_access_key = "hidden" }

describe("lmigrationhub.credentials.explicit", function()
  it("has none when none are given", function()
    assert.same({ nil, "none given in code" }, { explicit.load {} })
  end)

  it("copies a table", function()
    local copy = explicit.load { credentials = KEYS }
    assert.same(KEYS, copy)
    assert.are_not.equal(KEYS, copy)
  end)

  it("calls a function, and copies what that gives", function()
    local given = {
      access_key_id = "id", secret_access_key = "hidden", session_token = "token",
      account_id = "123456789012", expiration = 1700000000.5,
    }
    local copy = explicit.load { credentials = function() return given end }
    assert.same(given, copy)
    assert.are_not.equal(given, copy)
  end)

  it("tells what the function said", function()
    local function vault() return nil, "the vault is sealed" end
    assert.same(
      { nil, "the function gave no credentials: the vault is sealed", true, "CredentialsError" },
      { explicit.load { credentials = vault } })
  end)

  it("tells when the function gives nothing", function()
    local _, message, is_broken = explicit.load { credentials = function() end }
    assert.equal("the function gave no credentials: got nil", message)
    assert.is_true(is_broken)
  end)

  for name, value in pairs {
    access_key_id = 1, secret_access_key = "", session_token = {}, account_id = 123456789012,
    expiration = "2026-01-01T00:00:00Z",
  } do
    it("refuses a wrong " .. name .. " from the function, without showing a secret", function()
      local given = { access_key_id = "id", secret_access_key = "hidden", [name] = value }
      local credentials, message, is_broken = explicit.load {
        credentials = function() return given end,
      }
      assert.is_nil(credentials)
      assert.is_true(is_broken)
      assert.matches(name, message)
      assert.not_matches("hidden", message)
    end)
  end

  it("is only asked again when the credentials end", function()
    assert.is_true(explicit.is_late)
  end)
end)
