local web_identity = require "lmigrationhub.credentials.web_identity"

local SETTINGS = {
  web_identity_token_file = "/token", role_arn = "arn:role", role_session_name = "job",
}

-- A context whose STS notes what it is asked, over one file.
local function new_context(content)
  local context = { asked = {} }
  function context.sts(...)
    context.asked = { ... }
    return "credentials"
  end
  function context.session_name() return "made-up" end
  function context.open(path)
    if not content then return nil, path .. ": No such file or directory", 2 end
    return { read = function() return content end, close = function() context.closed = true end }
  end
  return context
end

describe("lmigrationhub.credentials.web_identity", function()
  it("sends the file's text as it is, and signs nothing", function()
    local context = new_context "text\n"
    assert.equal("credentials", web_identity.load(SETTINGS, context))
    assert.same({ "AssumeRoleWithWebIdentity", {
      { "RoleArn", "arn:role" }, { "RoleSessionName", "job" }, { "WebIdentityToken", "text\n" },
    } }, context.asked)
    assert.is_true(context.closed)
  end)

  it("makes up a session name", function()
    local context = new_context "text"
    web_identity.load({ web_identity_token_file = "/token", role_arn = "arn:role" }, context)
    assert.same({ "RoleSessionName", "made-up" }, context.asked[2][2])
  end)

  it("has none without a token file", function()
    assert.same({ nil, "no web identity token file is set" }, { web_identity.load({}, {}) })
  end)

  it("takes a token file without role for a mistake", function()
    assert.same({ nil, "the web identity token file is set, but no role_arn", true },
      { web_identity.load({ web_identity_token_file = "/token", role_arn = false }, {}) })
  end)

  it("says why the token cannot be read", function()
    assert.same({ nil, "web identity token file: /token: No such file or directory", true },
      { web_identity.load(SETTINGS, new_context()) })
    assert.same({ nil, "web identity token file: /token: empty", true },
      { web_identity.load(SETTINGS, new_context "") })
  end)
end)
