-- How much the peak of memory grows from a short listing to a long one.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

local NAMES = { "ours", "ours_jit", "ours_ahead", "ours_jit_ahead" }
local SHORT = 10 -- pages

-- -> growth and peak, MiB
local function measure(stage, plan, name)
  local short, long = {}, {}
  for round = 1, plan.rounds do
    short[round] = stage:list(clients[name], SHORT, stage.urls.https).rss / 1024
    long[round] = stage:list(clients[name], plan.long, stage.urls.https).rss / 1024
  end
  local peak = statistics.median(long)
  return peak - statistics.median(short), peak
end

---@param stage bench.Stage
---@param plan table rounds; long: pages
---@param report bench.Report
return function(stage, plan, report)
  for _, name in ipairs(NAMES) do
    local grown, peak = measure(stage, plan, name)
    report:figure {
      what = ("peak memory, growth from %d to %d pages, MiB: %s"):format(
        SHORT, plan.long, clients[name].name),
      value = grown, goal = 0.5, measured = ("%+.2f MiB, to %.1f MiB"):format(grown, peak),
    }
  end
end
