-- Lists the updates of a migration task some at a time: each run goes on where the last one ended.
--
--   lua5.4 examples/resume.lua STREAM TASK POSITION_FILE [COUNT]
--
-- The file holds the position behind the last update that was printed, also after a run that an
-- error or Ctrl-C cut short. A position is good for 24 hours.

local migrationhub = require "lmigrationhub"

local function read_position(path)
  local file = io.open(path)
  if not file then return nil end -- the first run
  local position = file:read "*a":gsub("%s+$", "")
  file:close()
  return position
end

-- At every moment the file holds the old position or the new one, whole.
local function write_position(path, position)
  local new_path = path .. ".new"
  local file = assert(io.open(new_path, "w"))
  assert(file:write(position, "\n"))
  assert(file:close())
  assert(os.rename(new_path, path))
end

local function row(update)
  local state = update.MigrationTaskState or {}
  local time = os.date("!%Y-%m-%d %H:%M:%S", math.floor(update.UpdateDateTime or 0))
  local detail = (state.StatusDetail or ""):gsub("%c", " ")
  return ("%s  %-11s  %3d %%  %s"):format(
    time, state.Status or "?", state.ProgressPercent or 0, detail)
end

local function list(seen, parameters, options)
  local hub = migrationhub.new()
  for update, cursor in hub:migration_task_updates(parameters, options) do
    print(row(update))
    seen.count, seen.position = seen.count + 1, cursor:position()
  end
  hub:close()
end

local function main(stream, task, path, count)
  local seen = { count = 0 }
  local ok, problem = pcall(list, seen, {
    ProgressUpdateStream = stream, MigrationTaskName = task,
  }, { resume = read_position(path), max_items = count })
  io.stdout:flush()
  if seen.position then write_position(path, seen.position) end
  if not ok then error(problem, 0) end
  print(("%d updates, position in %s"):format(seen.count, path))
end

local count = tonumber(arg[4])
if #arg < 3 or #arg > 4 or arg[4] and not count then
  io.stderr:write("usage: lua5.4 examples/resume.lua STREAM TASK POSITION_FILE [COUNT]\n")
  os.exit(2)
end

local ok, problem = pcall(main, arg[1], arg[2], arg[3], count)
if ok then os.exit(0) end
io.stderr:write(tostring(problem), "\n")
if migrationhub.is_error(problem) and problem.code == "InvalidToken" then
  io.stderr:write("The position is too old; remove ", arg[3], " to begin again.\n")
end
os.exit(1)
