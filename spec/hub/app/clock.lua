-- The times of SigV4 and of HTTP, in seconds since 1970 UTC.

local function iso8601(seconds) return os.date("!%Y%m%dT%H%M%SZ", seconds) end

local function http_date(seconds) return os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds) end

-- Days since 1970-01-01 in the Gregorian calendar; years are counted from March.
local function days(year, month, day)
  if month < 3 then year, month = year - 1, month + 12 end
  local leaps = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leaps + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

--- Reads "20241211T093000Z"; nil when the text is no such time.
local function parse_iso8601(text)
  local year, month, day, hour, minute, second =
    tostring(text):match("^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$")
  if not year then return nil end
  return days(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + hour * 3600 + minute * 60 + second
end

return { iso8601 = iso8601, http_date = http_date, parse_iso8601 = parse_iso8601 }
