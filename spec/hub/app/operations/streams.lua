-- Progress update streams.

local store = require "spec.hub.app.store"

local function create(account, input)
  store.add_stream(account, input.ProgressUpdateStreamName)
  return {}
end

local function delete(account, input)
  local stream, fault = store.find_stream(account, input.ProgressUpdateStreamName)
  if not stream then return nil, fault end
  store.remove_stream(account, input.ProgressUpdateStreamName)
  return {}
end

local function list(account, _, first, count) return account.streams:slice(first, count) end

return {
  CreateProgressUpdateStream = create,
  DeleteProgressUpdateStream = delete,
  ListProgressUpdateStreams = list,
}
