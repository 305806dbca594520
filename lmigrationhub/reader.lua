-- Shapes -> functions that bring a decoded JSON value, in place, into its shape. A page has some
-- seven hundred values, so there are two ways. The quick one is straight Lua code made of the
-- shape: it calls nothing and only tells "all is well" from "in doubt"; what its operators raise is
-- a doubt as well. In doubt the careful one walks the shape, makes right what can be, and says what
-- cannot.

local load = loadstring or load -- the first is Lua 5.1's name
local to_integer = math.tointeger or function(number) return number end

-- Questions about VALUE. Operators take numeric text for a number, so each must be true of that
-- too.
local DOUBTS = {
  string = 'VALUE .. "" ~= VALUE',
  boolean = "VALUE ~= true and VALUE ~= false",
  integer = "VALUE % 1 ~= 0 or VALUE * 1 ~= VALUE",
  timestamp = "not (VALUE > -1e300 and VALUE < 1e300) or VALUE * 1 ~= VALUE",
}
local KNOWN_OR = "not known_INDEX[VALUE] and (DOUBT)"
local SCALAR = "if VALUE ~= nil and (DOUBT) then return false end"
-- From Lua 5.3 on; raises if there is a fraction. Lua 5.3 takes text for a number here.
local INTEGER = [[
if VALUE ~= nil then
  if VALUE * 1 ~= VALUE then return false end
  OBJECT = VALUE | 0
end]]
local NESTED = "if VALUE ~= nil then INNER end"
-- A list or a text in its place has none of the members.
local STRUCTURE = [[
local VALUES = MEMBERS
if ABSENT then return false end
INNER]]
-- An object in its place has no length, a text no items.
local LIST = [[
if #VALUE == 0 then return false end
for index_LEVEL = 1, #VALUE do
  local item_LEVEL = VALUE[index_LEVEL]
  if item_LEVEL == nil then return false end
  INNER
end]]
local CHUNK = [[
local known = ...
KNOWN
return function(root)
  INNER
  return true
end]]

local function fill(template, values)
  return (template:gsub("%u%u+", values))
end

local function doubt(shape, value, known)
  local question = fill(DOUBTS[shape.type], { VALUE = value })
  if not shape.known then return question end
  known[#known + 1] = shape.known
  return fill(KNOWN_OR, { INDEX = tostring(#known), VALUE = value, DOUBT = question })
end

local emitters = {}

-- Code for a value that is in the variable `value` and, as a member, at `object`.
local function emit(shape, value, object, level, known)
  local nested = emitters[shape.type]
  if nested then
    return fill(NESTED, { VALUE = value, INNER = nested(shape, value, level, known) })
  end
  local is_cast = shape.type == "integer" and math.type
  if is_cast then return fill(INTEGER, { VALUE = value, OBJECT = object }) end
  return fill(SCALAR, { VALUE = value, DOUBT = doubt(shape, value, known) })
end

function emitters.list(shape, value, level, known)
  local item = "item_" .. level
  local inner = emit(shape.item, item, ("%s[index_%d]"):format(value, level), level + 1, known)
  return fill(LIST, { VALUE = value, LEVEL = tostring(level), INNER = inner })
end

function emitters.structure(shape, value, level, known)
  if not next(shape.members) then return "if true then return false end" end
  local values, members, absent, inner = {}, {}, {}, {}
  for name, member in next, shape.members do
    local own = ("value_%d_%d"):format(level, #values + 1)
    values[#values + 1], members[#members + 1] = own, value .. "." .. name
    absent[#absent + 1] = own .. " == nil"
    inner[#inner + 1] = emit(member, own, value .. "." .. name, level + 1, known)
  end
  return fill(STRUCTURE, {
    VALUES = table.concat(values, ", "), MEMBERS = table.concat(members, ", "),
    ABSENT = table.concat(absent, " and "), INNER = table.concat(inner, "\n"),
  })
end

local function declare(known)
  local lines = {}
  for index = 1, #known do lines[index] = ("local known_%d = known[%d]"):format(index, index) end
  return table.concat(lines, "\n")
end

local function new_quick(shape)
  local known = {}
  local inner = emit(shape, "root", nil, 1, known)
  return assert(load(fill(CHUNK, { KNOWN = declare(known), INNER = inner }), "=reader"))(known)
end

-- (shape, value, convert) -> the right value | nil, place and nature of what is wrong
local careful = {}

local function unlike(shape, value)
  local got = type(value)
  if got == "table" then got = shape.type == "list" and "structure" or "list" end
  return nil, (": expected %s, got %s"):format(shape.type, got)
end

function careful.structure(shape, object, convert)
  if type(object) ~= "table" or object[1] ~= nil then return unlike(shape, object) end
  for name, member in next, shape.members do
    local value, problem = object[name], nil
    if value ~= nil then value, problem = careful[member.type](member, value, convert) end
    if problem then return nil, "." .. name .. problem end
    object[name] = value
  end
  return object
end

function careful.list(shape, list, convert)
  local count = type(list) == "table" and #list
  if not count or count == 0 and next(list) ~= nil then return unlike(shape, list) end
  for index = 1, count do
    local value, problem = careful[shape.item.type](shape.item, list[index], convert)
    if problem then return nil, "[" .. index .. "]" .. problem end
    list[index] = value
  end
  return list
end

function careful.string(_, value, convert)
  if type(value) == "string" then return value end
  return convert("string", value)
end

function careful.boolean(_, value, convert)
  if type(value) == "boolean" then return value end
  return convert("boolean", value)
end

function careful.timestamp(_, value, convert)
  if type(value) == "number" and value - value == 0 then return value end -- no infinity
  return convert("timestamp", value)
end

function careful.integer(_, value, convert)
  local problem
  if type(value) ~= "number" or value % 1 ~= 0 then value, problem = convert("integer", value) end
  if problem then return nil, problem end
  return to_integer(value) or value
end

--- Makes the reader of a structure. `convert` gives the right form of a value, or nil and what is
--- wrong with it; the reader gives nil, or the place and nature of what is wrong.
---@param shape table a structure of operations.lua
---@param convert fun(shape_type: string, value: any): any, string?
---@return fun(object: table): string?
local function new(shape, convert)
  local quick = new_quick(shape)
  return function(object)
    local ok, is_well = pcall(quick, object)
    if ok and is_well then return nil end
    local _, problem = careful.structure(shape, object, convert)
    return problem
  end
end

return { new = new }
