-- What the hub was told to do wrong, and to which of the coming requests. The entries lie as JSON
-- in a shared dictionary, each with the numbers of requests it has seen and spoilt.

local cjson = require "cjson"
local response = require "spec.hub.app.response"

local KEY = "entries"
local WHEN = { after = "number", times = "number" }

-- Each effect with the type of its value; spec/hub/README.md says what they do.
local EFFECTS = {
  throttle = "table", fail = "table", error = "table", respond = "table",
  home_region_not_set = "boolean",
  delay = "number", skew = "number", headers = "table",
  token = "string", token_age = "number", repeat_token = "number", empty_page = "boolean",
  close = "boolean", cut = "number", cut_head = "number", stall = "table", drip = "table",
}

local entries = ngx.shared.misbehaviours

local function is_due(entry)
  if entry.seen <= (entry.after or 0) then return false end
  return not entry.times or entry.spoilt < entry.times
end

-- The first entry that answers in the service's place answers alone, so entries queue up.
local function collides(entry, effects)
  local answers = effects.answer ~= nil
  for name in pairs(entry) do
    if EFFECTS[name] and (effects[name] ~= nil or answers and response.canned[name]) then
      return true
    end
  end
  return false
end

local function apply(entry, effects)
  entry.spoilt = entry.spoilt + 1
  for name, value in pairs(entry) do
    if response.canned[name] then effects.answer = response.canned[name](value) end
    if EFFECTS[name] then effects[name] = value end
  end
end

--- The effects upon the request at hand.
local function take()
  local text, effects = entries:get(KEY), {}
  if not text then return effects end
  local list = cjson.decode(text)
  for _, entry in ipairs(list) do
    entry.seen = entry.seen + 1
    if is_due(entry) and not collides(entry, effects) then apply(entry, effects) end
  end
  entries:set(KEY, cjson.encode(list))
  return effects
end

local function complaint(entry)
  for name, value in pairs(entry) do
    local expected = EFFECTS[name] or WHEN[name]
    if not expected then return "unknown misbehaviour: " .. tostring(name) end
    if type(value) ~= expected then return ("%s must be a %s"):format(name, expected) end
    local ok, problem = pcall(response.canned[name] or tostring, value)
    if not ok then return ("%s: %s"):format(name, problem) end
  end
end

--- add(list) -> true | nil, message
local function add(list)
  local all = cjson.decode(entries:get(KEY) or "[]")
  for _, entry in ipairs(list) do
    local problem = complaint(entry)
    if problem then return nil, problem end
    entry.seen, entry.spoilt = 0, 0
    table.insert(all, entry)
  end
  entries:set(KEY, cjson.encode(all))
  return true
end

local function clear() entries:delete(KEY) end

return { take = take, add = add, clear = clear }
