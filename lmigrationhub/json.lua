-- JSON text <-> Lua values, by lua-cjson or OpenResty's fork of it. Their quirks end here: null is
-- absent, NaN and the infinities are no JSON, bytes that are no UTF-8 are an error. Only objects
-- are decoded.

local cjson = require "cjson"
local first_invalid = require("lmigrationhub.utf8").first_invalid

local MAX_DEPTH = 100

-- An instance of our own: the host program's settings are not ours to change, nor ours its to
-- change.
local codec = cjson.new()
codec.decode_max_depth(MAX_DEPTH)
codec.encode_max_depth(MAX_DEPTH)
codec.decode_invalid_numbers(false)
codec.encode_invalid_numbers(false)

local null = cjson.null

local function compact(list, count)
  local kept = 0
  for index = 1, count do
    local item = list[index]
    list[index] = nil
    if item ~= null then
      kept = kept + 1
      list[kept] = item
    end
  end
end

local function drop_nulls(value)
  local count, holes = #value, false
  for key, member in next, value do
    if member == null then
      if count > 0 then holes = true else value[key] = nil end
    elseif type(member) == "table" then
      drop_nulls(member)
    end
  end
  if holes then compact(value, count) end
end

--- Decodes one JSON object.
---@param text string
---@return table? object members that are null are absent, and so are items of lists
---@return string? message why the text is no JSON object
local function decode(text)
  local position = first_invalid(text)
  if position then return nil, "not UTF-8 at byte " .. position end
  if not text:find("^[ \t\r\n]*{") then return nil, "not a JSON object" end
  local ok, value = pcall(codec.decode, text)
  if not ok then return nil, "broken JSON: " .. value end
  if text:find("null", 1, true) then drop_nulls(value) end
  return value
end

return { decode = decode, encode = codec.encode }
