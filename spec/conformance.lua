-- The public conformance cases: the environment variable CONFORMANCE names the folder they lie in.

local busted = require "busted"
local cjson = require "cjson"

local folder = os.getenv "CONFORMANCE"

--- A file of the folder, which must be present.
---@param path string
---@return string
local function text(path)
  local file = assert(io.open(folder .. "/" .. path))
  local content = file:read "*a"
  file:close()
  return content
end

--- Calls `fn(data)` inside a `describe` to define tests; without the folder, one pending test
--- stands for them.
---@param path string
---@param fn fun(data: table)
local function each(path, fn)
  if folder then return fn(cjson.decode(text(path))) end
  busted.pending("the public cases of " .. path .. " (CONFORMANCE is not set)", function() end)
end

return { each = each, text = text, null = cjson.null }
