-- ~/.aws/config and ~/.aws/credentials by the parser rules that AWS's SDKs share. A broken line
-- refuses its file; a section or a property with an invalid name is read, and left out. Beyond
-- those rules this accepts what files for the AWS command line have: names in quotes, which may
-- hold blanks, indented comments where nothing can be continued, and a byte order mark.
-- Every pattern takes linear time on any text.

local BYTE_ORDER_MARK = "\239\187\191"
local NOT_BLANK = "[^ \t\r]" -- \r: of a line's end on Windows
local NAME = "^[A-Za-z0-9_/.%%@:+-]+$"
local QUOTED_NAME = "^([\"'])([^\"'%c]+)%1$"

local CHUNK_BYTES = 2 ^ 14
local MAX_CHUNKS = 1024 -- 16 MiB: an endless file ends in a message

-- errno: no such file, and a file in place of one of its folders.
local ABSENT = { [2] = true, [20] = true }

local GROUPS = { profile = "profiles", ["sso-session"] = "sso_sessions", services = "services" }

local function trim(text)
  local first = text:find(NOT_BLANK)
  return first and text:match("^.*" .. NOT_BLANK, first) or ""
end

local function without_comment(text)
  local blank = text:find "[ \t][#;]"
  return blank and text:sub(1, blank) or text
end

-- The two sides of "name = value", the name in lower case; or nil and what is wrong.
local function split(text)
  text = without_comment(text)
  local sign = text:find("=", 1, true)
  if not sign then return nil, "expected name = value" end
  local name = trim(text:sub(1, sign - 1)):lower()
  if name == "" then return nil, "expected a name before the =" end
  return name, trim(text:sub(sign + 1))
end

-- The section of that name; without a name or a group to keep it in, one that nobody will see.
local function section_in(group, name)
  if not (group and name) then return {} end
  group[name] = group[name] or {}
  return group[name]
end

local sections = {}

function sections.config(state, header)
  if header == "default" then return section_in(state.unprefixed, header) end
  local prefix, name = header:match "^([a-z-]+)[ \t]+(.+)$"
  if not prefix then return {} end
  local _, quoted = name:match(QUOTED_NAME)
  return section_in(state.result[GROUPS[prefix]], quoted or name:match(NAME))
end

function sections.credentials(state, header)
  return section_in(state.result.profiles, header:match(NAME))
end

local function end_property(state)
  if state.lines then state.target[state.name] = table.concat(state.lines, "\n") end
  state.name, state.lines = nil, nil
end

local function skip() end

local function read_header(state, line)
  end_property(state)
  local header, rest = line:match "^%[([^%]]*)%](.*)$"
  if not header then return "expected a ] after the section's name" end
  if trim(rest):find "^[^#;]" then return "expected nothing but a comment after the ]" end
  state.section = state.find_section(state, trim(header))
end

local function read_property(state, line)
  end_property(state)
  if not state.section then return "expected a [section] before the first property" end
  local name, value = split(line)
  if not name then return value end
  state.target = name:find(NAME) and state.section or {}
  state.target[name], state.name = value, name
end

local function read_sub_property(state, line)
  local name, value = split(line)
  if not name then return value .. " in the nested block" end
  if state.target[state.name] == "" then state.target[state.name] = {} end
  state.target[state.name][name] = value
end

