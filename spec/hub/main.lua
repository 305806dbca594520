-- The local Migration Hub in the foreground, for a person: lua5.4 spec/hub/main.lua [--seed FILE]

package.path = "./?.lua;./?/init.lua;" .. package.path

local server = require "spec.hub.server"
local socket = require "socket"

local ORDER = {
  "AWS_ENDPOINT_URL_MIGRATION_HUB", "AWS_CA_BUNDLE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
  "AWS_REGION",
}

local function parse(arguments)
  if #arguments == 0 then return {} end
  if #arguments == 2 and arguments[1] == "--seed" then return { seed = arguments[2] } end
  io.stderr:write("usage: lua5.4 spec/hub/main.lua [--seed FILE]\n")
  os.exit(2)
end

local function sleep_for_ever()
  while true do socket.sleep(0.2) end
end

local hub = server.start(parse(arg))
print "# A Migration Hub is running. Paste this into another terminal; Ctrl-C here stops it."
for _, name in ipairs(ORDER) do print(("export %s='%s'"):format(name, hub.environment[name])) end
io.stdout:flush()
pcall(sleep_for_ever) -- Ctrl-C raises in here
hub:stop()
