-- The one kind of value that every failure raises. A table, so that a program reads its fields;
-- with __tostring, so that a person reads one line. It never holds a secret.

---@class lmigrationhub.Error
---@field kind "service"|"transport"|"credentials"|"config"|"validation"|"pagination"|"response"
---@field code string by name: the service's ("ResourceNotFoundException") or ours ("Timeout")
---@field message string for a person
---@field operation string? the AWS name of the operation that was called
---@field status integer? HTTP status of the answer
---@field request_id string? the service's name for the request; AWS support asks for it
---@field attempts integer? how often the request was sent
---@field retry_after number? seconds the service asked to wait
local Error = { __name = "lmigrationhub.error" }
Error.__index = Error

local function details(self)
  local parts = {}
  if self.status then parts[#parts + 1] = "HTTP " .. self.status end
  if self.request_id then parts[#parts + 1] = "request id " .. self.request_id end
  if (self.attempts or 0) > 1 then parts[#parts + 1] = self.attempts .. " attempts" end
  if #parts == 0 then return "" end
  return " (" .. table.concat(parts, ", ") .. ")"
end

function Error:__tostring()
  local operation = self.operation and self.operation .. ": " or ""
  local message = self.message ~= "" and ": " .. self.message or ""
  local line = operation .. self.code .. message .. details(self)
  return (line:gsub("%c+", " "))
end

--- Makes an error object of its fields.
---@param fields table kind, code and message, and whichever of the others are known
---@return lmigrationhub.Error
local function new(fields)
  return setmetatable(fields, Error)
end

--- Tells an error object of this library from any other value.
---@param value any
---@return boolean
local function is_error(value)
  return type(value) == "table" and getmetatable(value) == Error
end

return { new = new, is_error = is_error }
