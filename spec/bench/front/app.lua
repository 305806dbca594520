-- Lists inside a worker, and tells what that cost. Many tasks at once for so many seconds, by the
-- library or by a bare loop: GET /list?by=library&in_flight=256&updates=20&seconds=4. One task of
-- so many pages: GET /whole?pages=10000&prefetch=yes.

local KEYS = {
  access_key_id = "AKIDEXAMPLE",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
local WARM_UP = 1 -- seconds
local UPSTREAM = os.getenv "UPSTREAM" -- https://HOST:PORT

local host, port = UPSTREAM:match "^https://(.-):(%d+)$"
local service = { host = host, port = tonumber(port), keys = KEYS }

local listers = {}

function listers.bare(parameters, use)
  require "spec.bench.front.bare_loop"(service, parameters, use)
end

local hub = require("lmigrationhub.client").new({
  region = "us-west-2", endpoint = UPSTREAM, credentials = KEYS,
}, { getenv = function() end }) -- no settings of whoever starts this

function listers.library(parameters, use)
  for update in hub:migration_task_updates(parameters) do
    if use(update) then return end
  end
end

-- Seconds of CPU that this process has used.
local function cpu()
  local file = assert(io.open "/proc/self/schedstat")
  local nanoseconds = file:read "*n"
  file:close()
  return nanoseconds / 1e9
end

local function now()
  ngx.update_time()
  return ngx.now()
end

-- Reads every field, as a program would.
local function new_use(run)
  return function(update)
    local state = update.MigrationTaskState
    run.sum = run.sum + state.ProgressPercent + #state.Status + #state.StatusDetail
      + #update.UpdateType + update.UpdateDateTime % 1
    run.updates = run.updates + 1
    return run.is_over
  end
end

local function keep_listing(run, list, number, updates)
  local use = new_use(run)
  while not run.is_over do
    list({
      ProgressUpdateStream = "SMS", MigrationTaskName = ("sms-%d-P200"):format(number),
      MaxResults = updates,
    }, use)
  end
end

local function measure(run, seconds)
  ngx.sleep(WARM_UP)
  collectgarbage()
  local updates, used, begun = run.updates, cpu(), now()
  ngx.sleep(seconds)
  return run.updates - updates, now() - begun, cpu() - used
end

--- Answers with the pages, the seconds and the seconds of CPU.
local function list()
  local arguments = ngx.req.get_uri_args()
  local updates = tonumber(arguments.updates)
  local run, threads = { sum = 0, updates = 0, is_over = false }, {}
  for number = 1, tonumber(arguments.in_flight) do
    threads[number] =
      ngx.thread.spawn(keep_listing, run, listers[arguments.by], number, updates)
  end
  local count, seconds, used = measure(run, tonumber(arguments.seconds))
  run.is_over = true
  for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
  ngx.say(("%.0f %.3f %.6f"):format(count / updates, seconds, used))
end

-- KiB that the worker holds when what nobody needs is gone.
local function memory()
  collectgarbage()
  collectgarbage()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s*(%d+) kB"
    if size then return size end
  end
end

--- Answers with the updates, and the KiB that the worker holds before the request has ended.
local function list_whole()
  local arguments, count = ngx.req.get_uri_args(), 0
  for _ in hub:migration_task_updates({
    ProgressUpdateStream = "SMS", MigrationTaskName = "sms-P" .. arguments.pages,
  }, { prefetch = arguments.prefetch == "yes" }) do
    count = count + 1
  end
  ngx.say(count, " ", memory())
end

return { list = list, list_whole = list_whole }
