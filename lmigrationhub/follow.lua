-- A task's updates as they come: old ones first, each once, until the task ends. The order in which
-- the service lists them is not documented, so nothing here depends on it: updates are known by all
-- their members, and handed out by time. Only where a whole reading has shown that new ones come
-- last, later readings begin at the last page; now and then, and before the end, all is read again.

local errors = require "lmigrationhub.errors"
local retry = require "lmigrationhub.retry"
local tokens = require "lmigrationhub.tokens"

local INTERVAL = 10 -- seconds
local MAX_INTERVAL = 300 -- seconds, when the service throttles
local JITTER = 0.1 -- of the interval, to either side
local WHOLE_READINGS = 20 -- one reading in so many is a whole one
local SLICE = 1 -- seconds between two looks whether the process is to end
local MAX_FAILURES = 5 -- readings in a row that may fail for other reasons than throttling

---@class lmigrationhub.Follower
---@field ended "status"|"timeout"|"exiting"|"closed"|nil why the iteration ended
local Follower = { __name = "lmigrationhub.follower" }
Follower.__index = Follower

local function fingerprint(update)
  local state = update.MigrationTaskState or {}
  return table.concat({
    ("%.17g"):format(update.UpdateDateTime or 0), tostring(update.UpdateType),
    tostring(state.Status), tostring(state.ProgressPercent), tostring(state.StatusDetail),
  }, "\0")
end

local function time_of(update) return update.UpdateDateTime or 0 end

