-- A function run for many items at once inside nginx: one light thread for each, which nginx lets
-- go on while others wait. When the request of the page ends, nginx ends them with it.

-- Ends what is under way: one that nginx has ended already is none.
local function stop(threads)
  for thread in next, threads do pcall(ngx.thread.kill, thread) end
end

local function spawn(state, ...)
  local is_over, thread = false, nil
  state.count = state.count + 1
  thread = ngx.thread.spawn(function(...)
    local ok, failure = pcall(state.fn, ...)
    is_over, state.count = true, state.count - 1
    if thread then state.threads[thread] = nil end
    if not ok then state.failure, state.has_failed = failure, true end
  end, ...)
  if not is_over then state.threads[thread] = true end
end

-- Takes the next item, if there is one and a place for it.
local function feed(state, first, ...)
  if first == nil then
    state.is_exhausted = true
  else
    spawn(state, first, ...)
  end
end

local function wait_for_one(state)
  local threads = {}
  for thread in next, state.threads do threads[#threads + 1] = thread end
  if #threads > 0 then ngx.thread.wait(unpack(threads)) end
end

local function drive(state)
  while not state.has_failed and not (state.is_exhausted and state.count == 0) do
    if not state.is_exhausted and state.count < state.limit() then
      feed(state, state.next_item())
    else
      wait_for_one(state)
    end
  end
end

--- Runs `fn(next_item())` until that gives nil, at most `limit` at a time. An error in one stops
--- the others and is raised. Nothing of it is left when this returns.
---@param next_item function
---@param limit integer|fun(): integer from 1; a function is asked before each item
---@param fn function
local function run(next_item, limit, fn)
  local state = {
    next_item = next_item, fn = fn, threads = {}, count = 0,
    limit = type(limit) == "function" and limit or function() return limit end,
  }
  local ok, failure = pcall(drive, state)
  stop(state.threads)
  if not ok then error(failure, 0) end
  if state.has_failed then error(state.failure, 0) end
end

return { run = run }
