-- A page that shows the migration tasks of the account as they go, until Ctrl-C:
--
--   lua5.4 examples/dashboard/main.lua [ADDRESS:PORT [NAME...]]
--
-- Region, credentials and endpoint come from the usual AWS_* environment variables. It is there for
-- this machine only, at a free port, unless ADDRESS:PORT says otherwise; then say by what NAME
-- browsers know it, and put a server with TLS and passwords before it: it asks for none.

package.path = "./?.lua;./examples/?.lua;" .. package.path

local dashboard = require "dashboard.server"
local socket = require "socket"

local function sleep_for_ever()
  while true do socket.sleep(0.2) end
end

local ok, server = pcall(dashboard.start, {
  listen = arg[1], names = { table.unpack(arg, 2) },
})
if not ok then
  io.stderr:write(tostring(server), "\n")
  os.exit(1)
end
print("The migrations are at " .. server.url .. " until Ctrl-C.")
io.stdout:flush()
pcall(sleep_for_ever) -- Ctrl-C raises in here
server:stop()
