-- Migration tasks: their states, updates and resource attributes.

local store = require "spec.hub.app.store"

local NOT_NOTIFIED = { MigrationTaskState = { Status = "NOT_STARTED" } }

-- A task that is there stays as it is.
local function import(account, input)
  local stream, name = input.ProgressUpdateStream, input.MigrationTaskName
  local known, fault = store.find_stream(account, stream)
  if not known then return nil, fault end
  if not store.find_task(account, input) then store.add_task(account, stream, name, {}) end
  return {}
end

local function notify(account, input)
  local task, fault = store.find_task(account, input)
  if not task then return nil, fault end
  task.next_update_seconds = input.NextUpdateSeconds
  store.add_update(task, {
    UpdateDateTime = input.UpdateDateTime,
    UpdateType = "MIGRATION_TASK_STATE_UPDATED",
    MigrationTaskState = input.Task,
  })
  return {}
end

local function describe(account, input)
  local task, fault = store.find_task(account, input)
  if not task then return nil, fault end
  local latest = store.latest_update(task) or NOT_NOTIFIED
  return { MigrationTask = {
    ProgressUpdateStream = task.stream,
    MigrationTaskName = task.name,
    Task = latest.MigrationTaskState,
    UpdateDateTime = latest.UpdateDateTime,
    ResourceAttributeList = #task.resource_attributes > 0 and task.resource_attributes or nil,
  } }
end

local function summary(task)
  local latest = store.latest_update(task) or NOT_NOTIFIED
  return {
    ProgressUpdateStream = task.stream,
    MigrationTaskName = task.name,
    Status = latest.MigrationTaskState.Status,
    StatusDetail = latest.MigrationTaskState.StatusDetail,
    ProgressPercent = latest.MigrationTaskState.ProgressPercent,
    UpdateDateTime = latest.UpdateDateTime,
  }
end

-- ResourceName chooses the tasks that a discovered resource of this name is attached to.
local function list(account, input, first, count)
  local resource = input.ResourceName
  local found, following = account.tasks:slice(first, count, resource and function(task)
    return task.discovered_resources:get(resource)
  end)
  for index, task in ipairs(found) do found[index] = summary(task) end
  return found, following
end

local function list_updates(account, input, first, count)
  local task, fault = store.find_task(account, input)
  if not task then return nil, fault end
  local updates = task.updates
  local last = math.min(first + count - 1, #updates)
  local page = {}
  for index = first, last do page[#page + 1] = updates[index] end
  return page, last < #updates and last + 1 or nil
end

-- Without VM_MANAGER_ID the service discards all else that is said of a virtual machine.
local function without_stray_vm(attributes)
  local kept = {}
  for _, attribute in ipairs(attributes) do
    if attribute.Type == "VM_MANAGER_ID" then return attributes end
    if not attribute.Type:find "^VM_" then table.insert(kept, attribute) end
  end
  return kept
end

local function put_attributes(account, input)
  local task, fault = store.find_task(account, input)
  if not task then return nil, fault end
  task.resource_attributes = without_stray_vm(input.ResourceAttributeList)
  return {}
end

return {
  ImportMigrationTask = import,
  NotifyMigrationTaskState = notify,
  DescribeMigrationTask = describe,
  ListMigrationTasks = list,
  ListMigrationTaskUpdates = list_updates,
  PutResourceAttributes = put_attributes,
}
