-- A function run for many items at once: how many, and what came of each. The transport runs them;
-- on one that cannot, each waits for the one before.

local errors = require "lmigrationhub.errors"

local LIMIT = 8

-- How many items there may be at once: half of them after the service throttled, one more after as
-- many answers in a row as there may be items. One slowdown is one event, however many requests
-- that were under way it hits.
---@class lmigrationhub.Pace
---@field limit integer at the moment
local Pace = { __name = "lmigrationhub.pace" }
Pace.__index = Pace

---@param limit integer the most, and what it begins with
---@return lmigrationhub.Pace
local function new_pace(limit)
  return setmetatable({ limit = limit, _most = limit, _streak = 0, _slowed_at = -math.huge }, Pace)
end

--- Learns from an answer.
---@param now number seconds; nobody sets the clock
---@param begun number when the request was sent, by the same clock
---@param is_throttled boolean
function Pace:update(now, begun, is_throttled)
  if is_throttled then
    if begun <= self._slowed_at then return end
    self.limit = math.max(1, math.floor(self.limit / 2))
    self._streak, self._slowed_at = 0, now
    return
  end
  self._streak = self._streak + 1
  if self._streak < self.limit then return end
  self.limit, self._streak = math.min(self.limit + 1, self._most), 0
end

local function described(value)
  if errors.is_error(value) then return value end
  return { kind = "item", code = "ItemError", message = tostring(value), cause = value }
end

-- An error object is copied: others may hold it too, with an item of their own.
local function new_failure(value, item, traceback)
  local fields = {}
  for name, field in next, described(value) do fields[name] = field end
  if fields.item ~= nil then fields.cause = value end
  fields.item, fields.traceback = item, traceback
  return errors.new(fields)
end

-- Gives each item with its index.
local function numbered(items)
  local index, count = 0, type(items) == "table" and #items or math.huge
  return function()
    if index == count then return nil end
    index = index + 1
    if type(items) == "table" then return index, items[index] end
    local item = items()
    if item ~= nil then return index, item end
  end
end

local function problem_of(items, limit, fn, options)
  if type(items) ~= "table" and type(items) ~= "function" then
    return 1, "list or iterator function expected"
  end
  if type(limit) ~= "number" or limit < 1 or limit % 1 ~= 0 then
    return 2, "a whole number from 1 expected"
  end
  if type(fn) ~= "function" then return 3, "function expected" end
  if type(options) ~= "table" then return 4, "table expected" end
  for name, value in next, options do
    if name ~= "stop_on_error" then return 4, "unknown option " .. tostring(name) end
    if type(value) ~= "boolean" then return 4, "option stop_on_error must be a boolean" end
  end
end

---@class lmigrationhub.ConcurrencyWorld
---@field transport lmigrationhub.Transport
---@field add_pace fun(pace: lmigrationhub.Pace) lets it learn from all answers

--- Runs `fn(item, index)` for each item. Raises what stopped it.
---@param world lmigrationhub.ConcurrencyWorld
---@param items table|fun(): any
---@param limit integer? default 8
---@param fn fun(item: any, index: integer): any
---@param options { stop_on_error: boolean? }?
---@return table? results by index; nil when it was called wrongly
---@return table|string errors by index; or what was wrong
local function run(world, items, limit, fn, options)
  limit, options = limit == nil and LIMIT or limit, options == nil and {} or options
  local argument, problem = problem_of(items, limit, fn, options)
  if argument then
    return nil, ("bad argument #%d to 'concurrently' (%s)"):format(argument, problem)
  end
  local results, failures, pace = {}, {}, new_pace(limit)
  world.add_pace(pace)
  local function work(index, item)
    local ok, result = xpcall(function() return fn(item, index) end, function(value)
      return new_failure(value, item, debug.traceback(tostring(value), 2))
    end)
    if ok then
      results[index] = result
    elseif options.stop_on_error == false then
      failures[index] = result
    else
      error(result, 0)
    end
  end
  if world.transport.concurrently then
    world.transport:concurrently(numbered(items), function() return pace.limit end, work)
  else
    for index, item in numbered(items) do work(index, item) end
  end
  return results, failures
end

return { run = run, new_pace = new_pace }
