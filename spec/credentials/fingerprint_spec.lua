local fingerprint = require "lmigrationhub.credentials.fingerprint"

local function settings_with(changes)
  local settings = {
    region = "us-west-2", timeout = 30, use_fips = false, profile_in_code = false,
    files = {
      home = "/home/ada", services = {}, sso_sessions = {},
      profiles = { default = { role_arn = "a", s3 = { ["a"] = "b" } }, work = {} },
    },
  }
  for name, value in pairs(changes or {}) do settings[name] = value end
  return settings
end

local function files_with(profiles)
  return { files = { home = "/home/ada", services = {}, sso_sessions = {}, profiles = profiles } }
end

describe("lmigrationhub.credentials.fingerprint", function()
  local plain = fingerprint.of(settings_with())

  it("is 64 hexadecimal digits, the same each time", function()
    assert.matches("^" .. ("%x"):rep(64) .. "$", plain)
    assert.equal(plain, fingerprint.of(settings_with()))
  end)

  it("is the same in every Lua", function()
    assert.equal("5a4bf9b2494fdbabec16ab305cac6ce5ce7cd85d222eb13fae7805b5a632daab", plain)
  end)

  local OTHERS = {
    { region = "us-east-1" }, { region = "" }, { timeout = 30.5 }, { timeout = "30" },
    { use_fips = true }, { use_fips = "false" }, { role_arn = "a" }, { profile = "work" },
    { endpoint_sts = "https://sts" }, { container_authorization_token = "secret" },
    files_with { default = { role_arn = "a", s3 = { a = "c" } }, work = {} },
    files_with { default = { role_arn = "a", s3 = { a = "b" } } },
    files_with { default = { role_arn = "a", s3 = { a = "b" }, work = {} } },
    files_with { default = { role_arn = "a", s3 = "{s1:as1:b}" }, work = {} },
  }
  it("differs with any setting, and with what the files say", function()
    local seen = { [plain] = "the first" }
    for index, changes in ipairs(OTHERS) do
      local found = fingerprint.of(settings_with(changes))
      assert.is_nil(seen[found], index)
      seen[found] = index
    end
  end)

  it("leaves out what no other process could tell", function()
    local changes = { logger = print, mfa_code = error, transport = { name = "mine" } }
    assert.equal(plain, fingerprint.of(settings_with(changes)))
  end)
end)
