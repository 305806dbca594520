-- A client: one method per row of operations.lua. A call is: validate, sign, send, retry, parse;
-- what goes wrong is raised here, as the one error object. A client is shared by every coroutine of
-- a program.

local config = require "lmigrationhub.config"
local credentials = require "lmigrationhub.credentials"
local endpoint = require "lmigrationhub.endpoint"
local errors = require "lmigrationhub.errors"
local operations = require "lmigrationhub.operations"
local pagination = require "lmigrationhub.pagination"
local request = require "lmigrationhub.request"
local response = require "lmigrationhub.response"
local retry = require "lmigrationhub.retry"
local sigv4 = require "lmigrationhub.sigv4"
local transport = require "lmigrationhub.transport"

local VERSION = "0.1.0"
local SERVICE = "mgh"
local USER_AGENT = ("lmigrationhub/%s lua/%s"):format(VERSION, _VERSION:match("%d.*"))

local TRANSPORT_CODES = {
  timeout = "Timeout", connection = "ConnectionError", tls = "TLSError", protocol = "ProtocolError",
  too_large = "ResponseTooLarge",
}

---@class lmigrationhub.Client
local Client = { __name = "lmigrationhub.client" }
Client.__index = Client

local function sign(self, unsigned, keys)
  local headers = {
    host = self._endpoint.host,
    ["x-amz-date"] = os.date("!%Y%m%dT%H%M%SZ", self._now()),
    ["x-amz-security-token"] = keys.session_token,
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
  headers["user-agent"] = USER_AGENT
  return signed
end

-- One attempt.
local function attempt(self, operation, unsigned)
  local keys, failure = self._credentials()
  if not keys then return nil, failure end
  local answer, message, kind = self._transport:send(sign(self, unsigned, keys))
  if answer then return response.read(operation, answer) end
  return nil, errors.new { kind = "transport", code = TRANSPORT_CODES[kind], message = message }
end

-- A whole call: result | nil, error.
local function call(self, operation, parameters)
  local unsigned, result, failure, delay
  unsigned, failure = request.new(operation, parameters)
  if not unsigned then return nil, failure end
  local state = { attempts = 0 }
  repeat
    state.attempts = state.attempts + 1
    result, failure = attempt(self, operation, unsigned)
    if result then
      self._retry:succeeded(state)
      return result
    end
    delay = self._retry:failed(state, failure)
    if delay then self._transport:sleep(delay) end
  until not delay
  failure.operation, failure.attempts = operation.name, state.attempts
  return nil, failure
end

local function check_self(self, name)
  if type(self) ~= "table" or getmetatable(self) ~= Client then
    error(("call it with a colon: client:%s(…)"):format(name), 3)
  end
  if self._closed then error("the client is closed", 3) end
end

local function raise_or_return(first, failure, ...)
  if not first then error(failure, 0) end
  return first, nil, ...
end

local function fetcher(self)
  return function(operation, parameters) return call(self, operation, parameters) end
end

local function method(name, operation)
  return function(self, parameters)
    check_self(self, name)
    local result, failure = call(self, operation, parameters)
    if not result then error(failure, 0) end
    return result
  end
end

local function item_iterator(name, operation)
  return function(self, parameters, options)
    check_self(self, name)
    return raise_or_return(pagination.items(fetcher(self), operation, parameters, options))
  end
end

for name, operation in pairs(operations) do
  Client[name] = method(name, operation)
  local items_name = name:gsub("^list_", "")
  if operation.items then Client[items_name] = item_iterator(items_name, operation) end
end

local function paginated_names()
  local names = {}
  for name, operation in pairs(operations) do
    if operation.items then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

--- Iterates over the pages of a listing:
--- `for page, cursor in hub:pages("list_migration_task_updates", parameters) do`.
--- Option max_items ends it after so many items; resume takes what cursor:position() gave.
---@param operation_name string the name of a paginated operation's method
---@param parameters table? the operation's parameters
---@param options { max_items: integer?, resume: string? }?
---@return fun(): table?, lmigrationhub.Cursor? iterator
function Client:pages(operation_name, parameters, options)
  check_self(self, "pages")
  local operation = operations[operation_name]
  if not operation or not operation.items then
    error(("bad argument #1 to 'pages' (one of %s expected)"):format(paginated_names()), 2)
  end
  return raise_or_return(pagination.pages(fetcher(self), operation, parameters, options))
end

--- Closes the client's connections. A closed client cannot be used again; closing twice is fine.
function Client:close()
  if not self._closed then self._transport:close() end
  self._closed = true
end

Client.__close = Client.close

local function no_region()
  return errors.new {
    kind = "config", code = "NoRegion",
    message = "no region: give the option region, or set the environment variable AWS_REGION or "
      .. "AWS_DEFAULT_REGION",
  }
end

local function find_endpoint(settings)
  if not settings.region then return nil, no_region() end
  local found, message = endpoint.resolve(SERVICE, settings)
  if found then return found end
  return nil, errors.new { kind = "config", code = "InvalidConfiguration", message = message }
end

---@class lmigrationhub.Credentials
---@field access_key_id string
---@field secret_access_key string
---@field session_token string? of temporary credentials

---@class lmigrationhub.Options
---@field region string? default: AWS_REGION, then AWS_DEFAULT_REGION
---@field endpoint string? default: AWS_ENDPOINT_URL_MIGRATION_HUB, AWS_ENDPOINT_URL, the region's
---@field credentials lmigrationhub.Credentials? default: the environment
---@field max_attempts integer? tries of a call in all; default 3
---@field connect_timeout number? seconds to connect, TLS included; default 5
---@field timeout number? seconds for a whole attempt; default 30
---@field ca_file string? PEM file of the trusted authorities; default: AWS_CA_BUNDLE, the system's
---@field proxy string? URL of an HTTP proxy
---@field transport lmigrationhub.Transport? instead of the built-in one

--- Makes a client. It does no network I/O: credentials are looked for at the first call.
--- Raises an error of kind "config". A test may replace the world: environment, clock (seconds
--- since 1970 UTC) and dice (uniform in [0, 1)).
---@param options lmigrationhub.Options?
---@param world { getenv: function?, now: function?, random: function? }?
---@return lmigrationhub.Client
local function new(options, world)
  world = world or {}
  local settings, failure = config.new(options, world.getenv)
  if not settings then error(failure, 0) end
  local found
  found, failure = find_endpoint(settings)
  if not found then error(failure, 0) end
  return setmetatable({
    _region = settings.region,
    _endpoint = found,
    _timeouts = { connect = settings.connect_timeout, total = settings.timeout },
    _credentials = credentials.new(settings),
    _retry = retry.new { max_attempts = settings.max_attempts, random = world.random },
    _transport = settings.transport
      or transport.new { ca_file = settings.ca_file, proxy = settings.proxy },
    _now = world.now or os.time,
  }, Client)
end

return { new = new, VERSION = VERSION }
