-- Listings: pages and their items, fetched when they are needed, one page alive at a time; with
-- `prefetch` one more, unread, is on its way. A cursor stands for a listing under way and knows the
-- position of what it handed out last.

local errors = require "lmigrationhub.errors"
local tokens = require "lmigrationhub.tokens"

---@class lmigrationhub.Cursor
---@field page table? the page at hand, as the service gave it
local Cursor = { __name = "lmigrationhub.cursor" }
Cursor.__index = Cursor

local function check_self(self, name)
  if type(self) == "table" and getmetatable(self) == Cursor then return end
  error(("call it with a colon: cursor:%s()"):format(name), 3)
end

--- A short text from which a later listing with the same parameters goes on exactly after the last
--- item handed out (option `resume`). It is good for as long as the service's page token in it is:
--- 24 hours.
---@return string position
function Cursor:position()
  check_self(self, "position")
  if self._next and self._index == self._size then return "0:" .. self._next end
  return ("%d:%s"):format(self._index, self._token or "")
end

--- Ends the listing and lets go of its page.
function Cursor:close()
  check_self(self, "close")
  if self._ahead then self._caller:cancel(self._ahead) end
  self._ahead = nil
  self.page, self._list, self._last, self._finished = nil, nil, 0, true
end

Cursor.__close = Cursor.close

-- What is left to hand out of a page of `size` items, after those that `resume` skips.
local function take(cursor, size)
  local first = math.min(cursor._skip, size)
  local last = math.min(size, first + cursor._left)
  cursor._skip = cursor._skip - first
  cursor._left = cursor._left - (last - first)
  cursor._index, cursor._last, cursor._size = first, last, size
end

-- The next page | nil, error.
local function fetch(cursor, token)
  local ahead = cursor._ahead
  cursor._ahead = nil
  if ahead then return cursor._caller:wait(ahead) end
  cursor._parameters.NextToken = token
  return cursor._caller:call(cursor._operation, cursor._parameters, true)
end

-- Asks for the page after the one at hand. Should that be impossible, `fetch` will say why.
local function look_ahead(cursor)
  local token = cursor._next
  if not token or cursor._left == 0 or cursor._tokens:is_repeated(token) then return end
  cursor._parameters.NextToken = token
  cursor._ahead = cursor._caller:start(cursor._operation, cursor._parameters, true)
end

-- Fetches the next page into the cursor. Its state changes only when the page is there, so that a
-- listing that failed can be asked again.
local function advance(cursor)
  if cursor._finished or cursor._left == 0 or not cursor._next then return cursor:close() end
  local token = cursor._next ~= "" and cursor._next or nil
  if token and cursor._tokens:is_repeated(token) then
    cursor:close()
    error(tokens.repeated(cursor._operation), 0)
  end
  cursor.page, cursor._list = nil, nil -- else two pages are alive until the next one is there
  local page, failure = fetch(cursor, token)
  if not page then error(failure, 0) end
  if token then cursor._tokens:add(token) end
  local list = page[cursor._operation.items] or {}
  cursor.page, cursor._list, cursor._token = page, list, token
  cursor._next = page.NextToken ~= "" and page.NextToken or nil
  take(cursor, #list)
  if cursor._looks_ahead then look_ahead(cursor) end
  return page
end

local function parse_position(position)
  local index, token = position:match("^(%d+):(%S*)$")
  return tonumber(index), token
end

local checks = {}

function checks.max_items(value)
  if type(value) == "number" and value >= 0 and value % 1 == 0 then return true end
  return false, "option max_items must be a whole number from 0"
end

function checks.resume(value)
  if type(value) == "string" and parse_position(value) then return true end
  return false, "option resume must be a text that cursor:position() gave"
end

function checks.prefetch(value)
  return type(value) == "boolean", "option prefetch must be a boolean"
end

local function problem_of(parameters, options)
  if type(parameters) ~= "table" then
    return "the parameters must be a table, got " .. type(parameters)
  end
  if type(options) ~= "table" then return "the options must be a table, got " .. type(options) end
  for name, value in next, options do
    if not checks[name] then return "unknown option " .. tostring(name) end
    local ok, problem = checks[name](value)
    if not ok then return problem end
  end
  if rawget(options, "resume") and rawget(parameters, "NextToken") then
    return "give either option resume or the parameter NextToken"
  end
end

local function copy(given)
  local own = {}
  for name, value in next, given do own[name] = value end
  return own
end

-- An empty token stands for the first page; no token at all, later, for the end.
local function new_cursor(caller, operation, parameters, options)
  parameters, options = copy(parameters), copy(options)
  local skip, token = 0, parameters.NextToken or ""
  if options.resume then skip, token = parse_position(options.resume) end
  return setmetatable({
    _caller = caller, _operation = operation, _parameters = parameters,
    _tokens = tokens.new(), _next = token,
    _skip = skip, _left = options.max_items or math.huge, _looks_ahead = options.prefetch,
    _index = 0, _last = 0, _size = 0, -- of the page at hand: handed out, to hand out, all
  }, Cursor)
end

local function open(caller, operation, parameters, options)
  parameters = parameters == nil and {} or parameters
  options = options == nil and {} or options
  local problem = problem_of(parameters, options)
  if not problem then return new_cursor(caller, operation, parameters, options) end
  return nil, errors.new {
    kind = "validation", code = "ValidationError", message = problem, operation = operation.name,
  }
end

-- The page, its list cut down to what `resume` and `max_items` leave of it.
local function cut(cursor, page)
  local list, first, last = cursor._list, cursor._index, cursor._last
  cursor._index = last
  if first == 0 and last == cursor._size then return page end
  local rest = {}
  for index = first + 1, last do rest[index - first] = list[index] end
  page[cursor._operation.items] = rest
  return page
end

--- Iterates over the pages of a listing: `for page, cursor in …`.
---@param caller lmigrationhub.Caller call; with option prefetch also start, wait and cancel
---@param operation table a paginated row of operations.lua
---@param parameters table? of the operation; with NextToken the listing starts there
---@param options { max_items: integer?, resume: string?, prefetch: boolean? }?
---@return (fun(): table?, lmigrationhub.Cursor?)? iterator raises the error object of a page
---@return lmigrationhub.Error? error of kind "validation"
---@return nil
---@return lmigrationhub.Cursor? closing value, for the `for` of Lua 5.4
local function pages(caller, operation, parameters, options)
  local cursor, failure = open(caller, operation, parameters, options)
  if not cursor then return nil, failure end
  return function()
    local page
    repeat page = advance(cursor) until not page or cursor._skip == 0
    if not page then return nil end
    return cut(cursor, page), cursor
  end, nil, nil, cursor
end

--- Iterates over the items of a listing: `for item, cursor in …`. Arguments and results as for
--- `pages`.
---@param caller lmigrationhub.Caller
---@param operation table
---@param parameters table?
---@param options { max_items: integer?, resume: string?, prefetch: boolean? }?
---@return (fun(): table?, lmigrationhub.Cursor?)? iterator
---@return lmigrationhub.Error? error
---@return nil
---@return lmigrationhub.Cursor? closing value
local function items(caller, operation, parameters, options)
  local cursor, failure = open(caller, operation, parameters, options)
  if not cursor then return nil, failure end
  return function()
    while cursor._index >= cursor._last do
      if not advance(cursor) then return nil end
    end
    local index = cursor._index + 1
    cursor._index = index
    return cursor._list[index], cursor
  end, nil, nil, cursor
end

return { pages = pages, items = items }
