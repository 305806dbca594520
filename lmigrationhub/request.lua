-- (operation, parameters) -> an unsigned request. One walk checks each value and writes what it
-- checked, so that nothing can change in between. Every problem is found and reported at once, with
-- its place, before anything is sent. Metatables of the parameters are not asked.

local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local timestamp = require "lmigrationhub.timestamp"
local first_invalid = require("lmigrationhub.utf8").first_invalid

local TARGET = "AWSMigrationHub."
local CONTENT_TYPE = "application/x-amz-json-1.1"

local ROOT = "the parameters"
local MAX_INTEGER = 2^31 - 1 -- the service's integers have 32 bits
local MAX_SHOWN = 40 -- bytes of a text that is no time
local FIRST_TIME, END_TIME = -62135596800, 253402300800 -- the years 1 to 9999, as in ISO 8601

-- By type of shape: (shape, value, place, found) -> the value as JSON; no result, but one more
-- problem found, when the value is wrong.
local writers = {}

local function write(shape, value, place, found)
  return writers[shape.type](shape, value, place, found)
end

local function report(found, form, ...) found[#found + 1] = form:format(...) end

local function expected(found, place, what, value)
  report(found, "%s must be %s, got %s", place, what, type(value))
end

function writers.string(shape, value, place, found)
  if type(value) ~= "string" then return expected(found, place, "a string", value) end
  if #value < (shape.min or 0) then return report(found, "%s must not be empty", place) end
  local position = first_invalid(value)
  if position then return report(found, "%s is not UTF-8 at byte %d", place, position) end
  return json.encode(value)
end

function writers.boolean(_, value, place, found)
  if type(value) ~= "boolean" then return expected(found, place, "a boolean", value) end
  return tostring(value)
end

function writers.integer(shape, value, place, found)
  if type(value) ~= "number" then return expected(found, place, "an integer", value) end
  if value % 1 ~= 0 then return report(found, "%s must be an integer, got %s", place, value) end
  if value < shape.min or value > MAX_INTEGER then
    return report(found, "%s must be from %d to %d, got %s", place, shape.min, MAX_INTEGER, value)
  end
  return ("%d"):format(value)
end

-- To the millisecond, whatever the locale's decimal point.
local function decimal(seconds)
  local milliseconds = math.floor(seconds * 1000 + 0.5)
  local sign, size = milliseconds < 0 and "-" or "", math.abs(milliseconds)
  local text = ("%s%d.%03d"):format(sign, math.floor(size / 1000), size % 1000)
  return (text:gsub("%.?0+$", ""))
end

function writers.timestamp(_, value, place, found)
  local seconds = value
  if type(value) == "string" then seconds = timestamp.parse(value) end
  if type(seconds) ~= "number" then
    local got = type(value) == "string" and ("%q"):format(value:sub(1, MAX_SHOWN)) or type(value)
    return report(found, "%s must be seconds since 1970 or ISO 8601 text, got %s", place, got)
  end
  if not (seconds >= FIRST_TIME and seconds < END_TIME) then
    return report(found,
      "%s must be a time of the years 1 to 9999 in seconds, got %s", place, value)
  end
  return decimal(seconds)
end

-- The length of a table that is a list; else nil and what is wrong with it.
local function length_of(list)
  local count = 0
  for key in next, list do
    if type(key) ~= "number" then return nil, ("has a member of type %s"):format(type(key)) end
    count = count + 1
  end
  for index = 1, count do
    if rawget(list, index) == nil then return nil, ("misses item %d"):format(index) end
  end
  return count
end

function writers.list(shape, value, place, found)
  if type(value) ~= "table" then return expected(found, place, "a list", value) end
  local count, problem = length_of(value)
  if not count then return report(found, "%s must be a list, but %s", place, problem) end
  if count < (shape.min or 0) then return report(found, "%s must not be empty", place) end
  local items = {}
  for index = 1, count do
    items[#items + 1] =
      write(shape.item, rawget(value, index), ("%s[%d]"):format(place, index), found)
  end
  return "[" .. table.concat(items, ",") .. "]"
end

local function known_names(shape)
  local names = {}
  for name in next, shape.members do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function unknown(found, shape, prefix, key)
  local name = type(key) == "string" and ("%s%s"):format(prefix, key)
    or ("%s[%s]"):format(prefix:gsub("%.$", ""), type(key))
  report(found, "%s is unknown (known: %s)", name, known_names(shape))
end

function writers.structure(shape, value, place, found)
  if type(value) ~= "table" then return expected(found, place, "a table", value) end
  local prefix, members = place == ROOT and "" or place .. ".", {}
  for _, name in ipairs(shape.required) do
    if rawget(value, name) == nil then report(found, "%s%s is required", prefix, name) end
  end
  for name, member in next, value do
    local member_shape = shape.members[name]
    if not member_shape then
      unknown(found, shape, prefix, name)
    else
      local text = write(member_shape, member, prefix .. name, found)
      members[#members + 1] = text and ('"%s":%s'):format(name, text)
    end
  end
  table.sort(members)
  return "{" .. table.concat(members, ",") .. "}"
end

--- Checks the parameters of an operation and makes the request of them.
---@param operation table a row of operations.lua
---@param parameters table? the operation's parameters by their AWS names
---@return table? request { method, path, headers, body }; host, date and signature are missing yet
---@return lmigrationhub.Error? error of kind "validation": names every parameter that is wrong
local function new(operation, parameters)
  local found = {}
  if parameters == nil then parameters = {} end
  local body = write(operation.input, parameters, ROOT, found)
  if #found > 0 then
    table.sort(found)
    return nil, errors.new {
      kind = "validation", code = "ValidationError", message = table.concat(found, "; "),
      operation = operation.name,
    }
  end
  return {
    method = "POST",
    path = "/",
    headers = { ["content-type"] = CONTENT_TYPE, ["x-amz-target"] = TARGET .. operation.name },
    body = body,
  }
end

return { new = new }
