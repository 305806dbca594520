-- One call of an operation: validate, sign, send, retry, parse. A caller serves all calls of a
-- client: they share the retry quota, the clock's skew and the credentials, and between two lines
-- that may wait another call may have run.

local clock_skew = require "lmigrationhub.clock_skew"
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

-- A random UUID (RFC 9562, version 4): the same for all attempts of a call.
local function invocation_id(random)
  local function bits(count) return math.floor(random() * 2 ^ count) end
  return ("%08x-%04x-4%03x-%04x-%06x%06x"):format(
    bits(32), bits(16), bits(12), 0x8000 + bits(14), bits(24), bits(24))
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

-- One attempt: result | nil, error, and the credentials it was made with.
local function attempt(self, operation, unsigned, state)
  local keys, failure = self._credentials.get()
  if not keys then return nil, failure end
  state.sent, state.skew = self._now(), self._skew.seconds
  local answer, message, kind = self._transport:send(sign(self, unsigned, keys, state))
  if not answer then
    local code = TRANSPORT_CODES[kind] or "TransportError"
    return nil, errors.new { kind = "transport", code = code, message = message }, keys
  end
  local received = self._now()
  if self._corrects_clock then self._skew:observe(state.sent, received, answer.headers) end
  log_answer(self, operation, state, answer, received)
  local result
  result, failure = response.read(operation, answer)
  return result, failure, keys
end

-- Is a failure mended by signing again, with another time or other credentials?
local function is_mended(self, failure, keys, state)
  if EXPIRED[failure.code] and self._credentials.invalidate(keys) then return true end
  return self._skew:explains(failure, state.skew)
end

-- In retry mode "adaptive": waits for its turn, and learns from each answer.
local function take_turn(self)
  local delay = self._limiter and self._limiter:acquire(self._clock()) or 0
  if delay > 0 then self._transport:sleep(delay) end
end

local function learn(self, failure)
  if not self._limiter then return end
  self._limiter:update(self._clock(), failure ~= nil and retry.classify(failure) == "throttling")
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

--- Makes a call.
---@param operation table a row of operations.lua
---@param parameters table?
---@param is_paginated boolean? is it a page of a listing?
---@return table? result
---@return lmigrationhub.Error? error with operation and number of attempts
function Caller:call(operation, parameters, is_paginated)
  local unsigned, failure = request.new(operation, parameters)
  if not unsigned then return nil, failure end
  local state = { attempts = 0, id = invocation_id(self._random), is_paginated = is_paginated }
  local result, keys, delay
  repeat
    state.attempts = state.attempts + 1
    take_turn(self)
    result, failure, keys = attempt(self, operation, unsigned, state)
    learn(self, failure)
    if result then
      self._retry:succeeded(state)
      return result
    end
    failure.operation, failure.attempts = operation.name, state.attempts
    delay = next_attempt(self, failure, keys, state)
    if delay then self._transport:sleep(delay) end
  until not delay
  return nil, failure
end

--- Makes the caller of a client.
---@param parts table endpoint, region, timeouts, credentials, transport, user_agent, retry,
---retry_mode, corrects_clock, log (or nil), now (wall clock), clock (nobody sets it), random
---@return lmigrationhub.Caller
local function new(parts)
  return setmetatable({
    _endpoint = parts.endpoint, _region = parts.region, _timeouts = parts.timeouts,
    _credentials = parts.credentials, _transport = parts.transport, _user_agent = parts.user_agent,
    _retry = parts.retry,
    _limiter = parts.retry_mode == "adaptive" and rate_limiter.new(parts.clock()) or nil,
    _skew = clock_skew.new(), _corrects_clock = parts.corrects_clock,
    _log = parts.log, _now = parts.now, _clock = parts.clock, _random = parts.random,
  }, Caller)
end

return { new = new }
