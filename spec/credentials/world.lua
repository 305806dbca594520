-- A world for specs of credentials: a transport with prepared answers, files of text, a clock that
-- stands still.

local json = require "lmigrationhub.json"

local NOW = 1700000000

local function split_form(body)
  local fields = {}
  for name, value in body:gmatch "([^&=]+)=([^&]*)" do
    fields[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return fields
end

local function open(world, path)
  local content = world.files[path]
  if not content then return nil, path .. ": No such file or directory", 2 end
  return { read = function() return content end, close = function() end }
end

--- STS's answer to an action for a role: the key id tells which.
---@param action string
---@param role string
local function role_answer(action, role)
  return { status = 200, headers = {}, body = json.encode {
    [action .. "Response"] = { [action .. "Result"] = {
      AssumedRoleUser = { Arn = "arn:aws:sts::123456789012:assumed-role/role/session" },
      Credentials = {
        AccessKeyId = "key-of-" .. role:gsub("[:/]", "."), SecretAccessKey = "role-secret",
        SessionToken = "role-token", Expiration = NOW + 3600,
      },
    } },
  } }
end

-- Without a prepared answer everybody gets the role that they ask for.
local function send(world, request)
  world.requests[#world.requests + 1] = request
  local answer = table.remove(world.answers, 1)
  if type(answer) == "table" then return answer end
  if type(answer) == "string" then return nil, "no answer: " .. answer, answer end
  local fields = split_form(request.body or "")
  return role_answer(fields.Action, fields.RoleArn)
end

--- A world to lend to credentials.new. `answers` are responses, or kinds of failure, in order.
---@param answers table?
---@return table
local function new(answers)
  local world = {
    files = {}, answers = answers or {}, requests = {}, sleeps = {}, lines = {}, time = NOW,
  }
  world.transport = {
    send = function(_, request) return send(world, request) end,
    sleep = function(_, seconds) table.insert(world.sleeps, seconds) end,
  }
  world.now = function() return world.time end
  world.random = function() return 0.5 end
  world.open = function(path) return open(world, path) end
  world.log = function(level, message) table.insert(world.lines, level .. ": " .. message) end
  world.run = function() error "ran a program" end
  world.write_private = function() error "wrote a file" end
  world.retry = function()
    return require("lmigrationhub.retry").new { max_attempts = 3, random = world.random }
  end
  return world
end

return { new = new, split_form = split_form, role_answer = role_answer, NOW = NOW }
