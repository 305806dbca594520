-- The shared files once more, slow and obvious: first lines become entries, then entries become
-- sections. What must be refused gives nil.

local PREFIXES = { profile = "profiles", ["sso-session"] = "sso_sessions", services = "services" }
local KINDS = { [" "] = "more", ["\t"] = "more", ["["] = "header", ["#"] = "none", [";"] = "none" }

local function trim(text)
  while text:find "^[ \t\r]" do text = text:sub(2) end
  while text:find "[ \t\r]$" do text = text:sub(1, -2) end
  return text
end

local function is_comment(text)
  local first = text:sub(1, 1)
  return first == "#" or first == ";"
end

local function kind_of(line)
  if trim(line) == "" then return "none" end
  return KINDS[line:sub(1, 1)] or "property"
end

-- Headers, and properties with the indented lines that follow them.
local function entries_of(text)
  local entries = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local kind, last = kind_of(line), entries[#entries]
    if kind == "more" and last and last.kind == "property" then
      table.insert(last.more, trim(line))
    elseif kind == "more" and not is_comment(trim(line)) then
      return nil
    elseif kind == "header" or kind == "property" then
      entries[#entries + 1] = { kind = kind, line = line, more = {} }
    end
  end
  return entries
end

local function split(text)
  for at = 1, #text - 1 do
    if text:sub(at, at):find "[ \t]" and is_comment(text:sub(at + 1)) then
      text = text:sub(1, at)
      break
    end
  end
  local sign = text:find("=", 1, true)
  local name = sign and trim(text:sub(1, sign - 1)):lower()
  if not name or name == "" then return nil end
  return name, trim(text:sub(sign + 1))
end

local function is_name(text) return text:find "^[%w_/.%%@:+-]+$" ~= nil end

local function unquote(text)
  local quote, inner = text:sub(1, 1), text:sub(2, -2)
  local is_quoted = #text > 2 and (quote == "'" or quote == '"') and text:sub(-1) == quote
  return is_quoted and not inner:find "[\"'%c]" and inner or nil
end

-- The group and the name of a section that is kept.
local function place(header, kind)
  if kind == "credentials" then return is_name(header) and "profiles", header end
  if header == "default" then return "unprefixed", header end
  local blank = header:find "[ \t]"
  local group = blank and PREFIXES[header:sub(1, blank - 1)]
  local name = group and header:sub(blank):gsub("^[ \t]+", "")
  if not name then return nil end
  return group, unquote(name) or is_name(name) and name
end

local function section_of(line, result, kind)
  local last = line:find("]", 1, true)
  local rest = last and trim(line:sub(last + 1))
  if not rest or rest ~= "" and not is_comment(rest) then return nil end
  local group, name = place(trim(line:sub(2, last - 1)), kind)
  if not group or not name then return {} end
  result[group][name] = result[group][name] or {}
  return result[group][name]
end

local function block_of(lines)
  local block = {}
  for _, line in ipairs(lines) do
    if not is_comment(line) then
      local name, value = split(line)
      if not name then return nil end
      block[name] = value
    end
  end
  return next(block) and block or ""
end

local function add_property(section, entry)
  local name, value = split(entry.line)
  if not name or not section then return false end
  if value == "" then
    value = block_of(entry.more)
  else
    value = table.concat({ value, table.unpack(entry.more) }, "\n")
  end
  if value and is_name(name) then section[name] = value end
  return value ~= nil
end

local function parse(text, kind)
  local result = { unprefixed = {}, profiles = {}, sso_sessions = {}, services = {} }
  local entries = entries_of((text:gsub("^\239\187\191", "")))
  local section
  for _, entry in ipairs(entries or {}) do
    if entry.kind == "header" then
      section = section_of(entry.line, result, kind)
      if not section then return nil end
    elseif not add_property(section, entry) then
      return nil
    end
  end
  result.profiles.default = result.profiles.default or result.unprefixed.default
  result.unprefixed = nil
  return entries and result
end

return { parse = parse }
