local user_agent = require "lmigrationhub.user_agent"

describe("lmigrationhub.user_agent", function()
  it("names library, system, language, retry mode and features", function()
    local describe_client = user_agent.new("1.2.3", { retry_mode = "standard", os = "linux" })
    local text = describe_client("environment", false)
    local language = rawget(_G, "jit") and "lang/luajit#%S+" or "lang/lua#5%.%d"
    assert.truthy(text:find(
      "^lmigrationhub/1%.2%.3 ua/2%.1 os/linux " .. language .. " cfg/retry%-mode#standard m/E,g$"))
  end)

  it("says what is in use", function()
    local settings = { retry_mode = "adaptive", endpoint = "http://localhost", app_id = "my app/1" }
    local text = user_agent.new("1", settings)("imds", true)
    assert.truthy(text:find(" os/other ", 1, true))
    assert.truthy(text:find(" app/my-app-1 m/F,C,N,0", 1, true))
  end)

  it("lets no header in through the app id", function()
    local settings = { retry_mode = "standard", app_id = "a\r\nb: c" }
    assert.falsy(user_agent.new("1", settings)(nil, false):find "[\r\n]")
  end)
end)
