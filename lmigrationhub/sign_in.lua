-- What SSO and `aws login` share: a token that the AWS tools left in a file, a service that renews
-- it ahead of its end and answers in JSON, and the token's way back into the file, with whatever
-- else the tools wrote there.

local json = require "lmigrationhub.json"

local RETRY_PAUSE = 60 -- seconds for which a failure to renew counts
local MAX_LIFETIME = 10 * 365 * 86400 -- seconds; a longer one is a mistake
local TOO_MANY = 429 -- HTTP status

--- A member that is a text, and not empty.
---@param section table
---@param name string
---@return string?
local function text_of(section, name)
  local value = section[name]
  return type(value) == "string" and value ~= "" and value or nil
end

-- The service's error in words, and its code.
local function refusal(answer)
  local document = json.decode(answer.body) or {}
  local code = answer.headers["x-amzn-errortype"] or text_of(document, "error")
  local message = text_of(document, "error_description") or text_of(document, "message")
  local text = "HTTP " .. answer.status
  code = code and code:match "^[^:]*"
  if code then text = text .. " " .. code end
  return message and ("%s: %s"):format(text, message) or text, text_of(document, "error")
end

--- Sends a request to a service that answers in JSON.
---@param request table
---@param context table
---@return table? answer
---@return string? message
---@return integer? status of a refusal
---@return string? code of a refusal: the answer's member `error`
local function ask(request, context)
  local answer, message = context.send(request, { retry = true })
  if not answer then return nil, message end
  if answer.status == 200 then return json.decode(answer.body) end
  local text, code = refusal(answer)
  return nil, text, answer.status, code
end

local function read(kind, context)
  local file, message = context.open(kind.path, "rb")
  if not file then return nil, ("no %s: %s"):format(kind.name, message) end
  local token = json.decode(file:read "*a" or "")
  file:close()
  if token and kind.ends_of(token) then return token end
  return nil, ("no %s in %s"):format(kind.name, kind.path)
end

-- Why a token cannot be renewed; and whether only the user can help.
local function obstacle(token, kind, context)
  local problem = kind.obstacle and kind.obstacle(token)
  for _, name in ipairs(kind.needs) do
    if not (problem or text_of(token, name)) then problem = "it has no " .. name end
  end
  if problem then return problem, true end
  local last = context.memory[kind.path]
  if last and math.abs(context.now() - last.time) < RETRY_PAUSE then
    return last.message, last.is_final
  end
  return nil
end

local function end_of(answer, now)
  local lifetime = answer.expiresIn
  if type(lifetime) ~= "number" or lifetime <= 0 or lifetime > MAX_LIFETIME then return nil end
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(now + lifetime))
end

local function keep(token, kind, context)
  local kept, message = context.write_private(kind.path, json.encode(token))
  if kept then return end
  context.log("warn", ("the renewed %s was not kept: %s"):format(kind.name, message))
end

-- A refusal is final, but for one of too many requests: it would only come again.
local function fail(message, status, time, kind, context)
  local is_final = status ~= nil and status >= 400 and status < 500 and status ~= TOO_MANY
  context.memory[kind.path] = { time = time, message = message, is_final = is_final }
  return nil, message, is_final
end

local function renew(token, kind, context)
  local problem, is_final = obstacle(token, kind, context)
  if problem then return nil, problem, is_final end
  local now = context.now()
  local answer, message, status = kind.exchange(token)
  if not answer then return fail(message, status, now, kind, context) end
  local expires_at = end_of(answer, now)
  if not (expires_at and kind.apply(token, answer, expires_at)) then
    return fail("the answer is not complete", nil, now, kind, context)
  end
  token.refreshToken = text_of(answer, "refreshToken") or token.refreshToken
  keep(token, kind, context)
  return token
end

---@class lmigrationhub.SignIn
---@field name string for messages
---@field path string of the token's file
---@field ahead number seconds before its end from which on a token is renewed
---@field needs string[] members without which it cannot be
---@field obstacle (fun(token: table): string?)? why else it cannot be
---@field ends_of fun(token: table): number? seconds since 1970 UTC; nil for what is no token
---@field exchange fun(token: table): table?, string?, integer? works as `ask`
---@field apply fun(token: table, answer: table, expires_at: string): boolean? false: no new token

--- Finds the token, renewed if that is due and possible; one that is good still need not be.
---@param kind lmigrationhub.SignIn
---@param context table
---@return table? token
---@return string? message
---@return boolean? is_final only the user can help, by logging in
local function find_token(kind, context)
  local token, message = read(kind, context)
  if not token then return nil, message, true end
  local ends = kind.ends_of(token)
  if ends - context.now() > kind.ahead then return token end
  local renewed, problem, is_final = renew(token, kind, context)
  if renewed then return renewed end
  message = ("the %s was not renewed: %s"):format(kind.name, problem)
  if ends <= context.now() then
    return nil, ("the %s has ended; %s"):format(kind.name, message), is_final
  end
  context.log("info", message)
  return token
end

return { ask = ask, find_token = find_token, text_of = text_of }
