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
