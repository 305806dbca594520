-- (operation, HTTP response) -> result | error. Results follow the operation's shapes: integers are
-- integers, timestamps are seconds since 1970 UTC, null is absent; what the shapes do not know
-- passes through. Errors follow Smithy's rules for awsJson1.1 (header, `code`, `__type`), which are
-- wider than botocore's.

local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local reader = require "lmigrationhub.reader"
local timestamp = require "lmigrationhub.timestamp"

local MAX_SHOWN = 200 -- bytes of an answer that is no JSON shown as the message

local REASONS = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [408] = "Request Timeout", [413] = "Content Too Large", [429] = "Too Many Requests",
  [500] = "Internal Server Error", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
}

local conversions = {}

function conversions.timestamp(value)
  return type(value) == "string" and timestamp.parse(value) or nil
end

function conversions.integer(value)
  local number = type(value) == "string" and value:find "^%-?%d[%d.eE+-]*$" and tonumber(value)
  return number and number % 1 == 0 and number or nil
end

local function convert(shape_type, value)
  local right = conversions[shape_type] and conversions[shape_type](value)
  if right then return right end
  local got = type(value) == "number" and tostring(value) or type(value)
  return nil, (": expected %s, got %s"):format(shape_type, got)
end

local readers = setmetatable({}, { __mode = "k" }) -- made at an operation's first answer

local function reader_of(operation)
  local read = readers[operation]
  if not read then
    read = reader.new(operation.output, convert)
    readers[operation] = read
  end
  return read
end

local function invalid(answer, message)
  return errors.new {
    kind = "response", code = "InvalidResponse", message = message, status = answer.status,
    request_id = answer.headers["x-amzn-requestid"],
  }
end

local function result(operation, answer)
  if answer.body == "" and next(operation.output.members) == nil then return {} end
  local object, message = json.decode(answer.body)
  if not object then return nil, invalid(answer, "the answer is " .. message) end
  local problem = reader_of(operation)(object)
  if not problem then return object end
  return nil, invalid(answer, "the answer is malformed: " .. problem:gsub("^%W+", ""))
end

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function error_code(answer, object)
  local name = text(answer.headers["x-amzn-errortype"]) or text(object.code) or text(object.__type)
  name = name and name:match("^[^:]*"):match("[^#]*$")
  return text(name)
end

local function fallback_message(answer)
  local is_html = answer.body:find "^%s*<"
  if is_html or not answer.body:find "%S" then return REASONS[answer.status] or "" end
  return answer.body:sub(1, MAX_SHOWN)
end

local function seconds(value)
  local number = tonumber(value)
  return number and number >= 0 and number < math.huge and number or nil
end

local function retry_after(answer, object)
  local milliseconds = seconds(answer.headers["x-amz-retry-after"])
  return seconds(object.RetryAfterSeconds) or milliseconds and milliseconds / 1000
end

local function service_error(answer)
  local object = json.decode(answer.body)
  local code = error_code(answer, object or {})
  local message = not (object or code) and fallback_message(answer)
  object = object or {}
  return errors.new {
    kind = "service",
    code = code or ("%d"):format(answer.status),
    message = message or text(object.message) or text(object.Message) or "",
    status = answer.status,
    request_id = answer.headers["x-amzn-requestid"],
    retry_after = retry_after(answer, object),
  }
end

--- Reads an answer of the service.
---@param operation table a row of operations.lua
---@param answer lmigrationhub.Response
---@return table? result
---@return lmigrationhub.Error? error of kind "service" (refused) or "response" (makes no sense)
local function read(operation, answer)
  if answer.status >= 200 and answer.status < 300 then return result(operation, answer) end
  return nil, service_error(answer)
end

return { read = read }
