-- Runs the example on a local Migration Hub that lives no longer than it.
local server = require "spec.hub.server"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Of the caller's settings only these go along: the hub is not to be asked with real credentials.
local function command(environment)
  local words = { "env -i" }
  for _, name in ipairs { "PATH", "TERM", "LANG", "LUA_PATH", "LUA_CPATH" } do
    table.insert(words, name .. "=" .. quote(os.getenv(name) or ""))
  end
  for name, value in pairs(environment) do
    table.insert(words, name .. "=" .. quote(value))
  end
  table.insert(words, "lua5.4 examples/updates.lua SMS sms-12de3cf1a")
  return table.concat(words, " ")
end

local hub = server.start { seed = "spec/hub/demo.json" }
local ok = os.execute(command(hub.environment))
hub:stop()
os.exit(ok)
