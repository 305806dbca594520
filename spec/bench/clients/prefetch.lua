-- Lists pages and works on each: prefetch.lua PAGES SECONDS [prefetch]. Prints the seconds it took;
-- "missing" when the library has no such option.

local curl = require "lmigrationhub.curl"
local migrationhub = require "lmigrationhub"

local PAGES, WORK = arg[1], tonumber(arg[2])
local options = arg[3] and { prefetch = true } or nil

local function work(seconds)
  local done = curl.now() + seconds
  while curl.now() < done do end
end

local function list(hub)
  local parameters = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-P" .. PAGES }
  local begun = curl.now()
  for _ in hub:pages("list_migration_task_updates", parameters, options) do work(WORK) end
  return curl.now() - begun
end

local hub = migrationhub.new()
local ok, result = pcall(list, hub)
if ok then
  print(("%.6f"):format(result))
elseif result.code == "ValidationError" then
  print "missing"
else
  error(tostring(result))
end
hub:close()
