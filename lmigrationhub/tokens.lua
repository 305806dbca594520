-- The page tokens of one listing. A token that comes twice means a listing without end. All tokens
-- of the last pages are remembered, and one milestone, moved on each time the listing has doubled,
-- catches any longer loop: memory stays bounded, and small, for a token may have 2,048 bytes.

local errors = require "lmigrationhub.errors"

local REMEMBERED = 8

---@class lmigrationhub.Tokens
local Tokens = { __name = "lmigrationhub.tokens" }
Tokens.__index = Tokens

---@param token string
---@return boolean
function Tokens:is_repeated(token)
  return (self._recent[token] or self._older[token] or token == self._milestone) == true
end

---@param token string
function Tokens:add(token)
  self._count = self._count + 1
  if self._count % REMEMBERED == 0 then self._older, self._recent = self._recent, {} end
  self._recent[token] = true
  if self._count == self._next_milestone then
    self._milestone, self._next_milestone = token, 2 * self._count
  end
end

--- What to raise when a token is repeated.
---@param operation table a row of operations.lua
---@return lmigrationhub.Error
local function repeated(operation)
  return errors.new {
    kind = "pagination", code = "PaginationError", operation = operation.name,
    message = "the service gave a page token for the second time: the listing would never end",
  }
end

---@return lmigrationhub.Tokens
local function new()
  return setmetatable({ _recent = {}, _older = {}, _count = 0, _next_milestone = 1 }, Tokens)
end

return { new = new, repeated = repeated }
