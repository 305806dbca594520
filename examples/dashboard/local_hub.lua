-- A local Migration Hub for a dashboard to show.

local server = require "spec.hub.server"

-- Of the caller's settings none goes along: the hub is not to be asked with real credentials.
local NONE = {
  AWS_PROFILE = "", AWS_SESSION_TOKEN = "", AWS_CONFIG_FILE = "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
}

local function environment_of(hub)
  local environment = {}
  for name, value in pairs(NONE) do environment[name] = value end
  for name, value in pairs(hub.environment) do environment[name] = value end
  -- nginx checks names in certificates, and for addresses it cannot.
  environment.AWS_ENDPOINT_URL_MIGRATION_HUB =
    hub.https_endpoint:gsub("127%.0%.0%.1", "localhost")
  return environment
end

--- Starts it.
---@param streams table? of its seed
---@return table hub
---@return table<string, string> environment what leads a client inside nginx to it, and any other
local function start(streams)
  local hub = server.start { seed = {
    region = "us-west-2",
    accounts = { {
      id = "123456789012",
      keys = { { access_key_id = "AKIAIOSFODNN7EXAMPLE", secret_access_key = "local" } },
      streams = streams,
    } },
  } }
  return hub, environment_of(hub)
end

return { start = start }
