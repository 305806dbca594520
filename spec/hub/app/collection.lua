-- Items in the order in which they came, each under a key. An item has a number that stays its own
-- when others go, so that a listing under way neither loses nor repeats what stays.

local Collection = {}
Collection.__index = Collection

--- Puts an item last, or in the place of the one that has its key.
function Collection:put(key, item)
  local number = self._numbers[key]
  if not number then
    number = self._last + 1
    self._last, self._numbers[key] = number, number
  end
  self._items[number] = item
end

function Collection:get(key)
  local number = self._numbers[key]
  return number and self._items[number]
end

--- remove(key) -> was it there?
function Collection:remove(key)
  local number = self._numbers[key]
  if not number then return false end
  self._items[number], self._numbers[key] = nil, nil
  return true
end

--- `count` items from number `first` on:
--- slice(first, count, is_wanted?) -> items, number of the next | nil
function Collection:slice(first, count, is_wanted)
  local found = {}
  for number = first, self._last do
    local item = self._items[number]
    if item and (not is_wanted or is_wanted(item)) then
      if #found == count then return found, number end
      table.insert(found, item)
    end
  end
  return found
end

function Collection:all() return (self:slice(1, math.huge)) end

local function new() return setmetatable({ _items = {}, _numbers = {}, _last = 0 }, Collection) end

return { new = new }