-- Continues a value, in which a # or ; begins no comment; or, after an empty value, nested
-- properties.
local function read_continuation(state, line)
  local text = trim(line)
  local value = state.name and state.target[state.name]
  if type(value) == "string" and value ~= "" then
    state.lines = state.lines or { value }
    state.lines[#state.lines + 1] = text
    return nil
  end
  if text:find "^[#;]" then return nil end
  if not value then return "expected a property before an indented line" end
  return read_sub_property(state, text)
end

-- By a line's first byte; any other begins a property. Each returns what is wrong with the line,
-- in words that hold nothing of it: it may be a secret.
local READERS = {
  ["["] = read_header,
  ["#"] = skip,
  [";"] = skip,
  [" "] = read_continuation,
  ["\t"] = read_continuation,
}

local function read_line(state, line)
  if not line:find(NOT_BLANK) then return nil end
  local read = READERS[line:sub(1, 1)] or read_property
  return read(state, line)
end

---@alias lmigrationhub.Properties table<string, string|table<string, string>>
--- Lower-case names; a nested block is a table.

---@class lmigrationhub.SharedConfigFile
---@field profiles table<string, lmigrationhub.Properties>
---@field sso_sessions table<string, lmigrationhub.Properties>
---@field services table<string, lmigrationhub.Properties>

--- Parses a file's text.
---@param text string
---@param kind "config"|"credentials" the latter has profiles only, without the word `profile`
---@param path string for the message
---@return lmigrationhub.SharedConfigFile?
---@return string? message names path and line, and holds nothing of the line
local function parse(text, kind, path)
  local result = { profiles = {}, sso_sessions = {}, services = {} }
  local state = { result = result, unprefixed = {}, find_section = sections[kind] }
  if text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then text = text:sub(#BYTE_ORDER_MARK + 1) end
  local number = 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    local problem = read_line(state, line)
    if problem then return nil, ("%s, line %d: %s"):format(path, number, problem) end
  end
  end_property(state)
  result.profiles.default = result.profiles.default or state.unprefixed.default
  return result
end

local function value_of(getenv, variable)
  local value = getenv(variable)
  return value ~= "" and value or nil
end

local function find_home(getenv, is_windows)
  local home = value_of(getenv, "HOME")
  if home or not is_windows then return home end
  local drive, path = getenv "HOMEDRIVE", getenv "HOMEPATH"
  return value_of(getenv, "USERPROFILE") or drive and path and drive .. path
end

--- Finds where the two files lie. Without a home directory there is a path only for a file that the
--- environment names.
---@param getenv fun(name: string): string?
---@param separator string? of the names in a path, default this system's
---@return string? config_path
---@return string? credentials_path
---@return string? home
local function locate(getenv, separator)
  separator = separator or package.config:sub(1, 1)
  local home = find_home(getenv, separator == "\\")
  local function path_of(variable, name)
    local path = value_of(getenv, variable)
    if not path then return home and table.concat({ home, ".aws", name }, separator) end
    return home and path:find "^~[/\\]" and home .. path:sub(2) or path
  end
  return path_of("AWS_CONFIG_FILE", "config"),
    path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials"), home
end

local function read_all(file)
  local chunks = {}
  for i = 1, MAX_CHUNKS do
    local chunk, message = file:read(CHUNK_BYTES)
    if not chunk then return not message and table.concat(chunks) or nil, message end
    chunks[i] = chunk
  end
  return nil, "larger than 16 MiB"
end

local function load_file(path, kind, open)
  if not path then return parse("", kind, "") end
  local file, message, code = open(path, "rb")
  if not file and ABSENT[code] then return parse("", kind, path) end
  if not file then return nil, "cannot read " .. message end
  local text
  text, message = read_all(file)
  file:close()
  if not text then return nil, ("cannot read %s: %s"):format(path, message) end
  return parse(text, kind, path)
end

local function overlay(loaded, profiles, path)
  for name, profile in pairs(profiles) do
    local properties = section_in(loaded.profiles, name)
    local origins = section_in(loaded.origins, name)
    for key, value in pairs(profile) do
      properties[key], origins[key] = value, path
    end
  end
end

---@class lmigrationhub.SharedConfig: lmigrationhub.SharedConfigFile
---@field origins table<string, table<string, string>> profile, key: the path of the file it is from
---@field config_path string? the file that all else is from
---@field home string?

--- Loads both files: a profile's keys in the credentials file win over those in the config file. A
--- file that is absent is an empty one.
---@param getenv fun(name: string): string?
---@param open fun(path: string, mode: string): file*?, string?, integer? works as io.open does
---@return lmigrationhub.SharedConfig?
---@return string? message names the file that cannot be read or parsed
local function load(getenv, open)
  local config_path, credentials_path, home = locate(getenv)
  local config, message = load_file(config_path, "config", open)
  if not config then return nil, message end
  local credentials
  credentials, message = load_file(credentials_path, "credentials", open)
  if not credentials then return nil, message end
  local loaded = {
    profiles = {}, sso_sessions = config.sso_sessions, services = config.services,
    origins = {}, config_path = config_path, home = home,
  }
  overlay(loaded, config.profiles, config_path)
  overlay(loaded, credentials.profiles, credentials_path)
  return loaded
end

return { parse = parse, locate = locate, load = load }
