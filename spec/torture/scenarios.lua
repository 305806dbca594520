-- What is done while memory fails: (url, https_url, ca_file) -> scenarios by name. Each prepares
-- something and gives the function that is to fail, and to work when it is called once more.
local url, https_url, ca_file = ...

-- The first long buffer of a state makes the metatable of all: Lua keeps it when it is half made.
table.concat { ("a"):rep(2 ^ 14), "b" }

local STREAM, TASK, UPDATES = "SMS", "sms-4b70c9e21", 137
local PARAMETERS = { ProgressUpdateStream = STREAM, MigrationTaskName = TASK, MaxResults = 60 }

local function new(endpoint)
  return require("lmigrationhub.client").new({
    region = "us-west-2", endpoint = endpoint or url, ca_file = ca_file, max_attempts = 2,
    timeout = 10,
    credentials = {
      access_key_id = "AKIAIOSFODNN7EXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    },
  }, { getenv = function() end, random = function() return 0 end })
end

local function describe(hub)
  local task = hub:describe_migration_task {
    ProgressUpdateStream = STREAM, MigrationTaskName = TASK,
  }.MigrationTask
  assert(task.MigrationTaskName == TASK)
end

local function list(hub, options)
  local count = 0
  for _ in hub:migration_task_updates(PARAMETERS, options) do count = count + 1 end
  assert(count == UPDATES, count)
end

local scenarios = {}

scenarios["load and create"] = function()
  return function() new():close() end
end

scenarios["call"] = function()
  local hub = new()
  return function() describe(hub) end
end

scenarios["call over TLS"] = function()
  -- A client of its own each time: libcurl keeps what it read of the authorities, and OpenSSL drops
  -- keys from it that it had no memory for.
  new(https_url):close()
  return function()
    local hub = new(https_url)
    describe(hub)
    hub:close()
  end
end

scenarios["list"] = function()
  local hub = new()
  return function() list(hub) end
end

scenarios["list with prefetch"] = function()
  local hub = new()
  return function() list(hub, { prefetch = true }) end
end

scenarios["many at once"] = function()
  local hub = new()
  return function()
    hub:concurrently({ 1, 2, 3 }, 2, function() describe(hub) end)
  end
end

-- With an idle connection, and a request under way.
scenarios["close"] = function()
  local hub = new()
  local next_update = hub:migration_task_updates(PARAMETERS, { prefetch = true })
  assert(next_update())
  return function() hub:close() end
end

return scenarios
