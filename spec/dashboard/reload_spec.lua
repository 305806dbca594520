-- The dashboard while nginx is reloaded.

local dashboard = require "examples.dashboard.server"
local hubs = require "spec.hub.server"
local socket = require "socket"
local tasks = require "spec.reload.tasks"

local TIMEOUT = 15 -- seconds
local REQUEST = "GET /events?stream=SMS&name=endless HTTP/1.1\r\nHost: localhost\r\n\r\n"

describe("the dashboard", function()
  local hub, served

  lazy_setup(function()
    hub = hubs.start { seed = tasks.seed }
    hub.environment.AWS_ENDPOINT_URL_MIGRATION_HUB =
      hub.https_endpoint:gsub("127%.0%.0%.1", "localhost")
    served = dashboard.start { interval = 0.1, environment = hub.environment }
  end)
  lazy_teardown(function()
    served:stop()
    hub:stop()
  end)

  it("ends a viewer's connection when nginx reloads, but not the task", function()
    local connection = assert(socket.connect("127.0.0.1", tonumber(served.place:match "%d+$")))
    finally(function() connection:close() end)
    connection:settimeout(TIMEOUT)
    connection:send(REQUEST)
    repeat
      local line = assert(connection:receive "*l")
    until line:find "^data: .*IN_PROGRESS"
    os.execute(("kill -HUP $(cat '%s/nginx.pid')"):format(served.folder))
    local lines = {}
    repeat
      local line, problem = connection:receive "*l"
      table.insert(lines, line)
    until not line or problem
    local rest = table.concat(lines, "\n")
    assert.equal("0", lines[#lines - 1]) -- the last chunk
    assert.is_nil(rest:find("event: end", 1, true))
  end)
end)
