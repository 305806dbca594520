-- What the Date header says about our clock, by the rule that AWS's SDKs share since 2026: the skew
-- is the service's time less the middle of the request's way there and back. Pure: takes times,
-- gives times; all in seconds.

local timestamp = require "lmigrationhub.timestamp"

local MAX_ROUND_TRIP = 15 * 60 -- of a longer one the middle says nothing
local THRESHOLD = 4 * 60 -- the service refuses what is five minutes off

-- What a service may answer to a request signed with a wrong time.
local REFUSALS = {
  InvalidSignatureException = true, SignatureDoesNotMatch = true, AuthFailure = true,
  RequestTimeTooSkewed = true, AccessDeniedException = true,
}

---@class lmigrationhub.ClockSkew
---@field seconds number what to add to our clock
local ClockSkew = { __name = "lmigrationhub.clock_skew" }
ClockSkew.__index = ClockSkew

--- Learns from an answer. One that a cache kept (header Age) says nothing of now.
---@param sent number our time when the request left
---@param received number our time when the answer was there
---@param headers table<string, string>
function ClockSkew:observe(sent, received, headers)
  local date = headers.date
  if not date or date == self._last_date or headers.age then return end
  local round_trip = received - sent
  local time = timestamp.parse(date)
  if not time or round_trip < 0 or round_trip > MAX_ROUND_TRIP then return end
  self._last_date = date
  self.seconds = time - (sent + received) / 2
end

--- Does what was learned since explain why a request was refused?
---@param failure lmigrationhub.Error
---@param used number the skew that the request was signed with
---@return boolean
function ClockSkew:explains(failure, used)
  return REFUSALS[failure.code] == true and math.abs(self.seconds - used) > THRESHOLD
end

--- Makes a clock skew, of which nothing is known yet.
---@return lmigrationhub.ClockSkew
local function new()
  return setmetatable({ seconds = 0 }, ClockSkew)
end

return { new = new }
