-- What service.json says about the service: which operations there are, and whether an input is
-- valid. Input members that the model does not know are dropped, and so are those that are null.

local cjson = require "cjson"

local model = {}
local service

function model.load(path)
  local file = assert(io.open(path, "rb"))
  service = cjson.decode(file:read("*a"))
  file:close()
end

function model.operation(name) return service.operations[name] end

local function violation(path, value, constraint)
  local text = type(value) == "table" and cjson.encode(value) or tostring(value)
  return ("Value '%s' at '%s' failed to satisfy constraint: Member must %s")
    :format(text, path, constraint)
end

-- Characters, not bytes; the input is known to be UTF-8.
local function characters(text)
  local _, continuations = text:gsub("[\128-\191]", "")
  return #text - continuations
end

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

local TYPES = {
  string = function(value) return type(value) == "string" end,
  boolean = function(value) return type(value) == "boolean" end,
  integer = function(value) return type(value) == "number" and value % 1 == 0 end,
  timestamp = function(value) return type(value) == "number" end,
  list = is_list,
  structure = function(value) return type(value) == "table" and #value == 0 end,
}

-- What `min` and `max` bound, and how the service calls it.
local MEASURES = {
  string = { name = "length", of = characters },
  list = { name = "length", of = function(value) return #value end },
  integer = { name = "value", of = function(value) return value end },
}

local function check_bounds(shape, value, path, violations)
  local measure = MEASURES[shape.type]
  local size = measure and measure.of(value)
  local bound
  if shape.min and size < shape.min then bound = "greater than or equal to " .. shape.min end
  if shape.max and size > shape.max then bound = "less than or equal to " .. shape.max end
  if bound then
    table.insert(violations, violation(path, value, ("have %s %s"):format(measure.name, bound)))
  end
end

local function check_pattern(shape, value, path, violations)
  local pattern = shape.pattern
  if not pattern or ngx.re.find(value, "\\A(?:" .. pattern .. ")\\z", "jou") then return end
  table.insert(violations,
    violation(path, value, "satisfy regular expression pattern: " .. pattern))
end

local function check_enum(shape, value, path, violations)
  if not shape.enum then return end
  for _, known in ipairs(shape.enum) do
    if value == known then return end
  end
  table.insert(violations,
    violation(path, value, ("satisfy enum value set: [%s]"):format(table.concat(shape.enum, ", "))))
end

local check

-- The service names members in its messages with a small first letter.
local function member_path(path, name)
  local spelled = name:gsub("^%u", string.lower)
  return path == "" and spelled or path .. "." .. spelled
end

local function check_members(shape, value, path, violations)
  for _, name in ipairs(shape.required or {}) do
    if value[name] == nil or value[name] == cjson.null then
      table.insert(violations, violation(member_path(path, name), "null", "not be null"))
    end
  end
  for name, member in pairs(value) do
    if not shape.members[name] or member == cjson.null then value[name] = nil end
  end
  local names = {}
  for name in pairs(shape.members) do table.insert(names, name) end
  table.sort(names)
  for _, name in ipairs(names) do
    if value[name] ~= nil then
      check(shape.members[name], value[name], member_path(path, name), violations)
    end
  end
end

local function check_items(shape, value, path, violations)
  for index, item in ipairs(value) do
    check(shape.member, item, ("%s.%d.member"):format(path, index), violations)
  end
end

function check(name, value, path, violations)
  local shape = service.shapes[name]
  if not TYPES[shape.type](value) then
    return table.insert(violations, violation(path, value, "be of type " .. shape.type))
  end
  check_bounds(shape, value, path, violations)
  if shape.type == "string" then
    check_pattern(shape, value, path, violations)
    check_enum(shape, value, path, violations)
  elseif shape.type == "structure" then
    check_members(shape, value, path, violations)
  elseif shape.type == "list" then
    check_items(shape, value, path, violations)
  end
end

--- All that is wrong with an operation's input, in one message; nil when it is valid.
function model.invalid(operation, input)
  local violations = {}
  check(service.operations[operation].input, input, "", violations)
  if #violations == 0 then return nil end
  return ("%d validation error%s detected: %s"):format(
    #violations, #violations > 1 and "s" or "", table.concat(violations, "; "))
end

--- The pagination rule of an operation and the size of its largest page; nil when it has no pages.
function model.pagination(operation)
  local rule = service.operations[operation].pagination
  if not rule then return nil end
  local members = service.shapes[service.operations[operation].input].members
  return rule, service.shapes[members[rule.limit_key]].max
end

return model
