-- A migration task's updates.

local store = require "spec.hub.app.store"

local function not_found(what, name)
  local message = ("%s %s does not exist."):format(what, name)
  return { code = "ResourceNotFoundException", message = message }
end

local function list(account, input, first, count)
  local stream, task = input.ProgressUpdateStream, input.MigrationTaskName
  if not store.has_stream(account, stream) then
    return nil, not_found("ProgressUpdateStream", stream)
  end
  local total = store.count_updates(account, stream, task)
  if not total then return nil, not_found("MigrationTask", task) end
  return store.updates(account, stream, task, first, count), first + count <= total
end

return { ListMigrationTaskUpdates = list }
