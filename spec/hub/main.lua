-- The local Migration Hub for a person: until Ctrl-C, or for as long as a command of his runs.
--   lua5.4 spec/hub/main.lua [--seed FILE] [--save FILE] [COMMAND [ARGUMENT…]]

package.path = "./?.lua;./?/init.lua;" .. package.path

local server = require "spec.hub.server"
local socket = require "socket"

local SETTINGS = {
  "AWS_ENDPOINT_URL_MIGRATION_HUB", "AWS_CA_BUNDLE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
  "AWS_REGION", "AWS_DEFAULT_REGION",
}
-- Settings of the person's own that would come before these.
local IN_THE_WAY = { "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN" }

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function refuse()
  io.stderr:write(
    "usage: lua5.4 spec/hub/main.lua [--seed FILE] [--save FILE] [COMMAND [ARGUMENT...]]\n")
  os.exit(2)
end

local function parse(arguments)
  local options, index = {}, 1
  while arguments[index] == "--seed" or arguments[index] == "--save" do
    options[arguments[index]:sub(3)] = arguments[index + 1] or refuse()
    index = index + 2
  end
  if arguments[index] and arguments[index]:find "^%-" then refuse() end
  options.command = table.move(arguments, index, #arguments, 1, {})
  return options
end

-- -> the command's exit status
local function run(command, environment)
  local words = { "env" }
  for _, name in ipairs(IN_THE_WAY) do table.insert(words, "-u " .. name) end
  for _, name in ipairs(SETTINGS) do
    table.insert(words, name .. "=" .. quote(environment[name]))
  end
  for _, word in ipairs(command) do table.insert(words, quote(word)) end
  local _, how, code = os.execute(table.concat(words, " "))
  return how == "exit" and code or 128 + code
end

local function sleep_for_ever()
  while true do socket.sleep(0.2) end
end

local function announce(environment)
  print "# A Migration Hub is running. Paste this into another terminal; Ctrl-C here stops it."
  print("unset " .. table.concat(IN_THE_WAY, " "))
  for _, name in ipairs(SETTINGS) do
    print(("export %s=%s"):format(name, quote(environment[name])))
  end
  io.stdout:flush()
end

local function serve(options, hub)
  if #options.command > 0 then return run(options.command, hub.environment) end
  announce(hub.environment)
  pcall(sleep_for_ever) -- Ctrl-C raises in here
  return 0
end

local options = parse(arg)
local hub = server.start { seed = options.seed }
local status = serve(options, hub)
if options.save then hub:save(options.save) end
hub:stop()
os.exit(status)
