-- The hub's state, in tables of nginx's only worker: accounts with their streams, tasks and
-- applications. A task's updates are kept as JSON, ready to be sent.

local cjson = require "cjson"
local collections = require "spec.hub.app.collection"
local seeds = require "spec.hub.seed"

local accounts -- by id

-- The lists of a task that artifacts and resources are attached to, each with the member that names
-- an item. A seed has them under the same names.
local ATTACHMENTS = {
  created_artifacts = "Name", discovered_resources = "ConfigurationId", source_resources = "Name",
}

-- "|" cannot occur in the names.
local function task_key(stream, name) return stream .. "|" .. name end

local function collect(items, name)
  local collection = collections.new()
  for _, item in ipairs(items or {}) do collection:put(item[name], item) end
  return collection
end

--- Adds an update to a task as its latest.
local function add_update(task, update)
  task.updates[#task.updates + 1] = cjson.encode(update)
end

--- The latest update of a task | nil
local function latest_update(task)
  local line = task.updates[#task.updates]
  return line and cjson.decode(line)
end

--- Adds a stream; one that is there stays as it is.
local function add_stream(account, name)
  account.streams:put(name, { ProgressUpdateStreamName = name })
end

--- Adds a task to a stream that is there; `seed`, a task of a seed, says what it has.
local function add_task(account, stream, name, seed)
  local task = {
    stream = stream, name = name, updates = {},
    next_update_seconds = seed.next_update_seconds,
    resource_attributes = seed.resource_attributes or {},
  }
  for list, key in pairs(ATTACHMENTS) do task[list] = collect(seed[list], key) end
  for _, update in ipairs(seeds.updates(seed)) do add_update(task, update) end
  account.tasks:put(task_key(stream, name), task)
end

--- Removes a stream with all of its tasks -> was it there?
local function remove_stream(account, name)
  for _, task in ipairs(account.tasks:all()) do
    if task.stream == name then account.tasks:remove(task_key(name, task.name)) end
  end
  return account.streams:remove(name)
end

local function not_found(what, name)
  local message = ("%s %s does not exist."):format(what, name)
  return { code = "ResourceNotFoundException", message = message }
end

--- find_stream(account, name) -> stream | nil, fault
local function find_stream(account, name)
  local stream = account.streams:get(name)
  if stream then return stream end
  return nil, not_found("ProgressUpdateStream", name)
end

--- The task that an input names: find_task(account, input) -> task | nil, fault
local function find_task(account, input)
  local stream, fault = find_stream(account, input.ProgressUpdateStream)
  if not stream then return nil, fault end
  local task = account.tasks:get(task_key(input.ProgressUpdateStream, input.MigrationTaskName))
  if task then return task end
  return nil, not_found("MigrationTask", input.MigrationTaskName)
end

--- Forgets everything and starts from a seed.
local function fill(seed)
  accounts = {}
  for _, data in ipairs(seed.accounts) do
    local account = {
      id = data.id, streams = collections.new(), tasks = collections.new(),
      applications = collect(data.application_states, "ApplicationId"),
    }
    accounts[data.id] = account
    for _, stream in ipairs(data.streams or {}) do
      add_stream(account, stream.name)
      for _, task in ipairs(stream.tasks or {}) do
        add_task(account, stream.name, task.name, task)
      end
    end
  end
end

-- An empty list would become an object in JSON.
local function unless_empty(list) return #list > 0 and list or nil end

local function dump_task(task)
  local updates = {}
  for index, line in ipairs(task.updates) do updates[index] = cjson.decode(line) end
  local seed = {
    name = task.name, updates = unless_empty(updates),
    next_update_seconds = task.next_update_seconds,
    resource_attributes = unless_empty(task.resource_attributes),
  }
  for list in pairs(ATTACHMENTS) do seed[list] = unless_empty(task[list]:all()) end
  return seed
end

local function dump_stream(account, name)
  local tasks = {}
  for _, task in ipairs(account.tasks:all()) do
    if task.stream == name then table.insert(tasks, dump_task(task)) end
  end
  return { name = name, tasks = unless_empty(tasks) }
end

local function dump_account(data)
  local account, streams = accounts[data.id], {}
  for index, stream in ipairs(account.streams:all()) do
    streams[index] = dump_stream(account, stream.ProgressUpdateStreamName)
  end
  return {
    id = data.id, keys = data.keys, streams = unless_empty(streams),
    application_states = unless_empty(account.applications:all()),
  }
end

--- The state as a seed; `seed` is the one that the hub began with.
local function dump(seed)
  local list = {}
  for index, data in ipairs(seed.accounts) do list[index] = dump_account(data) end
  return { region = seed.region, accounts = list }
end

local function account(id) return accounts[id] end

return {
  fill = fill, dump = dump, account = account,
  add_stream = add_stream, find_stream = find_stream, remove_stream = remove_stream,
  add_task = add_task, find_task = find_task,
  add_update = add_update, latest_update = latest_update,
  not_found = not_found,
}
