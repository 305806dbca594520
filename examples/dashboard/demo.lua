-- The dashboard on a local Migration Hub with a migration that moves, until Ctrl-C.

package.path = "./?.lua;./examples/?.lua;" .. package.path

local dashboard = require "dashboard.server"
local local_hub = require "dashboard.local_hub"
local socket = require "socket"

local INTERVAL = 1 -- seconds between two polls: the hub is ours

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- It says a line when it has begun. In a session of its own it does not hear our Ctrl-C; it ends
-- by the number that it says first.
local function start_migration(environment)
  local words = { "exec setsid env" }
  for name, value in pairs(environment) do table.insert(words, name .. "=" .. quote(value)) end
  table.insert(words, "sh -c 'echo $$; exec lua5.4 examples/dashboard/migration.lua 2>&1'")
  local process = assert(io.popen(table.concat(words, " ")))
  local id = process:read "n"
  process:read "l"
  local line = process:read "l"
  if line ~= "The migration goes." then error(line) end
  return function()
    os.execute(("kill %d"):format(id))
    process:close()
  end
end

local function sleep_for_ever()
  while true do socket.sleep(0.2) end
end

local hub, environment = local_hub.start()
local stop_migration = start_migration(environment)
local server = dashboard.start {
  listen = os.getenv "LISTEN", interval = INTERVAL, environment = environment,
}
print("A migration to look at: " .. server.url .. "  (Ctrl-C ends it)")
io.stdout:flush()
pcall(sleep_for_ever) -- Ctrl-C raises in here
stop_migration()
server:stop()
hub:stop()