-- Finds the new updates of a page; gives the time of the last one.
local function take_page(self, list)
  local last_time = self._time_before
  for _, update in ipairs(list) do
    local name, time = fingerprint(update), time_of(update)
    if time < last_time then self._is_ascending = false end
    last_time = time
    if not self._seen[name] then
      self._seen[name] = true
      table.insert(self._found, { update = update, time = time, place = #self._found })
    end
  end
  return last_time
end

local function go_to_start(self)
  self._tail, self._time_before = nil, -math.huge
  self._is_whole, self._is_ascending = true, true
end

-- Reads from the last page that was reached to the end; gives what kept it from there.
local function read_on(self)
  local guard = tokens.new()
  while true do
    self._parameters.NextToken = self._tail
    local page, failure = self._fetch(self._operation, self._parameters)
    if not page then return failure end
    local last_time = take_page(self, page[self._operation.items] or {})
    local token = page.NextToken
    if not token or token == "" then return nil end
    if guard:is_repeated(token) then return tokens.repeated(self._operation) end
    guard:add(token)
    self._tail, self._time_before = token, last_time
  end
end

-- A reading that broke off goes on where it was.
local function begin_reading(self)
  self._readings = self._readings + 1
  if self._broke_off then return end
  local from_start = self._is_last or not self._is_ascending
    or self._readings % WHOLE_READINGS == 1
  if from_start then go_to_start(self) else self._is_whole = false end
end

-- An old page token (24 hours) is no failure: all is read again.
local function read(self)
  begin_reading(self)
  local failure = read_on(self)
  if failure and failure.code == "InvalidToken" and self._tail then
    go_to_start(self)
    failure = read_on(self)
  end
  self._broke_off = failure ~= nil
  return failure
end

local function by_time(left, right)
  if left.time ~= right.time then return left.time < right.time end
  return left.place < right.place
end

-- Makes a queue of what was found.
local function hand_over(self)
  table.sort(self._found, by_time)
  for _, entry in ipairs(self._found) do
    if not self._latest or entry.time >= time_of(self._latest) then self._latest = entry.update end
  end
  self._queue, self._next, self._found = self._found, 1, {}
end

local function has_ended(self)
  local state = self._latest and self._latest.MigrationTaskState
  return state ~= nil and self._until[state.Status] == true
end

-- After a reading that failed: slower when throttled, patient with the network for a while.
local function bear(self, failure)
  local class = retry.classify(failure)
  if class == "throttling" then
    self._pause = math.min(2 * self._pause, MAX_INTERVAL)
    return
  end
  self._failures = self._failures + 1
  if not class or self._failures >= MAX_FAILURES then self._failure = failure end
end

local function poll(self)
  local failure = read(self)
  hand_over(self)
  if failure then return bear(self, failure) end
  self._pause, self._failures = self._interval, 0
  local is_over = has_ended(self)
  if is_over and self._is_whole then self.ended = "status" end
  self._is_last = is_over
end

-- A process that may have to end is asked now and then.
local function sleep(self, seconds)
  while seconds > 0 and not self._is_exiting() do
    local slice = math.min(seconds, self._slice)
    self._sleep(slice)
    seconds = seconds - slice
  end
end

-- Waits for the next reading; gives why there is to be none.
local function pause(self)
  local delay = self._pause * (1 - JITTER + 2 * JITTER * self._random())
  sleep(self, math.min(delay, self._deadline - self._clock()))
  if self._is_exiting() then return "exiting" end
  return self._clock() >= self._deadline and "timeout" or nil
end

-- The next update that waits to be handed out.
local function dequeue(self)
  local entry = self._queue[self._next]
  if not entry then return nil end
  self._queue[self._next] = nil
  self._next = self._next + 1
  return entry.update
end

-- Goes on to the next reading. The last one before the end, and the first one, come at once.
local function go_on(self)
  local at_once = self._readings == 0 or self._is_last and not self._broke_off
  local reason = not at_once and pause(self)
  if reason then self.ended = reason else poll(self) end
end

local function next_update(self)
  while true do
    local update = dequeue(self)
    if update then return update, self end
    if self._failure then error(self._failure, 0) end
    if self.ended then return nil end
    go_on(self)
  end
end

--- Ends the iteration.
function Follower:close()
  if type(self) ~= "table" or getmetatable(self) ~= Follower then
    error("call it with a colon: follower:close()", 2)
  end
  self._queue, self.ended = {}, self.ended or "closed"
end

Follower.__close = Follower.close

local checks = {}

local function is_seconds(value)
  return type(value) == "number" and value > 0 and value < math.huge
end

function checks.interval(value)
  return is_seconds(value) or "must be a positive number of seconds"
end

checks.timeout = checks.interval

-- One value or a list of them, as a list.
local function list_of(value)
  if type(value) ~= "table" then return { value } end
  local list = {}
  while rawget(value, #list + 1) ~= nil do list[#list + 1] = rawget(value, #list + 1) end
  return list
end

function checks.until_status(value)
  local list = list_of(value)
  for _, status in ipairs(list) do
    if type(status) ~= "string" then return "must be a status or a list of them" end
  end
  return #list > 0 or "must be a status or a list of them"
end

local function problem_of(parameters, options)
  if type(parameters) ~= "table" then
    return "the parameters must be a table, got " .. type(parameters)
  end
  if rawget(parameters, "NextToken") ~= nil then return "follow does not take NextToken" end
  if type(options) ~= "table" then return "the options must be a table, got " .. type(options) end
  for name, value in next, options do
    local answer = checks[name] and checks[name](value)
    if not answer then return "unknown option " .. tostring(name) end
    if answer ~= true then return ("option %s %s"):format(name, answer) end
  end
end

local function copy(given)
  local own = {}
  for name, value in next, given do own[name] = value end
  return own
end

local function set_of(statuses)
  local set = {}
  for _, status in ipairs(list_of(statuses)) do set[status] = true end
  return set
end

---@class lmigrationhub.FollowWorld
---@field operation table the row of operations.lua that lists updates
---@field fetch fun(operation: table, parameters: table): table?, lmigrationhub.Error?
---@field sleep fun(seconds: number)
---@field clock fun(): number seconds; nobody sets it
---@field random fun(): number uniform in [0, 1)
---@field is_exiting (fun(): boolean)? is the process about to end?

local function never() return false end

--- Follows a task: `for update, follower in …`.
---@param world lmigrationhub.FollowWorld
---@param parameters table ProgressUpdateStream, MigrationTaskName and perhaps MaxResults
---@param options { interval: number?, timeout: number?, until_status: string|string[]|nil }?
---@return (fun(): table?, lmigrationhub.Follower?)? iterator raises the error object of a reading
---@return lmigrationhub.Error? error of kind "validation"
---@return nil
---@return lmigrationhub.Follower? closing value, for the `for` of Lua 5.4
local function new(world, parameters, options)
  options = options == nil and {} or options
  local problem = problem_of(parameters, options)
  if problem then
    return nil, errors.new {
      kind = "validation", code = "ValidationError", message = problem,
      operation = world.operation.name,
    }
  end
  options = copy(options)
  local interval = options.interval or INTERVAL
  local follower = setmetatable({
    _fetch = world.fetch, _operation = world.operation, _parameters = copy(parameters),
    _sleep = world.sleep, _clock = world.clock, _random = world.random,
    _is_exiting = world.is_exiting or never, _slice = world.is_exiting and SLICE or math.huge,
    _interval = interval, _pause = interval, _failures = 0, _readings = 0,
    _deadline = options.timeout and world.clock() + options.timeout or math.huge,
    _until = set_of(options.until_status or { "COMPLETED", "FAILED" }),
    _seen = {}, _found = {}, _queue = {}, _next = 1,
  }, Follower)
  go_to_start(follower)
  return function() return next_update(follower) end, nil, nil, follower
end

return { new = new }
