-- Lists all updates of a migration task, page by page:
--
--   lua5.4 examples/updates.lua STREAM TASK
--
-- Region, credentials and endpoint come from the usual AWS_* environment variables.

local migrationhub = require "lmigrationhub"

local BAR_WIDTH = 20
local COLORS = { COMPLETED = "\27[32m", FAILED = "\27[31m", IN_PROGRESS = "\27[36m" }
local PLAIN = "\27[0m"

local function is_terminal()
  local result = os.execute "test -t 1"
  return result == true or result == 0
end

-- Seconds since some point in the past, to 10 ms where the system tells.
local function clock()
  local file = io.open "/proc/uptime"
  if not file then return os.time() end
  local seconds = file:read "*n"
  file:close()
  return seconds
end

local function bar(percent)
  local filled = math.floor(math.min(percent, 100) * BAR_WIDTH / 100)
  return "[" .. ("#"):rep(filled) .. ("."):rep(BAR_WIDTH - filled) .. "]"
end

local function row(update, colored)
  local state = update.MigrationTaskState or {}
  local status, percent = state.Status or "?", state.ProgressPercent or 0
  local detail = (state.StatusDetail or ""):gsub("%c", " ")
  local time = os.date("!%Y-%m-%d %H:%M:%S", math.floor(update.UpdateDateTime or 0))
  local line = ("%s  %-11s  %s %3d %%  %s"):format(time, status, bar(percent), percent, detail)
  local color = colored and COLORS[status]
  return color and color .. line .. PLAIN or line
end

local function list(stream, task)
  local hub = migrationhub.new()
  local colored, started = is_terminal(), clock()
  local updates, pages, page = 0, 0, nil
  for update, cursor in hub:migration_task_updates {
    ProgressUpdateStream = stream, MigrationTaskName = task,
  } do
    if cursor.page ~= page then page, pages = cursor.page, pages + 1 end
    updates = updates + 1
    print(row(update, colored))
  end
  hub:close()
  print(("%d updates in %d pages, %.2f s"):format(updates, pages, clock() - started))
end

if #arg ~= 2 then
  io.stderr:write("usage: lua5.4 examples/updates.lua STREAM TASK\n")
  os.exit(2)
end

local ok, problem = pcall(list, arg[1], arg[2])
if not ok then
  io.stderr:write(tostring(problem), "\n")
  os.exit(1)
end
