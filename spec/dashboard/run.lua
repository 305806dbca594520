-- Tests the dashboard end to end in a browser, on a local hub: prints TAP, then the line
-- `N passed, N failed`.

package.path = "./?.lua;./examples/?.lua;" .. package.path

local dashboard = require "dashboard.server"
local local_hub = require "dashboard.local_hub"

local INTERVAL = 0.2 -- seconds between two polls

local HOSTILE = {
  stream = '<b>DMS & "co"\'', -- a slash is not allowed here
  name = '<script>window.hacked = 1</script>"\'><img src=x onerror=window.hacked=1> \u{202E}dlo',
  detail = '</bdi><img src=x onerror="window.hacked=1">&lt;\u{202E}\u{2066}{{7*7}}',
}

local function update(time, status, percent, detail)
  return {
    UpdateDateTime = time, UpdateType = "MIGRATION_TASK_STATE_UPDATED",
    MigrationTaskState = { Status = status, ProgressPercent = percent, StatusDetail = detail },
  }
end

local STREAMS = {
  { name = "SMS", tasks = {
    { name = "done.example.com",
      generate = { updates = 12, start = 1733907600, every = 60, seed = 2 } },
    { name = "moving.example.com", updates = {
      update(1733907600, "NOT_STARTED", 0),
      update(1733907660, "IN_PROGRESS", 20, "Replicating"),
      update(1733907720, "IN_PROGRESS", nil, "Replicating still"),
      update(1733907780, "IN_PROGRESS", 40, "Replicating volume 1"),
    } },
    { name = "failing.example.com", updates = { update(1733907600, "IN_PROGRESS", 30, "") } },
    { name = "waiting.example.com", updates = {} },
    { name = "long.example.com", generate = {
      updates = 400, start = 1733907600, every = 30, seed = 3, ends = "IN_PROGRESS",
      reaches = 90,
    } },
  } },
  { name = HOSTILE.stream, tasks = {
    { name = HOSTILE.name, updates = { update(1733907600, "IN_PROGRESS", 5, HOSTILE.detail) } },
  } },
}

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function command(environment)
  local words = { "env" }
  for name, value in pairs(environment) do table.insert(words, name .. "=" .. quote(value)) end
  table.insert(words, "node spec/dashboard/browser.js 2>&1")
  return table.concat(words, " ")
end

-- Passes TAP on; -> passed, failed. A run that dies before its plan has failed.
local function count(output)
  local passed, failed, planned = 0, 0, 0
  for line in output:lines() do
    print(line)
    if line:find "^ok %d" then passed = passed + 1 end
    if line:find "^not ok %d" then failed = failed + 1 end
    planned = tonumber(line:match "^1%.%.(%d+)$") or planned
  end
  local is_complete = planned > 0 and planned == passed + failed
  return passed, is_complete and failed or failed + 1
end

local hub, environment = local_hub.start(STREAMS)
local server = dashboard.start { interval = INTERVAL, environment = environment }
environment.DASHBOARD, environment.HUB = server.url, hub.endpoint
environment.ERROR_LOG = server.folder .. "/error.log"
environment.HOSTILE_STREAM, environment.HOSTILE_NAME = HOSTILE.stream, HOSTILE.name
environment.HOSTILE_DETAIL = HOSTILE.detail
local output = assert(io.popen(command(environment)))
local passed, failed = count(output)
output:close()
server:stop()
hub:stop()
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
