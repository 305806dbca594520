-- Coroutines that let each other go on while they wait, on one thread. A loop drives the tasks, one
-- coroutine for each item, of a call of `run` and of the calls nested in it. Only coroutines made
-- here yield to it; a host (a transport) does the waiting: host:poll(seconds) wakes the tasks whose
-- `await` has ended, host:forget(pending) no longer does, host:cancel(pending) ends it.

local SLICE = 1 -- seconds; a poll comes back to Lua this often, so that Ctrl-C is heeded
local SHORT_SLICE = 0.005 -- seconds, where one of several hosts is polled
local PARKED = {} -- what tasks yield; any other yield is meant for the program around us
local WEAK = { __mode = "k" }
local TASKS = setmetatable({}, WEAK) -- by coroutine; those of others are not in it

-- PUC Lua 5.1 has neither: it yields across no pcall and no iterator, and could not tell.
local may_yield = coroutine.isyieldable or function() return false end
local close = coroutine.close or function() end

---@return table? task of the code at hand, if it can let others go on
local function current()
  local task = TASKS[coroutine.running()]
  return task and may_yield() and task or nil
end

--- Makes the task at hand, if there is one, the owner of what it began: it does not outlive it.
local function own(host, pending)
  local task = TASKS[coroutine.running()]
  if task then task.begun[pending] = host end
end

--- Ends that.
local function disown(pending)
  local task = TASKS[coroutine.running()]
  if task then task.begun[pending] = nil end
end

local function stop_awaiting(task)
  local host, hosts = task.host, task.loop.hosts
  if not host then return end
  hosts[host] = hosts[host] > 1 and hosts[host] - 1 or nil
  task.host, task.pending = nil, nil
end

--- Lets a task that waits go on.
local function wake(task)
  local loop = task.loop
  stop_awaiting(task)
  loop.last = loop.last + 1
  loop.ready[loop.last] = task
end

--- Lets others go on until `wake`.
---@param task table the one at hand
---@param host table
---@param pending any what the host waits for
local function await(task, host, pending)
  local hosts = task.loop.hosts
  hosts[host] = (hosts[host] or 0) + 1
  task.host, task.pending = host, pending
  coroutine.yield(PARKED)
end

--- Lets others go on until then.
---@param task table the one at hand
---@param time number by the clock of `run`
local function sleep(task, time)
  task.loop.sleeping[task] = time
  coroutine.yield(PARKED)
end

local stop_group

-- Leaves nothing of a task that has ended or shall not go on. What its `__close` handlers raise
-- gives way to what stopped it.
local function retire(task)
  local group = task.group
  group.tasks[task], group.count = nil, group.count - 1
  TASKS[task.thread], task.is_over = nil, true
  task.loop.sleeping[task] = nil
  if task.host then task.host:forget(task.pending) end
  stop_awaiting(task)
  if task.child then stop_group(task.child) end
  close(task.thread)
  for pending, host in next, task.begun do host:cancel(pending) end
end

function stop_group(group)
  group.is_exhausted = true
  for task in next, group.tasks do retire(task) end
end

-- An iterator of items may wait too, and is asked by one at a time.
local function work(group, first, ...)
  group.is_feeding, group.is_exhausted = false, first == nil
  if first ~= nil then group.fn(first, ...) end
end

local function fill(group)
  if group.is_feeding or group.is_exhausted or group.count >= group.limit() then return end
  local thread = coroutine.create(function() work(group, group.next_item()) end)
  local task = {
    thread = thread, loop = group.loop, group = group, begun = setmetatable({}, WEAK),
  }
  TASKS[thread], group.tasks[task] = task, true
  group.is_feeding, group.count = true, group.count + 1
  wake(task)
end

local function fail(group, failure)
  stop_group(group)
  group.has_failed, group.failure = true, failure
end

local function after(task, ok, failure)
  local group = task.group
  if coroutine.status(task.thread) == "dead" then
    retire(task)
    if not ok then fail(group, failure) end
  end
  fill(group)
  if group.count == 0 and group.parent then wake(group.parent) end
end

local resume

local function settle(task, ok, mark, ...)
  if mark == PARKED or coroutine.status(task.thread) == "dead" then return after(task, ok, mark) end
  return resume(task, coroutine.yield(mark, ...))
end

function resume(task, ...)
  return settle(task, coroutine.resume(task.thread, ...))
end

-- Wakes who has slept enough; gives the seconds until somebody else has.
local function wake_sleepers(loop)
  local now, seconds = loop.now(), SLICE
  for task, time in next, loop.sleeping do
    if time > now then
      seconds = math.min(seconds, time - now)
    else
      loop.sleeping[task] = nil
      wake(task)
      seconds = 0
    end
  end
  return seconds
end

local function idle(loop)
  local seconds = wake_sleepers(loop)
  local host = next(loop.hosts) or loop.host
  if not next(loop.hosts, next(loop.hosts)) then return host:poll(seconds) end
  for other in next, loop.hosts do other:poll(math.min(seconds, SHORT_SLICE)) end
end

local function drive(loop, group)
  while group.count > 0 do
    local task = loop.ready[loop.first]
    if task then
      loop.ready[loop.first], loop.first = nil, loop.first + 1
      if not task.is_over then resume(task) end
    else
      idle(loop)
    end
  end
end

local function new_loop(host, now)
  return {
    host = host, now = now,
    hosts = {}, -- those that tasks wait for -> how many do
    sleeping = {}, -- task -> when it is woken
    ready = {}, first = 1, last = 0,
  }
end

local function check(group)
  if group.has_failed then error(group.failure, 0) end
end

-- Inside a task: its loop drives the new group too.
local function join(group, parent)
  group.parent, parent.child = parent, group
  coroutine.yield(PARKED)
  parent.child = nil
  check(group)
end

--- Runs `fn(next_item())` until that gives nil, at most `limit` at a time. An error in one stops
--- the others and is raised. Nothing of it is left when this returns.
---@param host table polled while nobody waits for another
---@param now fun(): number seconds; nobody sets it
---@param next_item function
---@param limit integer|fun(): integer from 1; a function is asked before each item
---@param fn function
local function run(host, now, next_item, limit, fn)
  local parent = current()
  local group = {
    loop = parent and parent.loop or new_loop(host, now), tasks = {}, count = 0,
    next_item = next_item, fn = fn,
    limit = type(limit) == "function" and limit or function() return limit end,
  }
  fill(group)
  if parent then return join(group, parent) end
  local ok, failure = pcall(drive, group.loop, group)
  stop_group(group)
  if not ok then error(failure, 0) end
  check(group)
end

return {
  run = run, current = current, own = own, disown = disown,
  await = await, sleep = sleep, wake = wake,
}
