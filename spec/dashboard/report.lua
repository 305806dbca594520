-- Tells the hub the state of a task: lua5.4 spec/dashboard/report.lua STREAM TASK STATUS PERCENT
-- DETAIL
local migrationhub = require "lmigrationhub"
local socket = require "socket"

local hub = migrationhub.new()
hub:notify_migration_task_state {
  ProgressUpdateStream = arg[1], MigrationTaskName = arg[2],
  Task = { Status = arg[3], ProgressPercent = tonumber(arg[4]), StatusDetail = arg[5] },
  UpdateDateTime = socket.gettime(), NextUpdateSeconds = 60,
}
hub:close()
