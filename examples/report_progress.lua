-- The other side: tells Migration Hub how a migration goes.
--
--   migrate | lua5.4 examples/report_progress.lua STREAM TASK HOST ARTIFACT
--
-- Each line that `migrate` prints, `PERCENT DETAIL`, becomes a state of the task. At 100 it has
-- COMPLETED, and ARTIFACT (an ARN, of the new image say) is attached; when the lines end before, it
-- has FAILED. HOST is the fully qualified name of the server that moves.

local migrationhub = require "lmigrationhub"

local NEXT_UPDATE = 300 -- seconds in which the next state is promised; later ones look stale

-- What every operation upon the task is told, and what this one is told besides.
local function with(task, members)
  members.ProgressUpdateStream, members.MigrationTaskName = task.stream, task.name
  return members
end

-- Each of these may be said again: a second run goes on with what the first one made.
local function register(hub, task)
  hub:create_progress_update_stream { ProgressUpdateStreamName = task.stream }
  hub:import_migration_task(with(task, {}))
  hub:put_resource_attributes(with(task, {
    ResourceAttributeList = { { Type = "FQDN", Value = task.host } },
  }))
end

local function report(hub, task, status, detail)
  hub:notify_migration_task_state(with(task, {
    Task = { Status = status, StatusDetail = detail, ProgressPercent = task.percent },
    UpdateDateTime = os.time(),
    NextUpdateSeconds = NEXT_UPDATE,
  }))
  print(("%-11s %3d %%  %s"):format(status, task.percent, detail))
end

-- A line without a percentage leaves it as it was.
local function parse(line, task)
  local percent, detail = line:match "^%s*(%d+)%s*(.*)$"
  if not percent then return line end
  task.percent = math.min(tonumber(percent), 100)
  return detail
end

local function pass_on(hub, task)
  report(hub, task, "NOT_STARTED", "Waiting for " .. task.host)
  for line in io.lines() do
    local detail = parse(line, task)
    if task.percent == 100 then
      hub:associate_created_artifact(with(task, {
        CreatedArtifact = { Name = task.artifact, Description = detail },
      }))
      return report(hub, task, "COMPLETED", detail)
    end
    report(hub, task, "IN_PROGRESS", detail)
  end
  error(("The migration ended at %d %%"):format(task.percent), 0)
end

local function main(task)
  local hub = migrationhub.new()
  register(hub, task)
  local ok, problem = pcall(pass_on, hub, task)
  -- Whoever watches the task learns of the failure, if the service can still be told.
  if not ok then pcall(report, hub, task, "FAILED", tostring(problem)) end
  hub:close()
  if not ok then error(problem, 0) end
end

if #arg ~= 4 then
  io.stderr:write("usage: lua5.4 examples/report_progress.lua STREAM TASK HOST ARTIFACT\n")
  os.exit(2)
end

io.stdout:setvbuf "line"
local ok, problem = pcall(main, {
  stream = arg[1], name = arg[2], host = arg[3], artifact = arg[4], percent = 0,
})
if not ok then
  io.stderr:write(tostring(problem), "\n")
  os.exit(1)
end
