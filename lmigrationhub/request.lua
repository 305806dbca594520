-- (operation, parameters) -> an unsigned request. Every problem of the parameters is found and
-- reported at once, each with its place, before anything is sent.

local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local first_invalid = require("lmigrationhub.utf8").first_invalid

local TARGET = "AWSMigrationHub."
local CONTENT_TYPE = "application/x-amz-json-1.1"

local ROOT = "the parameters"
local MAX_INTEGER = 2^31 - 1 -- the service's integers have 32 bits

local checks = {}

local function check(shape, value, place, report)
  return checks[shape.type](shape, value, place, report)
end

local function expected(report, place, what, value)
  report(("%s must be %s, got %s"):format(place, what, type(value)))
end

function checks.string(shape, value, place, report)
  if type(value) ~= "string" then return expected(report, place, "a string", value) end
  if #value < (shape.min or 0) then return report(place .. " must not be empty") end
  local position = first_invalid(value)
  if position then report(("%s is not UTF-8 at byte %d"):format(place, position)) end
end

function checks.integer(shape, value, place, report)
  if type(value) ~= "number" then return expected(report, place, "an integer", value) end
  if value % 1 ~= 0 then return report(("%s must be an integer, got %s"):format(place, value)) end
  if value < shape.min or value > MAX_INTEGER then
    report(("%s must be from %d to %d, got %s"):format(place, shape.min, MAX_INTEGER, value))
  end
end

local function known_names(shape)
  local names = {}
  for name in next, shape.members do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function unknown(report, shape, place, key)
  local name = type(key) == "string" and key or ("[%s]"):format(type(key))
  report(("%s%s is unknown (known: %s)"):format(place, name, known_names(shape)))
end

function checks.structure(shape, value, place, report)
  if type(value) ~= "table" then return expected(report, place, "a table", value) end
  local prefix = place == ROOT and "" or place .. "."
  for _, name in ipairs(shape.required) do
    if rawget(value, name) == nil then report(prefix .. name .. " is required") end
  end
  for name, member in next, value do
    local member_shape = shape.members[name]
    if member_shape then
      check(member_shape, member, prefix .. name, report)
    else
      unknown(report, shape, prefix, name)
    end
  end
end

local function problems(operation, parameters)
  local found = {}
  check(operation.input, parameters, ROOT, function(problem) found[#found + 1] = problem end)
  table.sort(found)
  return found
end

--- Checks the parameters of an operation and makes the request of them.
---@param operation table a row of operations.lua
---@param parameters table? the operation's parameters by their AWS names
---@return table? request { method, path, headers, body }; host, date and signature are missing yet
---@return lmigrationhub.Error? error of kind "validation": names every parameter that is wrong
local function new(operation, parameters)
  parameters = parameters == nil and {} or parameters
  local found = problems(operation, parameters)
  if #found > 0 then
    return nil, errors.new {
      kind = "validation", code = "ValidationError", message = table.concat(found, "; "),
      operation = operation.name,
    }
  end
  return {
    method = "POST",
    path = "/",
    headers = { ["content-type"] = CONTENT_TYPE, ["x-amz-target"] = TARGET .. operation.name },
    body = json.encode(parameters),
  }
end

return { new = new }
