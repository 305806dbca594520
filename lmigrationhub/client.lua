-- A client: one method per row of operations.lua. What goes wrong in a call is raised here, as the
-- one error object. A client is shared by every coroutine of a program.

local call = require "lmigrationhub.call"
local config = require "lmigrationhub.config"
local credentials = require "lmigrationhub.credentials"
local endpoint = require "lmigrationhub.endpoint"
local errors = require "lmigrationhub.errors"
local operations = require "lmigrationhub.operations"
local pagination = require "lmigrationhub.pagination"
local retry = require "lmigrationhub.retry"
local transport = require "lmigrationhub.transport"
local user_agent = require "lmigrationhub.user_agent"

local VERSION = "0.1.0"
local SERVICE = "mgh"

---@class lmigrationhub.Client
local Client = { __name = "lmigrationhub.client" }
Client.__index = Client

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
  local caller = self._caller
  return function(operation, parameters) return caller:call(operation, parameters, true) end
end

local function method(name, operation)
  return function(self, parameters)
    check_self(self, name)
    local result, failure = self._caller:call(operation, parameters)
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

--- Follows a task: yields its updates as they come, old ones first, each once, and ends when the
--- task has COMPLETED or FAILED: `for update, follower in hub:follow(parameters, options) do`.
--- `follower.ended` says afterwards why it ended: "status" or "timeout".
---@param parameters table ProgressUpdateStream, MigrationTaskName and perhaps MaxResults
---@param options lmigrationhub.FollowOptions?
---@return fun(): table?, lmigrationhub.Follower? iterator raises the error object of a reading
function Client:follow(parameters, options)
  check_self(self, "follow")
  local follow = require "lmigrationhub.follow"
  return raise_or_return(follow.new({
    operation = operations.list_migration_task_updates,
    fetch = fetcher(self),
    sleep = function(seconds) return self._transport:sleep(seconds) end,
    clock = self._clock,
    random = self._random,
  }, parameters, options))
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
    message = "no region: give the option region, set the environment variable AWS_REGION or "
      .. "AWS_DEFAULT_REGION, or the key region of the profile in the shared config file",
  }
end

local function find_endpoint(settings)
  if not settings.region then return nil, no_region() end
  local found, message = endpoint.resolve(SERVICE, settings)
  if found then return found end
  return nil, errors.new { kind = "config", code = "InvalidConfiguration", message = message }
end

-- HTTPS_PROXY is for HTTPS: an endpoint that the user wrote with http:// is reached without it.
local function transport_options(settings, found)
  local no_proxy = settings.no_proxy
  if not settings.proxy and found.url:find "^http:" then
    no_proxy = (no_proxy and no_proxy .. "," or "") .. found.host:gsub(":%d+$", "")
  end
  return {
    ca_file = settings.ca_file, proxy = settings.proxy or settings.https_proxy, no_proxy = no_proxy,
  }
end

-- The transport of the calls, and what gives one that goes past the proxy: metadata services are on
-- the machine or beside it.
local function transports(settings, found)
  local main = settings.transport
  if main then return main, function() return main end end
  local options = transport_options(settings, found)
  main = transport.new(options)
  if not options.proxy then return main, function() return main end end
  local direct
  return main, function()
    direct = direct or transport.new { ca_file = options.ca_file }
    return direct
  end
end

-- A test's world with what it leaves out: the wall clock, a clock that nobody sets (where the
-- transport has one) and dice.
local function complete(world, used)
  world = world or {}
  local has_clock = type(used.now) == "function"
  return {
    open = world.open,
    now = world.now or os.time,
    clock = world.clock or has_clock and function() return used:now() end or os.time,
    random = world.random or retry.dice(),
  }
end

---@class lmigrationhub.Credentials
---@field access_key_id string
---@field secret_access_key string
---@field session_token string? of temporary credentials
---@field expiration number? seconds since 1970 UTC

---@class lmigrationhub.Options README.md has them all, with environment variables and file keys
---@field region string?
---@field profile string? of the shared config files; default "default"
---@field endpoint string? URL
---@field use_fips boolean?
---@field use_dualstack boolean?
---@field ignore_configured_endpoint_urls boolean?
---@field credentials lmigrationhub.Credentials|(fun(): lmigrationhub.Credentials)|nil
---@field mfa_code (fun(serial: string): string)? asked when a role wants a code
---@field max_attempts integer? tries of a call in all; default 3
---@field retry_mode "standard"|"adaptive"|nil default "standard"
---@field correct_clock_skew boolean? default true
---@field connect_timeout number? seconds to connect, TLS included; default 5
---@field timeout number? seconds for a whole attempt; default 30
---@field ca_file string? PEM file of the trusted authorities
---@field proxy string? URL of an HTTP proxy
---@field no_proxy string? hosts that are reached without it, separated by commas
---@field app_id string? goes into the user agent
---@field logger (fun(level: "debug"|"info"|"warn", message: string))?
---@field transport lmigrationhub.Transport? instead of the built-in one

---@class lmigrationhub.FollowOptions
---@field interval number? seconds between readings, give or take a tenth; default 10
---@field timeout number? seconds after which the iteration ends; default: none
---@field until_status string|string[]|nil latest status that ends it; default COMPLETED, FAILED

---@class lmigrationhub.TestWorld
---@field getenv (fun(name: string): string?)?
---@field open function? io.open
---@field now (fun(): number)? seconds since 1970 UTC
---@field clock (fun(): number)? seconds; nobody sets it
---@field random (fun(): number)? uniform in [0, 1)

local function caller_of(settings, found, used, direct, world)
  local now, random = world.now, world.random
  local function new_retry()
    return retry.new { max_attempts = settings.max_attempts, random = random }
  end
  return call.new {
    endpoint = found, region = settings.region, transport = used,
    timeouts = { connect = settings.connect_timeout, total = settings.timeout },
    credentials = credentials.new(settings, {
      transport = used, direct = direct, now = now, random = random, retry = new_retry,
      open = world.open, log = settings.logger,
    }),
    user_agent = user_agent.new(VERSION, settings),
    retry = new_retry(), retry_mode = settings.retry_mode,
    corrects_clock = settings.correct_clock_skew,
    log = settings.logger, now = now, clock = world.clock, random = random,
  }
end

--- Makes a client. It does no network I/O: credentials are looked for at the first call.
--- Raises an error of kind "config".
---@param options lmigrationhub.Options?
---@param world lmigrationhub.TestWorld? for tests
---@return lmigrationhub.Client
local function new(options, world)
  local settings, failure = config.new(options, world)
  if not settings then error(failure, 0) end
  local found
  found, failure = find_endpoint(settings)
  if not found then error(failure, 0) end
  local used, direct = transports(settings, found)
  local own = complete(world, used)
  return setmetatable({
    _caller = caller_of(settings, found, used, direct, own),
    _transport = used, _clock = own.clock, _random = own.random,
  }, Client)
end

return { new = new, VERSION = VERSION }
