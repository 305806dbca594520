-- The hub's state, in a shared dictionary. A task's updates lie in it as JSON lines, CHUNK of them
-- in one value, so that a page costs the same wherever in a long list it begins.

local cjson = require "cjson"
local seed = require "spec.hub.seed"

local CHUNK = 100

local state = ngx.shared.state

-- Never evicts: a state that does not fit is an error.
local function set(key, value) assert(state:safe_set(key, value)) end

-- "|" cannot occur in the names.
local function task_key(account, stream, name)
  return ("task|%s|%s|%s"):format(account, stream, name)
end

local function chunk_key(key, number) return ("%s|%d"):format(key, number) end

local function add_task(account, stream, task)
  local key = task_key(account, stream, task.name)
  local updates = seed.updates(task)
  for first = 1, #updates, CHUNK do
    local lines = {}
    for index = first, math.min(first + CHUNK - 1, #updates) do
      table.insert(lines, cjson.encode(updates[index]))
    end
    set(chunk_key(key, (first - 1) / CHUNK), table.concat(lines, "\n"))
  end
  set(key, #updates)
end

--- Forgets everything and starts from the seed.
local function fill(data)
  state:flush_all()
  state:flush_expired()
  for _, account in ipairs(data.accounts) do
    for _, stream in ipairs(account.streams or {}) do
      set(("stream|%s|%s"):format(account.id, stream.name), true)
      for _, task in ipairs(stream.tasks or {}) do add_task(account.id, stream.name, task) end
    end
  end
end

local function has_stream(account, stream)
  return state:get(("stream|%s|%s"):format(account, stream)) ~= nil
end

--- How many updates a task has; nil when there is no such task.
local function count_updates(account, stream, task)
  return state:get(task_key(account, stream, task))
end

--- `count` of a task's updates from number `first` on, each as JSON.
local function updates(account, stream, task, first, count)
  local key, lines = task_key(account, stream, task), {}
  local number = math.floor((first - 1) / CHUNK)
  local skip = first - 1 - number * CHUNK
  while #lines < count do
    local chunk = state:get(chunk_key(key, number))
    if not chunk then break end
    for line in chunk:gmatch("[^\n]+") do
      if skip > 0 then skip = skip - 1
      elseif #lines < count then lines[#lines + 1] = line end
    end
    number = number + 1
  end
  return lines
end

return { fill = fill, has_stream = has_stream, count_updates = count_updates, updates = updates }
