-- Lists updates as a program would: lmigrationhub.lua PAGES. Settings are in the environment; with
-- PREFETCH among them pages are asked for ahead.

local migrationhub = require "lmigrationhub"

io.stdout:setvbuf "line" -- the first update is seen when it is there

local options = os.getenv "PREFETCH" and { prefetch = true } or nil
local hub = migrationhub.new()
local count, percent, bytes, time = 0, 0, 0, 0
local parameters = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-P" .. arg[1] }
for update in hub:migration_task_updates(parameters, options) do
  local state = update.MigrationTaskState
  if count == 0 then print(state.StatusDetail) end
  count = count + 1
  percent = percent + state.ProgressPercent
  bytes = bytes + #state.Status + #state.StatusDetail + #update.UpdateType
  time = math.max(time, update.UpdateDateTime)
end
hub:close()
print(("%d %d %d %.3f"):format(count, percent, bytes, time))
