-- The parser of the shared files against a slow, obvious one. Besides: types are kept; a message
-- holds nothing of the file; line ends of Windows and comment lines change nothing; what was read,
-- written, is read as the same again.

local reference = require "spec.fuzz.shared_config_reference"
local shared_config = require "lmigrationhub.shared_config"

local PREFIXES = { profiles = "profile", sso_sessions = "sso-session", services = "services" }
local MESSAGE = "^f, line %d+: expected [a-z%[%]=, ']+$"

local function is_same(left, right)
  if type(left) ~= "table" or type(right) ~= "table" then return left == right end
  for key, value in pairs(left) do
    if not is_same(value, right[key]) then return false end
  end
  for key in pairs(right) do
    if left[key] == nil then return false end
  end
  return true
end

local function check_properties(properties, depth)
  for name, value in pairs(properties) do
    assert(name == name:lower() and not name:find "=", "a broken name")
    if depth == 1 then
      assert(name:find "^[A-Za-z0-9_/.%%@:+-]+$", "a name that is invalid")
    end
    if type(value) == "table" then
      assert(depth == 1, "a block in a block")
      check_properties(value, depth + 1)
    else
      assert(type(value) == "string", "no text")
      assert(not value:find "^[ \t\r\n]" and not value:find "[ \t\r\n]$", "blanks round a value")
    end
  end
end

local function check_file(file)
  for group in pairs(file) do assert(PREFIXES[group], "another group") end
  for group in pairs(PREFIXES) do
    for name, properties in pairs(file[group]) do
      assert(type(name) == "string" and name ~= "", "a section without a name")
      check_properties(properties, 1)
    end
  end
end

local function write_properties(lines, properties, indent)
  for name, value in pairs(properties) do
    if type(value) == "table" then
      lines[#lines + 1] = name .. "="
      write_properties(lines, value, " ")
    else
      lines[#lines + 1] = indent .. name .. "=" .. value:gsub("\n", "\n ")
    end
  end
end

local function write(file)
  local lines = {}
  for group, prefix in pairs(PREFIXES) do
    for name, properties in pairs(file[group]) do
      lines[#lines + 1] = ("[%s \"%s\"]"):format(prefix, name)
      write_properties(lines, properties, "")
    end
  end
  return table.concat(lines, "\n")
end

local function parse(text, kind) return shared_config.parse(text, kind, "f") end

local function with_comments(text)
  local mark, rest = text:match "^(\239\187\191)(.*)$"
  return (mark or "") .. ("\n" .. (rest or text)):gsub("\n", "\n#c\n;d = e\n \n")
end

local function with_windows_ends(text)
  return (text:gsub("\n", "\r\n"))
end

local function check(text, kind)
  local file, message = parse(text, kind)
  if not is_same(file, reference.parse(text, kind)) then error("not what the other reads", 0) end
  if not file then assert(message:find(MESSAGE), message) else check_file(file) end
  for what, change in pairs { comments = with_comments, ["line ends"] = with_windows_ends } do
    if not is_same(file, (parse(change(text), kind))) then error(what .. " change a file", 0) end
  end
  if file and not is_same(file, parse(write(file), "config")) then
    error("written again, it is another:\n" .. write(file), 0)
  end
end

return function(input)
  parse(input, "config")
  parse(input, "credentials")
  debug.sethook() -- the same again tells nothing
  check(input, "config")
  check(input, "credentials")
end
