-- Runs inside the worker: what the spec sends, and what the spec's own requests ask for.
local cjson = require "cjson"
local nginx = require "lmigrationhub.transport.nginx"

local HOLD = 0.05 -- seconds
local TIMEOUTS = { connect = 1, total = 3 }

local faults_url
local before_fork -- a transport that was made in the master process

-- What runs may use besides the globals.
local tools = { nginx = nginx, shared = {} }

function tools.request(url, script, timeouts)
  return { method = script and "POST" or "GET", url = url, body = script,
    timeouts = timeouts or TIMEOUTS }
end

-- Lua's values, and the kind of those that JSON cannot carry.
local function plain(value)
  if value == nil then return cjson.null end
  if type(value) == "function" or type(value) == "userdata" then return type(value) end
  return value
end

local function pack(ok, ...)
  local values = {}
  for index = 1, select("#", ...) do values[index] = plain((select(index, ...))) end
  return { ok = ok, count = select("#", ...), values = values }
end

local function load_chunk(text)
  local chunk = assert(loadstring(text, "=run"))
  return setfenv(chunk, setmetatable(tools, { __index = _G }))
end

-- Runs the request's body, which is Lua text, and answers with what it returns. Light threads that
-- it leaves behind end with it.
local function run()
  ngx.req.read_body()
  local result = pack(pcall(load_chunk(ngx.req.get_body_data())))
  ngx.print(cjson.encode(result))
  ngx.exit(200)
end

-- Each worker looks for a job, which is Lua text after a number, and leaves its result. One that
-- starts late has yet to do the last one.
local JOB_INTERVAL, JOB_TIMEOUT = 0.01, 25 -- seconds

local function result_key(number, id) return ("result %s %d"):format(number, id) end

local function run_job(number, text)
  local result = pack(pcall(function() return load_chunk(text)() end))
  ngx.shared.seen:set(result_key(number, ngx.worker.id()), cjson.encode(result))
end

local function watch_jobs()
  local seen, last = ngx.shared.seen, nil
  assert(ngx.timer.every(JOB_INTERVAL, function(premature)
    local number, text = (seen:get "job" or ""):match "^(%d+) (.*)$"
    if premature or not number or number == last then return end
    last = number
    if not seen:get(result_key(number, ngx.worker.id())) then run_job(number, text) end
  end))
end

local function take_result(key)
  for _ = 1, JOB_TIMEOUT / JOB_INTERVAL do
    local text = ngx.shared.seen:get(key)
    if text then return cjson.decode(text) end
    ngx.sleep(JOB_INTERVAL)
  end
  error("no " .. key)
end

function tools.everywhere(text)
  local number, values = tostring(ngx.shared.seen:incr("jobs", 1, 0)), {}
  ngx.shared.seen:set("job", number .. " " .. text)
  for id = 0, ngx.worker.count() - 1 do
    local result = take_result(result_key(number, id))
    values[id + 1] = result.values[1]
    if not result.ok then error(values[id + 1], 0) end
  end
  return values
end

-- Remembers what becomes of a request in this phase.
local function try()
  local phase = ngx.get_phase()
  local request = tools.request(faults_url .. "/", 'answer "fine"')
  for _, name in ipairs { "send", "start", "sleep" } do
    local ok, result = pcall(before_fork[name], before_fork, name == "sleep" and 0.001 or request)
    if ok and name == "start" then result = before_fork:wait(result) end
    if type(result) == "table" then result = result.body end
    ngx.shared.seen:set(phase .. " " .. name, tostring(result or "slept"))
  end
end

function tools.seen(key) return ngx.shared.seen:get(key) end

function tools.reset() ngx.shared.seen:flush_all() end

-- How many are between their begin and their end, and the most that ever were.
local function count(what, change)
  local now = ngx.shared.seen:incr(what, change, 0)
  local most = ngx.shared.seen:get("most " .. what) or 0
  if now > most then ngx.shared.seen:set("most " .. what, now) end
end

local function hold(what)
  count(what, 1)
  ngx.sleep(HOLD)
  count(what, -1)
end

local function start(url)
  faults_url = url
  before_fork = nginx.new()
  tools.before_fork = before_fork
  tools.faults_url = url
  try()
end

local function start_worker()
  try()
  assert(ngx.timer.at(0, try))
  if ngx.worker.count() > 1 then watch_jobs() end
end

return {
  start = start,
  start_worker = start_worker,
  run = run,
  try = try,
  hold = function()
    hold "requests"
    ngx.print(ngx.var.connection)
  end,
  hold_handshake = function() hold "handshakes" end,
}
