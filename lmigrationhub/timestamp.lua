-- Points in time as text -> seconds since 1970 UTC, the fraction kept: the forms that AWS services
-- write (ISO 8601 / RFC 3339, HTTP dates, numbers as text).

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}
local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or DAYS[month]
end

-- Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the leap
-- day is last.
local function days_since_epoch(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local leap_days = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap_days + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local function seconds(year, month, day, hour, minute, second, fraction)
  if fraction ~= "" and not fraction:find "^%.%d" then return nil end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second .. fraction)
  if month < 1 or month > 12 or day < 1 or day > days_in(year, month) then return nil end
  if hour > 23 or minute > 59 or second >= 61 then return nil end -- 60 is a leap second
  return days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
end

local function offset(zone)
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  local east = tonumber(hours) * 3600 + tonumber(minutes) * 60
  return sign == "+" and east or -east
end

local function iso8601(text)
  local year, month, day, hour, minute, second, fraction, zone =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)([Zz+-][%d:]*)$")
  local east = zone and offset(zone)
  if not east then return nil end
  local time = seconds(year, month, day, hour, minute, second, fraction)
  return time and time - east
end

local function http_date(text)
  local day, name, year, hour, minute, second, fraction =
    text:match("^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d)(%.?%d*) GMT$")
  local month = MONTHS[name]
  if not month then return nil end
  return seconds(year, month, day, hour, minute, second, fraction)
end

local function number(text)
  local value = text:find("^%-?%d+%.?%d*$") and tonumber(text)
  return value and math.abs(value) < math.huge and value or nil
end

--- Reads a point in time: "2024-05-31T12:00:00.5Z", "2024-05-31T14:00:00+02:00",
--- "Fri, 31 May 2024 12:00:00 GMT" or "1717156800.5".
---@param text string
---@return number? seconds since 1970 UTC; nil when the text is none of these
local function parse(text)
  return iso8601(text) or http_date(text) or number(text)
end

return { parse = parse }
