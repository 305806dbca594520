-- Runs the program that it is given against a local Migration Hub: main.lua PROGRAM [all].
local server = require "spec.hub.server"

local hub = server.start()
local _, _, status = os.execute(("%s %s %s %s %s"):format(
  arg[1], hub.endpoint, hub.https_endpoint, hub.ca_file, arg[2] or ""))
hub:stop()
os.exit(status)
