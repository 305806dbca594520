-- Points in time against a reader that goes by single characters and counts single years.

local timestamp = require "lmigrationhub.timestamp"

local MONTHS = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}
local LENGTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_of(year)
  if year % 400 == 0 then return 366 end
  return year % 4 == 0 and year % 100 ~= 0 and 366 or 365
end

local BEFORE = { [1970] = 0 } -- days from 1970 to the year's first
for year = 1971, 9999 do BEFORE[year] = BEFORE[year - 1] + days_of(year - 1) end
for year = 1969, 0, -1 do BEFORE[year] = BEFORE[year + 1] - days_of(year) end

local function days_before(year, month, day)
  local days = BEFORE[year] + day - 1
  for past = 1, month - 1 do days = days + LENGTHS[past] end
  return month > 2 and days_of(year) == 366 and days + 1 or days
end

local function days_in(year, month)
  return month == 2 and days_of(year) == 366 and 29 or LENGTHS[month]
end

local function seconds(date)
  local length = days_in(date.year, date.month)
  if not length or date.day < 1 or date.day > length then return nil end
  if date.hour > 23 or date.minute > 59 or date.second >= 61 then return nil end
  return days_before(date.year, date.month, date.day) * 86400 + date.hour * 3600
    + date.minute * 60 + date.second
end

-- Reads a text from left to right: each step gives nil when it is not what comes next.
local function cursor(text)
  local at = 1
  local self = {}
  function self.one_of(characters)
    local character = text:sub(at, at)
    if character == "" or not characters:find(character, 1, true) then return nil end
    at = at + 1
    return character
  end
  function self.digits(count)
    local value = 0
    for _ = 1, count do
      local digit = self.one_of "0123456789"
      if not digit then return nil end
      value = value * 10 + digit:byte() - 48
    end
    return value
  end
  function self.run() -- of digits, as text
    local run = ""
    for digit in self.one_of, "0123456789" do run = run .. digit end
    return run
  end
  function self.word(length)
    at = at + length
    return text:sub(at - length, at - 1)
  end
  function self.is_at_end() return at > #text end
  return self
end

-- The fraction of a second, if there is one; nil if it has no digits.
local function fraction(reader)
  if not reader.one_of "." then return 0 end
  local run = reader.run()
  return run ~= "" and tonumber("0." .. run) or nil
end

-- Takes "09:15:00" and such into date; is it one?
local function read_clock(reader, date)
  date.hour = reader.digits(2)
  if not date.hour or not reader.one_of ":" then return false end
  date.minute = reader.digits(2)
  if not date.minute or not reader.one_of ":" then return false end
  date.second = reader.digits(2)
  local rest = date.second and fraction(reader)
  if rest then date.second = date.second + rest end
  return rest ~= nil
end

local function read_offset(reader)
  if reader.one_of "Zz" then return 0 end
  local sign = reader.one_of "+-"
  local hours = sign and reader.digits(2)
  if not hours or hours > 23 then return nil end
  reader.one_of ":"
  local minutes = reader.digits(2)
  if not minutes or minutes > 59 then return nil end
  return (sign == "+" and 1 or -1) * (hours * 3600 + minutes * 60)
end

local function iso8601(text)
  local reader, date = cursor(text), {}
  date.year = reader.digits(4)
  if not date.year or not reader.one_of "-" then return nil end
  date.month = reader.digits(2)
  if not date.month or not reader.one_of "-" then return nil end
  date.day = reader.digits(2)
  if not date.day or not reader.one_of "Tt " or not read_clock(reader, date) then return nil end
  local offset = read_offset(reader)
  local time = offset and reader.is_at_end() and seconds(date)
  return time and time - offset or nil
end

local function month_of(name)
  for month, known in ipairs(MONTHS) do
    if known == name then return month end
  end
end

local function http_date(text)
  local reader, date = cursor(text), {}
  local weekday = reader.word(3)
  if #weekday < 3 or weekday:find "[^A-Za-z]" or reader.word(2) ~= ", " then return nil end
  date.day = reader.digits(2)
  if not date.day or not reader.one_of " " then return nil end
  date.month = month_of(reader.word(3))
  if not date.month or not reader.one_of " " then return nil end
  date.year = reader.digits(4)
  if not date.year or not reader.one_of " " then return nil end
  if not read_clock(reader, date) or reader.word(4) ~= " GMT" then return nil end
  return reader.is_at_end() and seconds(date) or nil
end

local function number(text)
  local reader = cursor(text)
  reader.one_of "-"
  if reader.run() == "" then return nil end
  if reader.one_of "." then reader.run() end
  local value = reader.is_at_end() and tonumber(text) or math.huge
  return math.abs(value) < math.huge and value or nil
end

-- Dates made of the input's bytes: random text seldom is one. Each part may be just out of range.
local function add_dates(texts, input)
  if #input < 8 then return end
  local year, month, day, hour, minute, second, zone = string.unpack(">I2BBBBBB", input)
  year, month, day = year % 10000, month % 14, day % 33
  local clock = ("%02d:%02d:%02d"):format(hour % 25, minute % 61, second % 62)
  if #input > 8 then clock = clock .. "." .. input:byte(9) end
  local offset = ("%s%02d:%02d"):format(zone % 2 == 0 and "+" or "-", zone % 25, zone % 61)
  texts[2] = ("%04d-%02d-%02dT%s%s"):format(year, month, day, clock, offset)
  texts[3] = ("%04d-%02d-%02dT%sZ"):format(year, month, day, clock)
  texts[4] = ("Sun, %02d %s %04d %s GMT"):format(day, MONTHS[month] or "Foo", year, clock)
end

local function compare(text, got)
  local expected = iso8601(text) or http_date(text) or number(text)
  local is_same = got == expected or got and expected
    and math.abs(got - expected) <= 1e-6 + math.abs(expected) * 1e-15
  if not is_same then error(("%q: expected %s, got %s"):format(text, expected, got), 0) end
end

return function(input)
  local texts, times = { input }, {}
  add_dates(texts, input)
  for index, text in ipairs(texts) do times[index] = timestamp.parse(text) end
  debug.sethook() -- what follows is not the library's
  for index, text in ipairs(texts) do compare(text, times[index]) end
end
