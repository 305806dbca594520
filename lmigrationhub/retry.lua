-- What is tried again, after how long, and when to stop: standard mode by the SDKs' retry
-- specification 2.1. Pure: the dice are an argument, and the caller does the waiting. One policy
-- serves a client: its calls share one quota, so that a service in trouble is not drowned in
-- retries.

local QUOTA = 500
local RETRY_COST, THROTTLED_COST = 14, 5
local BASE, THROTTLED_BASE = 0.05, 1 -- seconds
local MAX_BACKOFF = 20 -- seconds
local MAX_EXTENSION = 5 -- seconds that the service may add to our own delay

local THROTTLING_CODES = {}
for code in ([[
  Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException
  TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded LimitExceededException
  ProvisionedThroughputExceededException TransactionInProgressException PriorRequestNotComplete
  SlowDown EC2ThrottledException
]]):gmatch("%S+") do
  THROTTLING_CODES[code] = true
end
local TRANSIENT_CODES = {
  RequestTimeout = true, RequestTimeoutException = true,
  IDPCommunicationError = true, IDPCommunicationErrorException = true, -- of STS
}
local TRANSIENT_STATUSES = { [500] = true, [502] = true, [503] = true, [504] = true }
local TRANSIENT_TRANSPORT = { Timeout = true, ConnectionError = true, ProtocolError = true }

--- Tells why a failure is worth another try.
---@param failure lmigrationhub.Error
---@return "throttling"|"transient"|nil
local function classify(failure)
  if TRANSIENT_TRANSPORT[failure.code] then return "transient" end
  if THROTTLING_CODES[failure.code] then return "throttling" end
  if TRANSIENT_CODES[failure.code] or TRANSIENT_STATUSES[failure.status] then return "transient" end
  return nil
end

-- math.random is the host program's, and before Lua 5.4 nobody seeds it: clients that failed
-- together would come back together. Park and Miller's generator is random enough for that.
local function dice()
  local address = tonumber(tostring({}):match("0x(%x+)"), 16)
  local state = 1 + (address + os.time()) % 2147483646
  return function()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
end

---@class lmigrationhub.RetryPolicy
---@field quota number what is left of it
local Policy = { __name = "lmigrationhub.retry" }
Policy.__index = Policy

--- Says whether a call that failed is to be tried again. `call` is the caller's table, one for each
--- call; `attempts` in it counts the tries so far.
---@param call { attempts: integer }
---@param failure lmigrationhub.Error
---@param is_mended boolean? has its cause been removed, so that it is worth another try anyway?
---@return number? delay seconds to wait before the next try; nil: give up
---@return string? reason "not_retryable", "max_attempts_exceeded" or "retry_quota_exceeded"
function Policy:failed(call, failure, is_mended)
  local class = classify(failure) or is_mended and "transient"
  if not class then return nil, "not_retryable" end
  if call.attempts >= self.max_attempts then return nil, "max_attempts_exceeded" end
  local cost = class == "throttling" and THROTTLED_COST or RETRY_COST
  if cost > self.quota then return nil, "retry_quota_exceeded" end
  self.quota = self.quota - cost
  call.cost = cost
  local base = class == "throttling" and THROTTLED_BASE or BASE
  local delay = self._random() * math.min(base * 2 ^ (call.attempts - 1), self._max_backoff)
  return math.max(delay, math.min(failure.retry_after or 0, delay + MAX_EXTENSION))
end

--- Gives back to the quota what the last retry of a call that succeeded took, or 1 when it needed
--- none.
---@param call { attempts: integer }
function Policy:succeeded(call)
  self.quota = math.min(self.quota + (call.cost or 1), QUOTA)
end

--- Makes the policy of a client. `random` gives numbers uniform in [0, 1).
---@param options { max_attempts: integer, random: function?, quota: number?, max_backoff: number? }
---@return lmigrationhub.RetryPolicy
local function new(options)
  return setmetatable({
    max_attempts = options.max_attempts,
    quota = options.quota or QUOTA,
    _max_backoff = options.max_backoff or MAX_BACKOFF,
    _random = options.random or dice(),
  }, Policy)
end

return { new = new, classify = classify, dice = dice }
