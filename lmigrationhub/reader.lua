-- Shapes -> functions that bring a decoded JSON value, in place, into its shape. A page has some
-- seven hundred values, so a shape becomes straight Lua code, made once: half the time of a loop
-- over a table of members. The code only asks whether a value is as it should be; `convert` makes
-- the right value of any other, or says what is wrong.

local load = loadstring or load -- the first is Lua 5.1's name
local to_integer = math.tointeger -- Lua 5.3 and later; before, a number is a number

local QUESTIONS = {
  string = 'type(value) == "string"',
  integer = 'type(value) == "number" and value % 1 == 0',
  timestamp = 'type(value) == "number" and value - value == 0', -- the infinities are no time
}

-- In each: NAME of the member, TYPE of its shape, READ: what answers for it.
local SCALAR = [[
  value = object.NAME
  if value ~= nil and not (READ) then
    value, problem = convert("TYPE", value)
    if problem then return ".NAME" .. problem end
    object.NAME = value
  end]]
local INTEGER = [[
  value = object.NAME
  if value ~= nil then
    exact = to_integer(value)
    if not exact then exact, problem = convert("TYPE", value) end
    if problem then return ".NAME" .. problem end
    object.NAME = exact
  end]]
local NESTED = [[
  value = object.NAME
  if value ~= nil then
    problem = READ(value)
    if problem then return ".NAME" .. problem end
  end]]
local STRUCTURE = [[
local function NAME(object)
  if type(object) ~= "table" or object[1] ~= nil then return unlike("TYPE", object) end
  local value, exact, problem
READ
end]]
local LIST = [[
local function NAME(list)
  local count = type(list) == "table" and #list
  if not count or count == 0 and next(list) ~= nil then return unlike("TYPE", list) end
  for index = 1, count do
    local problem = READ(list[index])
    if problem then return "[" .. index .. "]" .. problem end
  end
end]]
local CHUNK = [[
local type, next, to_integer, known, convert, unlike = ...
READ
return NAME]]

local function fill(template, name, shape_type, read)
  local values = { NAME = name, TYPE = shape_type, READ = read }
  return (template:gsub("%u%u+", values))
end

local function unlike(shape_type, value)
  local got = type(value)
  if got == "table" then got = shape_type == "list" and "structure" or "list" end
  return (": expected %s, got %s"):format(shape_type, got)
end

local emit -- (shape, chunk) -> name of the function that reads it

-- A known value of an enumeration saves the call of type().
local function question(shape, chunk)
  if not shape.known then return QUESTIONS[shape.type] end
  chunk.known[#chunk.known + 1] = shape.known
  return ("known[%d][value] or %s"):format(#chunk.known, QUESTIONS[shape.type])
end

local function emit_member(name, shape, chunk)
  if not QUESTIONS[shape.type] then return fill(NESTED, name, shape.type, emit(shape, chunk)) end
  if shape.type == "integer" and to_integer then return fill(INTEGER, name, shape.type) end
  return fill(SCALAR, name, shape.type, question(shape, chunk))
end

local function emit_members(shape, chunk)
  local lines = {}
  for name, member in next, shape.members do
    lines[#lines + 1] = emit_member(name, member, chunk)
  end
  return table.concat(lines, "\n")
end

function emit(shape, chunk)
  local is_list = shape.type == "list"
  local read = is_list and emit(shape.item, chunk) or emit_members(shape, chunk)
  local name = "read_" .. #chunk + 1
  chunk[#chunk + 1] = fill(is_list and LIST or STRUCTURE, name, shape.type, read)
  return name
end

--- Makes the reader of a structure. `convert` gives the right form of a value, or nil and what is
--- wrong with it; the reader gives nil, or the place and nature of what is wrong.
---@param shape table a structure of operations.lua
---@param convert fun(shape_type: string, value: any): any, string?
---@return fun(object: any): string?
local function new(shape, convert)
  local chunk = { known = {} }
  local name = emit(shape, chunk)
  local source = fill(CHUNK, name, shape.type, table.concat(chunk, "\n"))
  return load(source, "=" .. name)(type, next, to_integer, chunk.known, convert, unlike)
end

return { new = new }
