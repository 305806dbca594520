-- One call of an operation: validate, sign, send, retry, parse. A caller serves all calls of a
-- client: they share the retry quota, the clock's skew and the credentials, and between two lines
-- that may wait another call may have run.

local errors = require "lmigrationhub.errors"
local rate_limiter = require "lmigrationhub.rate_limiter"
local request = require "lmigrationhub.request"
local response = require "lmigrationhub.response"
local retry = require "lmigrationhub.retry"
local sigv4 = require "lmigrationhub.sigv4"

local SERVICE = "mgh"
local TRANSPORT_CODES = {
  timeout = "Timeout", connection = "ConnectionError", tls = "TLSError", protocol = "ProtocolError",
  too_large = "ResponseTooLarge",
}

-- The service does not accept these credentials any more; others may be had.
local EXPIRED = { ExpiredToken = true, ExpiredTokenException = true }

---@class lmigrationhub.Caller
local Caller = { __name = "lmigrationhub.caller" }
Caller.__index = Caller

local function bits(random, count) return math.floor(random() * 2 ^ count) end

-- A random UUID (RFC 9562, version 4): the same for all attempts of a call.
local function invocation_id(random)
  return ("%08x-%04x-4%03x-%04x-%06x%06x"):format(bits(random, 32), bits(random, 16),
    bits(random, 12), 0x8000 + bits(random, 14), bits(random, 24), bits(random, 24))
end

local function log(self, level, form, failure, ...)
  if self._log then self._log(level, form:format(tostring(failure), ...)) end
end

local function log_answer(self, operation, state, answer, received)
  if not self._log then return end
  self._log("debug", ("%s: attempt %d of %d: HTTP %d after %.3f s, request id %s"):format(
    operation.name, state.attempts, self._retry.max_attempts, answer.status,
    received - state.sent, answer.headers["x-amzn-requestid"] or "none"))
end

local function sign(self, unsigned, keys, state)
  local headers = {
    host = self._endpoint.host,
    ["x-amz-date"] = os.date("!%Y%m%dT%H%M%SZ", math.floor(state.sent + state.skew)),
    ["x-amz-security-token"] = keys.session_token,
    ["amz-sdk-invocation-id"] = state.id,
    ["amz-sdk-request"] = ("attempt=%d; max=%d"):format(state.attempts, self._retry.max_attempts),
  }
  for name, value in next, unsigned.headers do headers[name] = value end
  local signed = {
    method = unsigned.method,
    url = self._endpoint.url .. unsigned.path,
    path = self._endpoint.path .. unsigned.path,
    headers = headers,
    body = unsigned.body,
    timeouts = self._timeouts,
  }
  headers.authorization = sigv4.authorization(signed, keys, self._region, SERVICE)
  headers["user-agent"] = self._user_agent(keys.source, state.is_paginated)
  return signed
end

-- A transport need not be able to; what it gives then is never asked for.
local function cancel(self, ahead)
  if self._transport.cancel then self._transport:cancel(ahead.pending) end
end

-- Begins an attempt: the credentials it is made with, and what `send` gives | nil, error.
local function begin(self, state, send)
  local keys, failure = self._credentials.get()
  if not keys then return nil, failure end
  state.sent, state.skew, state.begun = self._now(), self._skew.seconds, self._clock()
  return keys, send(self._transport, sign(self, state.unsigned, keys, state))
end

-- What was begun ahead and then left alone for longer than an attempt may take has run out of time,
-- and the time of its answer says nothing of the clock.
local function is_stale(self, state)
  return self._clock() - state.begun >= self._timeouts.total
end

-- The answer of an attempt, which may have begun ahead: credentials | nil, error; answer | nil,
-- message, kind.
local function exchange(self, state)
  local ahead = state.ahead
  state.ahead = nil
  if ahead and not is_stale(self, state) then
    return ahead.keys, self._transport:wait(ahead.pending)
  end
  if ahead then cancel(self, ahead) end
  return begin(self, state, self._transport.send)
end

-- One attempt: result | nil, error, and the credentials it was made with.
local function attempt(self, operation, state)
  local keys, answer, message, kind = exchange(self, state)
  if not keys then return nil, answer end
  if not answer then
    local code = TRANSPORT_CODES[kind] or "TransportError"
    return nil, errors.new { kind = "transport", code = code, message = message }, keys
  end
  local received = self._now()
  if self._corrects_clock then self._skew:observe(state.sent, received, answer.headers) end
  log_answer(self, operation, state, answer, received)
  local result, failure = response.read(operation, answer)
  if failure then
    failure.message = errors.without_secrets(failure.message, keys.session_token)
  end
  return result, failure, keys
