-- A client: one method per row of operations.lua. What goes wrong in a call is raised here, as the
-- one error object. A client is shared by every coroutine of a program.

local call = require "lmigrationhub.call"
local clock_skew = require "lmigrationhub.clock_skew"
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

local function check_self(self, name, may_be_closed)
  if type(self) ~= "table" or getmetatable(self) ~= Client then
    error(("call it with a colon: client:%s(…)"):format(name), 3)
  end
  if self._closed and not may_be_closed then error("the client is closed", 3) end
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
    return raise_or_return(pagination.items(self._caller, operation, parameters, options))
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
--- Option max_items ends it after so many items; resume takes what cursor:position() gave; with
--- prefetch the next page is asked for while the one at hand is worked on.
---@param operation_name string the name of a paginated operation's method
---@param parameters table? the operation's parameters
---@param options { max_items: integer?, resume: string?, prefetch: boolean? }?
---@return fun(): table?, lmigrationhub.Cursor? iterator
function Client:pages(operation_name, parameters, options)
  check_self(self, "pages")
  local operation = operations[operation_name]
  if not operation or not operation.items then
    error(("bad argument #1 to 'pages' (one of %s expected)"):format(paginated_names()), 2)
  end
  return raise_or_return(pagination.pages(self._caller, operation, parameters, options))
end

--- Follows a task: yields its updates as they come, old ones first, each once, and ends when the
--- task has COMPLETED or FAILED: `for update, follower in hub:follow(parameters, options) do`.
--- `follower.ended` says afterwards why it ended: "status", "timeout", or "exiting" inside nginx,
--- where it keeps no worker from ending.
---@param parameters table ProgressUpdateStream, MigrationTaskName and perhaps MaxResults
---@param options lmigrationhub.FollowOptions?
---@return fun(): table?, lmigrationhub.Follower? iterator raises the error object of a reading
function Client:follow(parameters, options)
  check_self(self, "follow")
  local follow = require "lmigrationhub.follow"
  local used = self._transport
  return raise_or_return(follow.new({
    operation = operations.list_migration_task_updates,
    fetch = fetcher(self),
    sleep = function(seconds) return used:sleep(seconds) end,
    is_exiting = used.is_exiting and function() return used:is_exiting() end,
    clock = self._clock,
    random = self._random,
  }, parameters, options))
end

--- Runs `fn(item, index)` for each item, many at once on one thread: whatever waits in one, a call,
--- a retry's pause, a renewal of credentials, lets the others go on. While the service throttles
--- there are fewer. In PUC Lua 5.1, which cannot yield inside `pcall` and iterators, one comes
--- after the other; and where fn calls the client in a coroutine of its own, the others wait too.
--- What goes wrong in one raises an error object with `item` and `traceback`, after the others were
--- stopped; with stop_on_error = false the others go on, and the errors are returned. An error that
--- is none of ours is the `cause` of one of kind "item". An iterator's own error stops all.
---@param items table|fun(): any a list, or an iterator function, which may call the client
---@param limit integer? how many at once; default 8
---@param fn fun(item: any, index: integer): any
---@param options { stop_on_error: boolean? }?
---@return table results the first value that fn returned, by the item's index
---@return table errors by the item's index
function Client:concurrently(items, limit, fn, options)
  check_self(self, "concurrently")
  local concurrency = require "lmigrationhub.concurrency"
  local caller = self._caller
  local results, failures = concurrency.run({
    transport = self._transport, add_pace = function(pace) caller:add_pace(pace) end,
  }, items, limit, fn, options)
  if not results then error(failures, 2) end
  return results, failures
end

--- Closes the client's connections. A closed client cannot be used again; closing twice is fine.
function Client:close()
  check_self(self, "close", true)
  if not self._closed then self._close() end
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

local function invalid(message)
  return errors.new { kind = "config", code = "InvalidConfiguration", message = message }
end

local function find_endpoint(settings)
  if not settings.region then return nil, no_region() end
  local found, message = endpoint.resolve(SERVICE, settings)
  if found then return found end
  return nil, invalid(message)
end

local ENDPOINTS =
  { "endpoint", "endpoint_sts", "endpoint_sso", "endpoint_sso_oidc", "endpoint_signin" }

-- HTTPS_PROXY is for HTTPS: the endpoints that the user wrote with http:// are reached without it.
local function without_https_proxy(settings)
  local hosts = { settings.no_proxy }
  for _, name in ipairs(ENDPOINTS) do
    local parts = settings[name] and endpoint.parse(settings[name])
    if parts and parts.url:find "^http:" then
      hosts[#hosts + 1] = parts.host:gsub(":%d+$", "")
    end
  end
  return hosts[1] and table.concat(hosts, ",")
end

local function transport_options(settings)
  local no_proxy = settings.no_proxy
  if not settings.proxy then no_proxy = without_https_proxy(settings) end
  return {
    ca_file = settings.ca_file, proxy = settings.proxy or settings.https_proxy, no_proxy = no_proxy,
  }
end

-- A transport may be unable to do what an option asks for.
local function new_transport(options)
  local ok, made = pcall(transport.new, options)
  if ok then return made end
  error(invalid((tostring(made):gsub("^[^\n]-:%d+: ", ""))), 0)
end

-- What the workers of an nginx share.
local function find_store(settings)
  if not settings.cache then return nil end
  local store, message = require("lmigrationhub.transport.shared_dict").open(settings.cache)
  if not store then error(invalid(message), 0) end
  return store
end

-- The transport of the calls; what gives one that goes past the proxy, as metadata services are on
-- the machine or beside it; and what closes both.
local function transports(settings)
  local options, direct = transport_options(settings), nil
  local main = settings.transport or new_transport(options)
  local function find_direct()
    if settings.transport or not options.proxy then return main end
    direct = direct or new_transport { ca_file = options.ca_file }
    return direct
  end
  return main, find_direct, function()
    main:close()
    if direct then direct:close() end
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

---@class lmigrationhub.TestWorld
---@field getenv (fun(name: string): string?)?
---@field open function? io.open
---@field now (fun(): number)? seconds since 1970 UTC
---@field clock (fun(): number)? seconds; nobody sets it
---@field random (fun(): number)? uniform in [0, 1)

local function caller_of(settings, found, used, direct, world)
  local now, random, skew = world.now, world.random, clock_skew.new()
  local function new_retry()
    return retry.new { max_attempts = settings.max_attempts, random = random }
  end
  return call.new {
    endpoint = found, region = settings.region, transport = used,
    timeouts = { connect = settings.connect_timeout, total = settings.timeout },
    credentials = credentials.new(settings, {
      transport = used, direct = direct, now = now, random = random, retry = new_retry,
      open = world.open, log = settings.logger, store = find_store(settings),
      skew = settings.correct_clock_skew and skew or nil,
    }),
    user_agent = user_agent.new(VERSION, settings),
    retry = new_retry(), retry_mode = settings.retry_mode,
    skew = skew, corrects_clock = settings.correct_clock_skew,
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
  local used, direct, close = transports(settings)
  local own = complete(world, used)
  return setmetatable({
    _caller = caller_of(settings, found, used, direct, own),
    _transport = used, _close = close, _clock = own.clock, _random = own.random,
  }, Client)
end

return { new = new, VERSION = VERSION }
