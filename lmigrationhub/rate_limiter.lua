-- The sending rate of retry mode "adaptive": a token bucket whose rate falls when the service
-- throttles and grows again along a cubic curve. Pure: takes its clock, gives the seconds to wait.
-- Numbers and rules are those of the SDKs' retry specification.

local MIN_RATE = 0.5 -- requests a second
local MIN_CAPACITY = 1
local SMOOTHING = 0.8
local BETA = 0.7
local SCALE = 0.4
local BUCKETS = 2 -- a second

---@class lmigrationhub.RateLimiter
local RateLimiter = { __name = "lmigrationhub.rate_limiter" }
RateLimiter.__index = RateLimiter

local function refill(self, now)
  local gained = (now - (self._filled_at or now)) * self._rate
  self._filled_at = now
  self._capacity = math.min(self._max_capacity, self._capacity + gained)
end

local function set_rate(self, rate, now)
  refill(self, now)
  self._rate = math.max(rate, MIN_RATE)
  self._max_capacity = math.max(rate, MIN_CAPACITY)
  self._capacity = math.min(self._capacity, self._max_capacity)
end

-- Requests a second, smoothed, by half seconds.
local function measure(self, now)
  local bucket = math.floor(now * BUCKETS) / BUCKETS
  self._requests = self._requests + 1
  if bucket <= self._bucket then return end
  local rate = self._requests / (bucket - self._bucket)
  self._measured = rate * SMOOTHING + self._measured * (1 - SMOOTHING)
  self._requests, self._bucket = 0, bucket
end

local function window(self)
  return (self._last_max * (1 - BETA) / SCALE) ^ (1 / 3)
end

local function slow_down(self, now)
  local rate = self._measured
  if self._enabled then rate = math.min(rate, self._rate) end
  self._last_max, self._throttled_at, self._enabled = rate, now, true
  return rate * BETA
end

local function speed_up(self, now)
  return SCALE * (now - self._throttled_at - window(self)) ^ 3 + self._last_max
end

--- Takes the right to send one request.
---@param now number seconds
---@return number delay seconds to wait before it is sent
function RateLimiter:acquire(now)
  if not self._enabled then return 0 end
  refill(self, now)
  local missing = 1 - self._capacity
  self._capacity = self._capacity - 1
  return math.max(0, missing / self._rate)
end

--- Learns from an answer.
---@param now number seconds
---@param is_throttled boolean
function RateLimiter:update(now, is_throttled)
  measure(self, now)
  local rate = is_throttled and slow_down(self, now) or speed_up(self, now)
  if self._enabled then set_rate(self, math.min(rate, 2 * self._measured), now) end
end

--- Makes a limiter, which limits nothing before the first throttling.
---@param now number seconds
---@return lmigrationhub.RateLimiter
local function new(now)
  return setmetatable({
    _enabled = false, _rate = 0, _capacity = 0, _max_capacity = 0,
    _measured = 0, _requests = 0, _bucket = math.floor(now), _last_max = 0, _throttled_at = now,
  }, RateLimiter)
end

return { new = new }
