-- Lists many tasks at once: concurrent.lua TASKS PAGES LIMIT. Prints the updates and the seconds it
-- took; "missing" when the library cannot.

local curl = require "lmigrationhub.curl"
local migrationhub = require "lmigrationhub"

local TASKS, PAGES, LIMIT = tonumber(arg[1]), arg[2], tonumber(arg[3])

local hub = migrationhub.new()
if not hub.concurrently then
  print "missing"
  return
end

local tasks, count = {}, 0
for number = 1, TASKS do tasks[number] = ("sms-%d-P%s"):format(number, PAGES) end
local begun = curl.now()
hub:concurrently(tasks, LIMIT, function(task)
  for update in hub:migration_task_updates {
    ProgressUpdateStream = "SMS", MigrationTaskName = task,
  } do
    if update.MigrationTaskState.StatusDetail then count = count + 1 end
  end
end)
print(("%d %.6f"):format(count, curl.now() - begun))
hub:close()
