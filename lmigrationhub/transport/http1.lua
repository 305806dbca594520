-- A strict reader of HTTP/1.1 responses, and the maker of requests; neither does any I/O.
-- The reader is fed with bytes as they come, and how they are split changes nothing. All that a
-- server can send has a cap, and what could be understood in two ways is refused.
-- Requests of the method HEAD are not for it.

local first_control = require("lmigrationhub.utf8").first_control

local MAX_HEADER = 65536 -- bytes of all header lines; default
local MAX_BODY = 16777216 -- bytes; default
local MAX_TRAILERS = 16384 -- bytes
local MAX_FIELDS = 128 -- header lines and trailers
local MAX_INTERIM = 8 -- responses 1xx
local MAX_CHUNK_DIGITS = 8
local MAX_PARTS = 4096 -- of a body before they are joined: a server may send it byte by byte
local VERSION = "HTTP/1."
local TOKEN = "[%w!#$%%&'*+.^_`|~-]+" -- RFC 9110, 5.6.2
local NAME = "^" .. TOKEN .. "$"
local FIELD_LINE = "^(" .. TOKEN .. "):[ \t]*(.*)$" -- greedy, which keeps a hostile line cheap
local PLAIN_FIELD = "^([%w-]+): ?([^%c ][^%c]*)\r\n()" -- what nearly all header lines are
local CR, SPACE = 13, 32

---@class lmigrationhub.http1.Reader
---@field status integer?                of the last response whose status line came
---@field headers table<string, string>? names in lower case; repeated ones joined by ", "
local Reader = { __name = "lmigrationhub.transport.http1" }
Reader.__index = Reader

-- What lines may come: how long one may be (bytes, its CR LF included), what it means that it is
-- longer, and where a connection has broken that ends before it. `take` gives nothing, or message
-- and kind of a failure. A reader that expects nothing is done.
local STATUS = { cap = 8192, place = "before the end of a status line" }
local FIELD = { cap = 16384, place = "inside the headers", in_head = true }
local CHUNK = { cap = 1024, place = "inside the body" }
local CHUNK_END = { cap = 2, place = "inside the body" }
local TRAILER = { cap = 16384, place = "inside the trailers", in_head = true }
local BODY = { place = "inside the body" } -- no line, but bytes that were announced

local function protocol(message) return message, "protocol" end
local function too_large(message) return message, "too_large" end

local function body_too_large(self)
  return too_large(("the body exceeds %d bytes"):format(self._max_body))
end

-- Is this a rest that may follow: nothing, or what the character begins?
local function is_rest(text, character)
  return text == "" or text:sub(1, 1) == character
end

function STATUS.take(self, line)
  local minor, status, reason = line:match "^HTTP/1%.([01]) ([1-5]%d%d)(.*)$"
  if not minor or not is_rest(reason, " ") then return protocol "bad status line" end
  self.status, self.headers = tonumber(status), {}
  self._minor = minor
  if self.status == 101 then return protocol "the protocol was switched" end
  if self.status < 200 then self._interim = self._interim + 1 end
  if self._interim > MAX_INTERIM then return protocol "too many interim responses" end
  self._expects = FIELD
end

-- name, value | nil, message, kind.
local function parse_field(self, line)
  self._fields = self._fields + 1
  if self._fields > MAX_FIELDS then
    return nil, too_large(("there are more than %d header lines"):format(MAX_FIELDS))
  end
  local name, value = line:match(FIELD_LINE)
  if not name then return nil, protocol "bad header line" end
  return name:lower(), value:match "^(.*[^ \t])" or ""
end

local function frame_chunked(self, coding)
  if coding:lower() ~= "chunked" or self._minor == "0" then
    return protocol "unknown Transfer-Encoding"
  end
  self._expects = CHUNK
end

local function frame_counted(self, length)
  if not length:find "^%d+$" then return protocol "bad Content-Length" end
  self._wanted = tonumber(length)
  if self._wanted > self._max_body then return body_too_large(self) end
  self._expects = self._wanted > 0 and BODY or nil
end

-- Where the body ends (RFC 9112, 6.3). A body that ends by closing cannot be told from a cut one.
local function frame(self)
  local coding = self.headers["transfer-encoding"]
  local length = self.headers["content-length"]
  if self.status == 204 or self.status == 304 then
    self._expects = nil
  elseif coding and length then
    return protocol "both Content-Length and Transfer-Encoding"
  elseif coding then
    return frame_chunked(self, coding)
  elseif length then
    return frame_counted(self, length)
  else
    return protocol "the body's length is not told"
  end
