-- How much more memory a worker of nginx holds after a long listing than after a short one, and at
-- its end, while the request in which it ran still holds what nginx frees with it.

local http = require "socket.http"
local nginx = require "spec.nginx"
local statistics = require "spec.bench.statistics"

local PATHS = {
  { path = "/list", name = "lmigrationhub inside nginx" },
  { path = "/ahead", name = "with prefetch inside nginx" },
}
local SHORT = 100 -- pages
local TIMEOUT = 300 -- seconds for a listing

-- -> MiB that the worker holds
local function list(worker, path, pages, updates)
  http.TIMEOUT = TIMEOUT
  local answer, status = http.request(
    ("http://127.0.0.1:%d%s?pages=%d"):format(worker.ports.port, path, pages))
  local count, size = tostring(answer):match "^(%d+) (%d+)$"
  if tonumber(count) == pages * updates then return tonumber(size) / 1024 end
  error(("%s of %d pages: %s %s\n%s"):format(path, pages, status, answer, worker:error_log()))
end

local function start(url)
  local worker = nginx.new "migration-hub-bench-worker"
  worker:listen "port"
  worker:start("spec/bench/worker.conf", {
    endpoint = url:gsub("127%.0%.0%.1", "localhost"), -- nginx verifies names
  }, "port", "/ready")
  return worker
end

-- -> MiB at the end of a listing, and after its request
local function memory(worker, path, pages, updates)
  return list(worker, path, pages, updates), list(worker, path, 1, updates)
end

-- -> growth at the end, growth after, what is held after, MiB
local function measure(stage, plan, path)
  local at_end, after, held = {}, {}, {}
  for round = 1, plan.rounds do
    local worker = start(stage.urls.https)
    local short, after_short = memory(worker, path, SHORT, stage.updates)
    local long, after_long = memory(worker, path, plan.long, stage.updates)
    worker:stop()
    at_end[round], after[round] = long - short, after_long - after_short
    held[round] = after_long
  end
  return statistics.median(at_end), statistics.median(after), statistics.median(held)
end

---@param stage bench.Stage
---@param plan table rounds; long: pages
---@param report bench.Report
return function(stage, plan, report)
  for _, way in ipairs(PATHS) do
    local at_end, after, held = measure(stage, plan, way.path)
    report:figure {
      what = ("memory of a worker, growth from %d to %d pages, MiB: %s"):format(
        SHORT, plan.long, way.name),
      value = after, goal = 0.5, measured = ("%+.2f MiB, to %.1f MiB; %+.2f MiB before the "
        .. "request has ended"):format(after, held, at_end),
    }
  end
end
