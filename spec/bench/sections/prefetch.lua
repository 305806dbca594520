-- A page asked for while the one before is worked on.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

local WHAT = "prefetch, 20 ms service and 10 ms work a page, × without"
local WORK = 0.010 -- seconds

local function seconds(stage, plan, option)
  local arguments = ("%d %g %s"):format(plan.pages, WORK, option)
  local output = stage:run(clients.prefetch, arguments, stage.urls.https_20ms, true).output
  return tonumber(output)
end

---@param stage bench.Stage
---@param plan table pages, rounds
---@param report bench.Report
return function(stage, plan, report)
  local without, with = {}, {}
  for round = 1, plan.rounds do
    with[round] = seconds(stage, plan, "prefetch")
    if not with[round] then return report:left_out(WHAT, "there is no option prefetch yet") end
    without[round] = seconds(stage, plan, "")
  end
  report:figure {
    what = WHAT, value = statistics.ratio(with, without), goal = 0.70,
    measured = ("%.2f s, without %.2f s"):format(
      statistics.median(with), statistics.median(without)),
  }
end