end

-- Is a failure mended by signing again, with another time or other credentials?
local function is_mended(self, failure, keys, state)
  if EXPIRED[failure.code] and self._credentials.invalidate(keys) then return true end
  return self._skew:explains(failure, state.skew)
end

-- Waits for its turn, in retry mode "adaptive".
local function take_turn(self)
  local delay = self._limiter and self._limiter:acquire(self._clock()) or 0
  if delay > 0 then self._transport:sleep(delay) end
end

local function learn(self, failure, state)
  local is_throttled = failure ~= nil and retry.classify(failure) == "throttling"
  if self._limiter then self._limiter:update(self._clock(), is_throttled) end
  if failure and not is_throttled then return end
  for pace in next, self._paces do pace:update(self._clock(), state.begun, is_throttled) end
end

-- The seconds until the next attempt; nil: there is none.
local function next_attempt(self, failure, keys, state)
  local mended = keys ~= nil and is_mended(self, failure, keys, state)
  local delay, reason = self._retry:failed(state, failure, mended)
  if not delay then
    log(self, "warn", "%s: giving up, %s", failure, reason)
    return nil
  end
  log(self, "info", "%s: trying again in %.3f s", failure, delay)
  return delay
end

-- A call under way, or nil, error.
local function new_call(self, operation, parameters, is_paginated)
  local unsigned, failure = request.new(operation, parameters)
  if not unsigned then return nil, failure end
  return {
    operation = operation, unsigned = unsigned, is_paginated = is_paginated,
    attempts = 1, id = invocation_id(self._random), begun = self._clock(),
  }
end

--- Makes a call.
---@param operation table a row of operations.lua
---@param parameters table?
---@param is_paginated boolean? is it a page of a listing?
---@return table? result
---@return lmigrationhub.Error? error with operation and number of attempts
function Caller:call(operation, parameters, is_paginated)
  local state, failure = new_call(self, operation, parameters, is_paginated)
  if not state then return nil, failure end
  return self:wait(state)
end

--- Begins a call: its request is on its way when this returns. What goes wrong with it is told by
--- `wait`. Arguments as for `call`.
---@param operation table
---@param parameters table?
---@param is_paginated boolean?
---@return table? pending
---@return lmigrationhub.Error? error of kind "validation"
function Caller:start(operation, parameters, is_paginated)
  local state, failure = new_call(self, operation, parameters, is_paginated)
  if not state then return nil, failure end
  take_turn(self)
  local keys, pending = begin(self, state, self._transport.start)
  if keys then state.ahead = { keys = keys, pending = pending } end
  return state
end

--- Ends a call that was begun, retries included.
---@param state table
---@return table? result
---@return lmigrationhub.Error? error with operation and number of attempts
function Caller:wait(state)
  local operation = state.operation
  local result, failure, keys, delay
  while true do
    if not state.ahead then take_turn(self) end
    result, failure, keys = attempt(self, operation, state)
    learn(self, failure, state)
    if result then
      self._retry:succeeded(state)
      return result
    end
    failure.operation, failure.attempts = operation.name, state.attempts
    delay = next_attempt(self, failure, keys, state)
    if not delay then return nil, failure end
    self._transport:sleep(delay)
    state.attempts = state.attempts + 1
  end
end

--- Lets go of a call that was begun and whose result nobody wants any more.
---@param state table
function Caller:cancel(state)
  if state.ahead then cancel(self, state.ahead) end
  state.ahead = nil
end

--- Lets a pace learn from all answers, for as long as somebody holds it.
---@param pace lmigrationhub.Pace
function Caller:add_pace(pace)
  self._paces[pace] = true
end

--- Makes the caller of a client.
---@param parts table endpoint, region, timeouts, credentials, transport, user_agent, retry,
---retry_mode, skew, corrects_clock, log (or nil), now (wall clock), clock (nobody sets it), random
---@return lmigrationhub.Caller
local function new(parts)
  return setmetatable({
    _endpoint = parts.endpoint, _region = parts.region, _timeouts = parts.timeouts,
    _credentials = parts.credentials, _transport = parts.transport, _user_agent = parts.user_agent,
    _retry = parts.retry,
    _limiter = parts.retry_mode == "adaptive" and rate_limiter.new(parts.clock()) or nil,
    _skew = parts.skew, _corrects_clock = parts.corrects_clock,
    _log = parts.log, _now = parts.now, _clock = parts.clock, _random = parts.random,
    _paces = setmetatable({}, { __mode = "k" }),
  }, Caller)
end

return { new = new }
