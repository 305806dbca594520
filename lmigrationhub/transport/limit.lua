-- A limit of what goes on at once in a worker of nginx. nginx may end whoever holds a place, or
-- waits for one, at any wait and without a word to anybody: the places of such holders are found
-- again by looking for them.

local clock = require "lmigrationhub.transport.clock"

local LOOK = 0.2 -- seconds between two looks for abandoned places

---@class lmigrationhub.Limit
---@field places integer
---@field holders table[] who has a place
local Limit = { __name = "lmigrationhub.transport.limit" }
Limit.__index = Limit

--- Gives a place back, to the next who waits if somebody does.
---@param holder table
function Limit:leave(holder)
  local holders, index = self.holders, holder[self._key]
  if not index then return end
  local last = holders[#holders]
  holders[#holders] = nil
  if last ~= holder then holders[index], last[self._key] = last, index end
  holder[self._key] = nil
  if self._queue and self._queue:count() < 0 then
    self._queue:post(1)
  else
    self._taken = self._taken - 1
  end
end

-- Frees the places of those who can no longer give them back.
local function look(self)
  local now = ngx.now()
  if now < self._looked + LOOK then return end
  self._looked = now
  for index = #self.holders, 1, -1 do
    local holder = self.holders[index]
    if self._is_abandoned(holder) then self:leave(holder) end
  end
end

-- Takes a place if there is one.
local function take(self)
  if self._taken == self.places then return false end
  self._taken = self._taken + 1
  return true
end

-- Tells whether a place came free in time. It is handed over: who has just left does not come
-- before those who wait.
local function queue(self, by)
  self._queue = self._queue or clock.new_semaphore()
  repeat
    look(self)
    if take(self) then return true end
    local left = clock.seconds_until(by)
    if left <= 0 then return false end
  until clock.await(self._queue, math.min(left, LOOK))
  return true
end

--- Takes a place, and waits for it if it must; tells whether there was one in time.
---@param holder table
---@param by number time
---@return boolean
function Limit:enter(holder, by)
  if not (take(self) or queue(self, by)) then return false end
  local index = #self.holders + 1
  self.holders[index], holder[self._key] = holder, index
  return true
end

--- Makes a limit. It asks of holders that others may be waiting for whether nginx has ended them.
---@param name string under which a holder remembers its place
---@param places integer
---@param is_abandoned fun(holder: table): boolean
---@return lmigrationhub.Limit
local function new(name, places, is_abandoned)
  return setmetatable({
    places = places, holders = {},
    _key = name, _is_abandoned = is_abandoned, _looked = 0,
    _taken = 0, -- more than holders while one is handed over
  }, Limit)
end

return { new = new }
