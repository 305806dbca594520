-- A caller of the hub for its specs, made of the project's signer and a socket: it can sign wrongly
-- and read an answer as it comes, which no proper client does.

local cjson = require "cjson"
local ltn12 = require "ltn12"
local sigv4 = require "lmigrationhub.sigv4"
local socket = require "socket"
local http = require "socket.http"

local STREAM, TASK = "SMS", "sms-12de3cf1a" -- in the demo's seed
local READ_TIMEOUT = 10 -- seconds

local Caller = {}
Caller.__index = Caller

--- A key of the hub's seed.
function Caller:key(access_key_id)
  for _, account in ipairs(self._hub.seed.accounts) do
    for _, key in ipairs(account.keys) do
      if key.access_key_id == access_key_id then return key end
    end
  end
end

local function input(changes)
  local members = { ProgressUpdateStream = STREAM, MigrationTaskName = TASK }
  for name, value in pairs(changes or {}) do members[name] = value end
  return members
end

local function signed_names(headers, unsigned)
  local names = {}
  for name in pairs(headers) do
    if name ~= unsigned then table.insert(names, name) end
  end
  table.sort(names)
  return table.concat(names, ";")
end

local function headers_of(hub, key, date, operation, changes)
  local headers = {
    ["host"] = hub.endpoint:match("//(.*)$"),
    ["content-type"] = "application/x-amz-json-1.1",
    ["x-amz-date"] = date,
    ["x-amz-target"] = "AWSMigrationHub." .. operation,
    ["x-amz-security-token"] = key.session_token,
  }
  for name, value in pairs(changes or {}) do headers[name] = value or nil end
  return headers
end

--- A signed request. What it signs or says wrongly is up to the options:
---   operation, input | body, key, offset (seconds), headers (false leaves one out), region,
---   service, day, terminator, unsigned (a header's name), sent_body, authorization (a function
---   upon the value)
function Caller:request(options)
  local key = options.key or self:key(self._hub.access_key_id)
  local date = os.date("!%Y%m%dT%H%M%SZ", os.time() + (options.offset or 0))
  local operation = options.operation or "ListMigrationTaskUpdates"
  local headers = headers_of(self._hub, key, date, operation, options.headers)
  local body = options.body or cjson.encode(options.input or input())
  local region, service = options.region or self._hub.region, options.service or "mgh"
  local signature = sigv4.signature(
    { method = "POST", path = "/", query = "", headers = headers, body = body, normalize = true },
    key, region, service)
  local scope = { key.access_key_id, options.day or date:sub(1, 8), region, service,
    options.terminator or "aws4_request" }
  local authorization = ("AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s"):format(
    table.concat(scope, "/"), signed_names(headers, options.unsigned), signature)
  if options.authorization then authorization = options.authorization(authorization) end
  headers.authorization = authorization
  return { method = "POST", path = "/", headers = headers, body = options.sent_body or body }
end

--- send(request) -> text, status, headers | nil, problem
function Caller:send(request)
  local parts = {}
  request.headers["content-length"] = #request.body
  local done, status, headers = http.request {
    url = self._hub.endpoint .. request.path,
    method = request.method,
    headers = request.headers,
    source = ltn12.source.string(request.body),
    sink = ltn12.sink.table(parts),
  }
  if not done then return nil, status end
  return table.concat(parts), status, headers
end

--- call(options) -> decoded body (or its text when it is no JSON), status, headers
function Caller:call(options)
  local text, status, headers = self:send(self:request(options or {}))
  local ok, decoded = pcall(cjson.decode, text)
  return ok and decoded or text, status, headers
end

--- ask(operation, input, key?) -> decoded body, status
function Caller:ask(operation, members, key)
  local answer, status = self:call { operation = operation, input = members, key = key }
  return answer, status
end

--- A page of the demo's longest task, with changes to the input.
function Caller:page(changes) return (self:call { input = input(changes) }) end

--- Sends a signed request over a connection that is the test's to read.
function Caller:open()
  local request = self:request {}
  local lines = { "POST / HTTP/1.1", "content-length: " .. #request.body }
  for name, value in pairs(request.headers) do table.insert(lines, name .. ": " .. value) end
  local port = tonumber(self._hub.endpoint:match("%d+$"))
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:settimeout(READ_TIMEOUT)
  assert(connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. request.body))
  return connection
end

--- All that an answer is made of, until the hub closes the connection.
function Caller:receive()
  local connection = self:open()
  local text, _, partial = connection:receive("*a")
  connection:close()
  return text or partial
end

return {
  STREAM = STREAM,
  TASK = TASK,
  input = input,
  new = function(hub) return setmetatable({ _hub = hub }, Caller) end,
}
