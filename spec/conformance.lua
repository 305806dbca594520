-- The public conformance cases: the environment variable CONFORMANCE names the folder they lie in.

local busted = require "busted"
local cjson = require "cjson"

local folder = os.getenv "CONFORMANCE"

--- Reads a file of cases; nil where the folder is not present.
---@param path string
---@return table?
local function load_cases(path)
  if not folder then return nil end
  local file = assert(io.open(folder .. "/" .. path))
  local data = cjson.decode(file:read "*a")
  file:close()
  return data
end

--- Calls `fn(data)` inside a `describe` to define tests; without the folder, one pending test
--- stands for them.
---@param path string
---@param fn fun(data: table)
local function each(path, fn)
  local data = load_cases(path)
  if data then return fn(data) end
  busted.pending("the public cases of " .. path .. " (CONFORMANCE is not set)", function() end)
end

return { each = each, null = cjson.null }
