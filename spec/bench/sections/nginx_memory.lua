-- How much more memory a worker of nginx holds after a long listing than after a short one, and at
-- its end, while the request in which it ran still holds what nginx frees with it.

local shell = require "spec.bench.shell"
local statistics = require "spec.bench.statistics"

local WAYS = {
  { prefetch = "no", name = "lmigrationhub inside nginx" },
  { prefetch = "yes", name = "with prefetch inside nginx" },
}
local SHORT = 100 -- pages

-- -> MiB that the worker holds
local function list(front, way, pages, updates)
  local output = shell.output(("curl -sf 'http://127.0.0.1:%d/whole?pages=%d&prefetch=%s'"):format(
    front.ports.port, pages, way.prefetch))
  local count, size = output:match "^(%d+) (%d+)$"
  assert(tonumber(count) == pages * updates, "updates are missing")
  return tonumber(size) / 1024
end

-- -> MiB at the end of a listing, and after its request
local function memory(front, way, pages, updates)
  return list(front, way, pages, updates), list(front, way, 1, updates)
end

-- -> growth at the end, growth after, what is held after, MiB
local function measure(stage, plan, way)
  local at_end, after, held = {}, {}, {}
  for round = 1, plan.rounds do
    local front = stage:start_front(stage.urls.https)
    local short, after_short = memory(front, way, SHORT, stage.updates)
    local long, after_long = memory(front, way, plan.long, stage.updates)
    front:stop()
    at_end[round], after[round] = long - short, after_long - after_short
    held[round] = after_long
  end
  return statistics.median(at_end), statistics.median(after), statistics.median(held)
end

---@param stage bench.Stage
---@param plan table rounds; long: pages
---@param report bench.Report
return function(stage, plan, report)
  for _, way in ipairs(WAYS) do
    local at_end, after, held = measure(stage, plan, way)
    report:figure {
      what = ("memory of a worker, growth from %d to %d pages, MiB: %s"):format(
        SHORT, plan.long, way.name),
      value = after, goal = 0.5, measured = ("%+.2f MiB, to %.1f MiB; %+.2f MiB before the "
        .. "request has ended"):format(after, held, at_end),
    }
  end
end
