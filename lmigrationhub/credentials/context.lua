-- The world as a credential provider sees it: requests with retries, clock, files, processes. All
-- of it comes from the client, so that a test can replace it.

local json = require "lmigrationhub.json"

local SESSION_NAME = "lmigrationhub-%.0f" -- of the time

local FIRST_LOOK, LAST_LOOK = 0.001, 0.05 -- seconds between looks at a program

-- Kinds of transport failures that retry.lua may think worth another try -> their codes.
local TRANSPORT_CODES = {
  timeout = "Timeout", connection = "ConnectionError", protocol = "ProtocolError",
}

-- The services' ways to name an error: header or member `code` (REST), Error.Code (STS).
local function error_code(response)
  local header = response.headers["x-amzn-errortype"]
  if header then return header:match "^[^:]*" end
  local document = json.decode(response.body) or {}
  local problem = type(document.Error) == "table" and document.Error or {}
  local code = problem.Code or document.code or document.error
  return type(code) == "string" and code or nil
end

-- What went wrong in the words of retry.lua; nil: nothing.
local function failure_of(response, kind)
  if not response then return { code = TRANSPORT_CODES[kind] or "" } end
  if response.status < 400 then return nil end
  return { code = error_code(response) or "", status = response.status }
end

-- For a client that is not to correct its clock.
local NO_SKEW = {
  seconds = 0, observe = function() end, explains = function() return false end,
}

local function with_timeouts(request, settings)
  local copy = { timeouts = { connect = settings.connect_timeout, total = settings.timeout } }
  for name, value in next, request do copy[name] = value end
  return copy
end

-- One attempt, signed for its own time; also, whether the skew that it taught mends its failure.
local function attempt(world, transport, request, sign)
  local sent, used = world.now(), world.skew.seconds
  local response, message, kind = transport:send(sign and sign(request) or request)
  local failure = failure_of(response, kind)
  if response then world.skew:observe(sent, world.now(), response.headers) end
  local is_mended = sign and failure and world.skew:explains(failure, used)
  return failure, is_mended, response, message, kind
end

-- Sends until there is an answer that no further try would better.
local function send_patiently(world, transport, request, options)
  local call = { attempts = 0 }
  while true do
    call.attempts = call.attempts + 1
    local failure, is_mended, response, message, kind =
      attempt(world, transport, request, options.sign)
    if not failure then
      world.policy:succeeded(call)
      return response
    end
    local delay = call.attempts ~= options.attempts
      and world.policy:failed(call, failure, is_mended)
    if not delay then return response, message, kind end
    world.log("debug", ("credentials: attempt %d failed (%s), next in %.1f s")
      :format(call.attempts, failure.status or failure.code, delay))
    world.transport:sleep(delay)
  end
end

local function send(world, settings, request, options)
  options = options or {}
  local transport = options.direct and world.direct() or world.transport
  request = with_timeouts(request, settings)
  if not options.retry then return transport:send(request) end
  world.policy = world.policy or world.retry()
  return send_patiently(world, transport, request, options)
end

local function sign(world, request, credentials, region, service)
  local sigv4 = require "lmigrationhub.sigv4"
  local headers = {
    ["x-amz-date"] = os.date("!%Y%m%dT%H%M%SZ", math.floor(world.now() + world.skew.seconds)),
    ["x-amz-security-token"] = credentials.session_token,
  }
  for name, value in next, request.headers do headers[name] = value end
  local signed = {}
  for name, value in next, request do signed[name] = value end
  signed.headers = headers
  headers.authorization = sigv4.authorization(signed, credentials, region, service)
  return signed
end

local function posix() return require "lmigrationhub.posix" end

-- A program from start to end: status, output, end of stderr | nil, message. Whatever the transport
-- lets go on while it sleeps, in nginx the worker, goes on meanwhile.
local function run(world, words, limits)
  local pause = FIRST_LOOK
  world.transport:sleep(pause) -- raises where nobody can wait, before there is anything to end
  local program, message = posix().start(words, limits)
  if not program then return nil, message end
  while not program:finished() do
    world.transport:sleep(pause)
    pause = math.min(2 * pause, LAST_LOOK)
  end
  return program:result()
end

---@class lmigrationhub.World what a client lends its credentials
---@field transport lmigrationhub.Transport
---@field direct (fun(): lmigrationhub.Transport)? one without proxy, default: transport
---@field retry fun(): lmigrationhub.RetryPolicy a new one
---@field store lmigrationhub.SharedDict? shared with other workers
---@field skew lmigrationhub.ClockSkew? the client's, which STS teaches too; default: none
---@field now (fun(): number)? seconds since 1970 UTC
---@field random (fun(): number)? uniform in [0, 1)
---@field open (fun(path: string, mode: string): file*?, string?)?
---@field run (fun(words: string[], limits: table): integer?, string, string?)?
---@field write_private function? posix.write_private
---@field log fun(level: string, message: string)?

--- Makes the context of a source of credentials. Providers may keep things in its `memory`.
---@param settings table of config.lua
---@param given lmigrationhub.World
---@return table
local function new(settings, given)
  local world = {
    transport = given.transport,
    direct = given.direct or function() return given.transport end,
    retry = given.retry,
    skew = given.skew or NO_SKEW,
    now = given.now or os.time,
    log = given.log or function() end,
  }
  return {
    memory = {},
    send = function(request, options) return send(world, settings, request, options) end,
    sign = function(...) return sign(world, ...) end,
    sleep = function(seconds) return world.transport:sleep(seconds) end,
    now = world.now,
    random = given.random or math.random,
    open = given.open or io.open,
    run = given.run or function(words, limits) return run(world, words, limits) end,
    write_private = given.write_private or function(...) return posix().write_private(...) end,
    log = world.log,
    session_name = function() return SESSION_NAME:format(math.floor(world.now())) end,
  }
end

return { new = new }