end

local function keep_field(self, name, value)
  local before = self.headers[name]
  self.headers[name] = before and before .. ", " .. value or value
end

function FIELD.take(self, line)
  if line ~= "" then
    local name, value, kind = parse_field(self, line)
    if not name then return value, kind end
    keep_field(self, name, value)
  elseif self.status < 200 then
    self._expects = STATUS
  else
    return frame(self)
  end
end

function CHUNK.take(self, line)
  local digits, extension = line:match "^(%x+)[ \t]*(.*)$"
  if not digits or #digits > MAX_CHUNK_DIGITS or not is_rest(extension, ";") then
    return protocol "bad chunk size"
  end
  self._wanted = tonumber(digits, 16)
  self._size = self._size + self._wanted
  if self._size > self._max_body then return body_too_large(self) end
  self._expects = self._wanted > 0 and CHUNK_END or TRAILER
  if self._wanted == 0 then self._room = math.min(self._room, MAX_TRAILERS) end
end

function CHUNK_END.take(self) self._expects = CHUNK end

function TRAILER.take(self, line)
  if line == "" then
    self._expects = nil
    return
  end
  local name, message, kind = parse_field(self, line)
  if not name then return message, kind end
end

local function keep(self, bytes)
  local parts = self._parts
  parts[#parts + 1] = bytes
  if #parts < MAX_PARTS then return end
  local blocks = self._blocks or {}
  blocks[#blocks + 1] = table.concat(parts)
  self._blocks, self._parts = blocks, {}
end

-- The takers of bytes: where to go on | nil (more is needed) | nil, message, kind.
local function take_body(self, text, from)
  local last = math.min(from + self._wanted - 1, #text)
  if last < from then return nil end
  keep(self, from == 1 and last == #text and text or text:sub(from, last))
  self._wanted = self._wanted - (last - from + 1)
  if self._wanted == 0 and self._expects == BODY then self._expects = nil end
  return last + 1
end

-- A line of so many bytes, its end included: nothing, or message and kind.
local function check_length(self, expects, length)
  local room = expects.in_head and self._room or expects.cap
  if length <= expects.cap and length <= room then return end
  if expects == CHUNK_END then return protocol "a chunk exceeds its size" end
  if room < expects.cap then return too_large "the headers exceed their limit" end
  return too_large(("a line exceeds %d bytes"):format(expects.cap))
end

-- The quick way for a header line that raises no question: where to go on. Else nil, and the line
-- is taken as any other.
local function take_plain_field(self, text, from)
  local name, value, next_from = text:match(PLAIN_FIELD, from)
  if not name or value:byte(-1) == SPACE or self._fields == MAX_FIELDS then return nil end
  local length = next_from - from
  if length > FIELD.cap or length > self._room then return nil end
  self._fields, self._room = self._fields + 1, self._room - length
  keep_field(self, name:lower(), value)
  return next_from
end

local function take_line(self, text, from)
  local expects = self._expects
  local next_from = expects == FIELD and take_plain_field(self, text, from)
  if next_from then return next_from end
  if expects == STATUS and text:sub(from, from + 6) ~= VERSION:sub(1, #text - from + 1) then
    return nil, protocol "bad status line"
  end
  local feed = text:find("\n", from, true)
  local length = (feed or #text + 1) - from + 1 -- when there is no end yet, the least there can be
  local message, kind = check_length(self, expects, length)
  if message or not feed then return nil, message, kind end
  if length < 2 or text:byte(feed - 1) ~= CR then
    return nil, protocol "a line does not end in CR LF"
  end
  local line = text:sub(from, feed - 2)
  if first_control(line) then return nil, protocol "a control character in a line" end
  if expects.in_head then self._room = self._room - length end
  message, kind = expects.take(self, line)
  if message then return nil, message, kind end
  return feed + 1
end

--- Takes what came. After "done", more bytes only make the connection unusable; after a failure,
--- it fails alike.
---@param bytes string
---@return "done"|nil done nil: more is needed, unless a message follows
---@return string? message
---@return "protocol"|"too_large"|nil kind
function Reader:feed(bytes)
  if self._message then return nil, self._message, self._kind end
  local text = self._rest == "" and bytes or self._rest .. bytes -- else a copy of all of it
  local from, next_from, message, kind = 1, 1, nil, nil
  while next_from and self._expects do
    from = next_from
    local take = self._wanted > 0 and take_body or take_line
    next_from, message, kind = take(self, text, from)
  end
  self._message, self._kind = message, kind
  self._rest = text:sub(next_from or from)
  if message then return nil, message, kind end
  return not self._expects and "done" or nil
end

--- The connection has ended.
---@return "done"|nil done nil: too early
---@return string? message
---@return "connection"|"protocol"|"too_large"|nil kind
function Reader:eof()
  if self._message then return nil, self._message, self._kind end
  if not self._expects then return "done" end
  return nil, "it was closed " .. self._expects.place, "connection"
end

--- The body, once the reader is done.
---@return string
function Reader:body()
  local parts = self._parts
  if self._blocks then return table.concat(self._blocks) .. table.concat(parts) end
  return #parts == 1 and parts[1] or table.concat(parts)
end

local function says_close(headers)
  local options = headers.connection
  if not options then return false end
  return ("," .. options:lower():gsub("[ \t]", "") .. ","):find(",close,", 1, true) ~= nil
end

--- May the connection carry another request?
---@return boolean
function Reader:reusable()
  return not self._expects and self._rest == "" and self._minor == "1"
    and not says_close(self.headers)
end

---@class lmigrationhub.http1.Limits
---@field max_header integer? bytes of all header lines; default 65536
---@field max_body integer?   bytes; default 16777216

--- Makes a reader of one response.
---@param limits lmigrationhub.http1.Limits?
---@return lmigrationhub.http1.Reader
local function new(limits)
  return setmetatable({
    _expects = STATUS,
    _rest = "",
    _wanted = 0, -- bytes of the body that come before the next line
    _size = 0,
    _room = limits and limits.max_header or MAX_HEADER,
    _max_body = limits and limits.max_body or MAX_BODY,
    _fields = 0,
    _interim = 0,
    _parts = {},
    _blocks = false, -- parts that were joined
  }, Reader)
end

-- The framing is made here: a second one could be understood in two ways.
local OWN = { ["content-length"] = true, ["transfer-encoding"] = true }

-- The names that this library uses need no look.
local KNOWN = {}
for name in ([[
  host content-type authorization user-agent x-amz-date x-amz-target x-amz-security-token
  amz-sdk-invocation-id amz-sdk-request
]]):gmatch "%S+" do
  KNOWN[name] = true
end

local function check_name(name)
  if type(name) ~= "string" or not name:find(NAME) then
    local beginning = type(name) == "string" and name:match("^" .. TOKEN)
    return ("bad header name '%s'"):format(beginning or "")
  end
  if OWN[name:lower()] then return ("header '%s' is not the caller's to set"):format(name) end
end

local function check_field(name, value)
  local message = not KNOWN[name] and check_name(name)
  if message then return message end
  if type(value) ~= "string" or first_control(value) then
    return ("header '%s' must be text of one line"):format(name)
  end
end

local function add_field(lines, name, value)
  local message = check_field(name, value)
  if message then return message end
  lines[#lines + 1] = name .. ": " .. value
end

local function add_fields(lines, name, values)
  for index = 1, #values do
    local message = add_field(lines, name, values[index])
    if message then return message end
  end
end

--- The bytes of a request. Headers are sent as they are, Host included; the framing is added.
---@param method string
---@param target string path and query
---@param headers table<string, string|string[]>
---@param body string?
---@return string? bytes
---@return string? message what is wrong with the request; no header's value is in it
local function request(method, target, headers, body)
  if type(method) ~= "string" or method == "HEAD" or not method:find(NAME) then
    return nil, "'method' must be the name of a method other than HEAD"
  end
  if type(target) ~= "string" or not target:find "^/[^%c ]*$" then
    return nil, "'target' must be a path"
  end
  if body ~= nil and type(body) ~= "string" then return nil, "'body' must be a string" end
  local lines = { method .. " " .. target .. " HTTP/1.1" }
  for name, value in next, headers do
    local add = type(value) == "table" and add_fields or add_field
    local message = add(lines, name, value)
    if message then return nil, message end
  end
  if body or method ~= "GET" then lines[#lines + 1] = "Content-Length: " .. #(body or "") end
  lines[#lines + 1] = ""
  lines[#lines + 1] = body or ""
  return table.concat(lines, "\r\n")
end

return { new = new, request = request }
