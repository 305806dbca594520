-- Runs inside nginx, as a client of the benchmark's server.

-- luacheck: std max+ngx_lua

local client = require "lmigrationhub.client"

-- KiB that the worker holds when what nobody needs is gone.
local function memory()
  collectgarbage()
  collectgarbage()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s*(%d+) kB"
    if size then return size end
  end
end

-- Answers how many updates it has read, and the memory before the request has ended.
local function list(hub, pages, is_ahead)
  local count = 0
  for _ in hub:migration_task_updates({
    ProgressUpdateStream = "SMS", MigrationTaskName = "task-P" .. pages,
  }, { prefetch = is_ahead }) do
    count = count + 1
  end
  ngx.print(count, " ", memory())
end

-- No settings of whoever starts this.
local function nothing() end

---@param endpoint string
local function new(endpoint)
  local hub = client.new({
    region = "us-west-2", endpoint = endpoint,
    credentials = {
      access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
  }, { getenv = nothing })
  return function(pages, is_ahead) list(hub, pages, is_ahead) end
end

return { new = new }
