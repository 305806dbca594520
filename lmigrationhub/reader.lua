-- Shapes -> functions that bring a decoded JSON value, in place, into its shape. A page has some
-- seven hundred values, so a shape becomes straight Lua code, made once: a third of the time of a
-- loop over a table of members. The code only asks whether a value is as it should be; `convert`
-- makes the right value of any other, or says what is wrong.

local load = loadstring or load -- the first is Lua 5.1's name
local to_integer = math.tointeger -- Lua 5.3 and later; before, a number is a number

local QUESTIONS = {
  string = 'type(value) == "string"',
  boolean = 'type(value) == "boolean"',
  integer = 'type(value) == "number" and value % 1 == 0',
  timestamp = 'type(value) == "number" and value - value == 0', -- the infinities are no time
}

-- SOURCE is where the value is, PLACE how a message names that, LEVEL what tells its variables from
-- those around it.
local SCALAR = [[
do
  local value = SOURCE
  if value ~= nil and not (QUESTION) then
    local right, problem = convert("TYPE", value)
    if problem then return PLACE .. problem end
    SOURCE = right
  end
end]]
local INTEGER = [[
do
  local value = SOURCE
  if value ~= nil then
    local exact, problem = to_integer(value), nil
    if not exact then exact, problem = convert("TYPE", value) end
    if problem then return PLACE .. problem end
    SOURCE = exact
  end
end]]
local STRUCTURE = [[
do
  local object_LEVEL = SOURCE
  if object_LEVEL ~= nil then
    if type(object_LEVEL) ~= "table" or object_LEVEL[1] ~= nil then
      return PLACE .. unlike("TYPE", object_LEVEL)
    end
    INNER
  end
end]]
local LIST = [[
do
  local list_LEVEL = SOURCE
  if list_LEVEL ~= nil then
    local count = type(list_LEVEL) == "table" and #list_LEVEL
    if not count or count == 0 and next(list_LEVEL) ~= nil then
      return PLACE .. unlike("TYPE", list_LEVEL)
    end
    for index_LEVEL = 1, count do
      INNER
    end
  end
end]]
local CHUNK = [[
local type, next, to_integer, convert, unlike, known = ...
KNOWN
return function(root)
  INNER
end]]

local function unlike(shape_type, value)
  local got = type(value)
  if got == "table" then got = shape_type == "list" and "structure" or "list" end
  return (": expected %s, got %s"):format(shape_type, got)
end

local emit -- (shape, source, place, level, known) -> Lua code

-- A known value of an enumeration saves the call of type().
local function question(shape, known)
  if not shape.known then return QUESTIONS[shape.type] end
  known[#known + 1] = shape.known
  return ("known_%d[value] or %s"):format(#known, QUESTIONS[shape.type])
end

-- What stands inside a list or a structure.
local inner = {}

function inner.list(shape, place, level, known)
  local item = ("list_%d[index_%d]"):format(level, level)
  local item_place = ('%s .. "[" .. index_%d .. "]"'):format(place, level)
  return emit(shape.item, item, item_place, level + 1, known)
end

function inner.structure(shape, place, level, known)
  local lines = {}
  for name, member in next, shape.members do
    local source = ("object_%d.%s"):format(level, name)
    local member_place = ('%s .. ".%s"'):format(place, name)
    lines[#lines + 1] = emit(member, source, member_place, level + 1, known)
  end
  return table.concat(lines, "\n")
end

local function fill(template, values)
  return (template:gsub("%u%u+", values))
end

local function template_of(shape)
  if shape.type == "list" then return LIST end
  if shape.type == "structure" then return STRUCTURE end
  return shape.type == "integer" and to_integer and INTEGER or SCALAR
end

function emit(shape, source, place, level, known)
  local nested = inner[shape.type]
  return fill(template_of(shape), {
    SOURCE = source,
    PLACE = place,
    LEVEL = level,
    TYPE = shape.type,
    QUESTION = not nested and question(shape, known),
    INNER = nested and nested(shape, place, level, known),
  })
end

local function declare(known)
  local lines = {}
  for index = 1, #known do lines[index] = ("local known_%d = known[%d]"):format(index, index) end
  return table.concat(lines, "\n")
end

--- Makes the reader of a structure. `convert` gives the right form of a value, or nil and what is
--- wrong with it; the reader gives nil, or the place and nature of what is wrong.
---@param shape table a structure of operations.lua
---@param convert fun(shape_type: string, value: any): any, string?
---@return fun(object: table): string?
local function new(shape, convert)
  local known = {}
  local code = emit(shape, "root", '""', 1, known)
  local source = fill(CHUNK, { KNOWN = declare(known), INNER = code })
  return load(source, "=reader")(type, next, to_integer, convert, unlike, known)
end

return { new = new }
