-- The one kind of value that every failure raises. A table, so that a program reads its fields;
-- with __tostring, so that a person reads one line. It never holds a secret.

---@class lmigrationhub.Error its fields are in types.lua
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

--- A service's words without the secrets in them: some answer a bad signature with all that they
--- were sent.
---@param text string
---@param session_token string? that they were sent
---@return string
local function without_secrets(text, session_token)
  if session_token and session_token ~= "" then
    text = text:gsub(session_token:gsub("%W", "%%%0"), "…")
  end
  return (text:gsub("Signature=%x+", "Signature=…"))
end

return { new = new, is_error = is_error, without_secrets = without_secrets }
