-- A program from start to end: what posix.start gives, waited for.

local posix = require "lmigrationhub.posix"

---@param words string[]
---@param limits table? timeout, max_output
---@return integer? status
---@return string output or message
---@return string? errors the end of what it said on stderr
return function(words, limits)
  local program, message = posix.start(words, limits)
  if not program then return nil, message end
  repeat until program:finished()
  return program:result()
end
