-- The reader of answers never raises; it gives what has the operation's shape, or an error object.
-- An input: a line "operation status", header lines "name: value", an empty line, the body.

local cjson = require "cjson"
local errors = require "lmigrationhub.errors"
local operations = require "lmigrationhub.operations"
local response = require "lmigrationhub.response"
local retry = require "lmigrationhub.retry"

local NAMES = {}
for name in pairs(operations) do NAMES[#NAMES + 1] = name end
table.sort(NAMES)

local function operation_of(line)
  local name = line:match "^%S*"
  return operations[name] or operations[NAMES[#line % #NAMES + 1]]
end

local function read(input)
  local head, body = input:match "^(.-)\n\n(.*)$"
  local first, rest = (head or input):match "^([^\n]*)\n?(.*)$"
  local headers = {}
  for name, value in rest:gmatch "([^\n:]+): ?([^\n]*)" do headers[name:lower()] = value end
  local status = tonumber(first:match "[1-5]%d%d") or 200
  return operation_of(first), { status = status, headers = headers, body = body or "" }
end

local checks = {}

local function check(shape, value, place)
  if value ~= nil and not checks[shape.type](value, shape, place) then
    error(("%s is no %s: %s"):format(place, shape.type, value), 0)
  end
end

function checks.string(value) return type(value) == "string" and utf8.len(value) ~= nil end
function checks.boolean(value) return type(value) == "boolean" end
function checks.timestamp(value) return type(value) == "number" and value - value == 0 end

function checks.integer(value)
  if math.type(value) == "integer" then return true end
  return math.type(value) == "float" and value % 1 == 0 and not math.tointeger(value)
end

function checks.structure(value, shape, place)
  if type(value) ~= "table" or value[1] ~= nil then return false end
  for name, member in pairs(shape.members) do check(member, value[name], place .. "." .. name) end
  return true
end

function checks.list(value, shape, place)
  if type(value) ~= "table" then return false end
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  for index = 1, count do
    assert(value[index] ~= nil, "a hole in " .. place)
    check(shape.item, value[index], place .. "[" .. index .. "]")
  end
  return true
end

local function check_nulls(value)
  assert(value ~= cjson.null, "a null is left")
  if type(value) ~= "table" then return end
  for _, member in pairs(value) do check_nulls(member) end
end

local function check_failure(failure, answer)
  assert(errors.is_error(failure), "no error object")
  assert(failure.kind == "service" or failure.kind == "response", "another kind")
  assert(type(failure.code) == "string" and failure.code ~= "", "no code")
  assert(type(failure.message) == "string", "no message")
  assert(failure.status == answer.status, "another status")
  assert(not tostring(failure):find "%c", "more than a line")
  local seconds = failure.retry_after
  assert(seconds == nil or seconds >= 0 and seconds < math.huge, "no number of seconds")
  retry.classify(failure)
end

return function(input)
  local operation, answer = read(input)
  local result, failure = response.read(operation, answer)
  debug.sethook() -- what follows is not the library's
  assert((result == nil) == (failure ~= nil), "neither a result nor an error")
  if failure then return check_failure(failure, answer) end
  assert(answer.status >= 200 and answer.status < 300, "a result of a failure")
  check(operation.output, result, "result")
  check_nulls(result)
end
