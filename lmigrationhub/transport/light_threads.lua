-- A function run for many items at once inside nginx: one light thread for each, which nginx lets
-- go on while others wait. When the request of the page ends, nginx ends them with it.

local clock = require "lmigrationhub.transport.clock"

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
    if thread then state.threads[thread], state.over[thread] = nil, true end
    if not ok then state.failure, state.has_failed = failure, true end
    state.ended:post(1)
  end, ...)
  state[is_over and "over" or "threads"][thread] = true
end

-- Takes the next item, if there is one and a place for it.
local function feed(state, first, ...)
  if first == nil then
    state.is_exhausted = true
  else
    spawn(state, first, ...)
  end
end

-- Frees those that have ended, and waits for none: ngx.thread.wait for several would let the end of
-- a second one cut short whatever we wait for next (lua-nginx-module #1439).
local function free_ended(state)
  for thread in next, state.over do ngx.thread.wait(thread) end
  state.over = {}
end

local function drive(state)
  while not state.has_failed and not (state.is_exhausted and state.count == 0) do
    free_ended(state)
    if not state.is_exhausted and state.count < state.limit() then
      feed(state, state.next_item())
    else
      clock.await(state.ended, math.huge)
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
    next_item = next_item, fn = fn, threads = {}, over = {}, count = 0,
    ended = clock.new_semaphore(),
    limit = type(limit) == "function" and limit or function() return limit end,
  }
  local ok, failure = pcall(drive, state)
  stop(state.threads)
  free_ended(state)
  if not ok then error(failure, 0) end
  if state.has_failed then error(state.failure, 0) end
end

return { run = run }
