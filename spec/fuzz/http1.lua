-- The HTTP/1.1 reader: how bytes are split changes nothing. An input may begin with a line of the
-- two limits, "max_header max_body"; the rest is what a server sends.

local http1 = require "lmigrationhub.transport.http1"

local LIMITS = "^(%d%d?%d?%d?%d?) (%d%d?%d?%d?%d?)\n(.*)$"

local function limits_of(input)
  local max_header, max_body, rest = input:match(LIMITS)
  if not rest then return { max_header = 300, max_body = 300 }, input end
  return { max_header = tonumber(max_header), max_body = tonumber(max_body) }, rest
end

local function describe(headers)
  local lines = {}
  for name, value in pairs(headers) do
    assert(name == name:lower() and not (name .. value):find "[\r\n\0]", "a broken header")
    lines[#lines + 1] = name .. ": " .. value
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- All that can be told of a reader, as text.
local function outcome(reader, done, message, kind)
  local ended, eof_message, eof_kind = reader:eof()
  assert(ended == done and (done or eof_message), "done and eof disagree")
  local parts = { done, message, kind, eof_message, eof_kind, reader:reusable() }
  for index = 1, 6 do parts[index] = tostring(parts[index]) end
  if done then
    parts[#parts + 1] = reader.status
    parts[#parts + 1] = describe(reader.headers)
    parts[#parts + 1] = reader:body()
  end
  return table.concat(parts, " / ")
end

local function read(bytes, limits, next_size)
  local reader = http1.new(limits)
  local done, message, kind
  local from = 1
  repeat
    local size = next_size()
    done, message, kind = reader:feed(bytes:sub(from, from + size - 1))
    from = from + size
  until from > #bytes
  if done then assert(#reader:body() <= limits.max_body, "the body exceeds its limit") end
  return outcome(reader, done, message, kind)
end

local function whole() return 2 ^ 30 end
local function bytewise() return 1 end

-- Sizes below 32 that depend on the input only (Park and Miller's generator).
local function dice(seed)
  return function()
    seed = seed * 16807 % 2147483647
    return seed % 32
  end
end

return function(input)
  local limits, bytes = limits_of(input)
  local expected = read(bytes, limits, whole)
  debug.sethook() -- the same again tells nothing
  for _, next_size in ipairs { bytewise, dice(#input + 1), dice(#input * 7 + 3) } do
    local got = read(bytes, limits, next_size)
    if got ~= expected then error(("whole: %s\nsplit: %s"):format(expected, got), 0) end
  end
end
