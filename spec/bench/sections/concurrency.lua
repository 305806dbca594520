-- Many listings at once, at 50 ms of service time.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

local GOALS = { [16] = 13, [64] = 40 }

local function seconds(stage, plan, tasks, limit)
  local arguments = ("%d %d %d"):format(tasks, plan.pages, limit)
  local output = stage:run(clients.concurrent, arguments, stage.urls.https_50ms, true).output
  local count, time = output:match "^(%d+) (%S+)$"
  if not count then return nil end
  assert(tonumber(count) == tasks * plan.pages * stage.updates, "updates are missing")
  return tonumber(time)
end

---@param stage bench.Stage
---@param plan table tasks; pages of each; rounds; sample: how many of the tasks one at a time
---@param report bench.Report
return function(stage, plan, report)
  local one = seconds(stage, plan, plan.sample, 1)
  local what = ("%d tasks × %d pages at 50 ms, times faster"):format(plan.tasks, plan.pages)
  if not one then return report:left_out(what, "there is no hub:concurrently yet") end
  one = one * plan.tasks / plan.sample
  for _, limit in ipairs { 16, 64 } do
    local times = {}
    for round = 1, plan.rounds do times[round] = seconds(stage, plan, plan.tasks, limit) end
    local time = statistics.median(times)
    report:figure {
      what = ("%s, %d at once"):format(what, limit), value = one / time, goal = GOALS[limit],
      least = true, measured = ("%.2f s, one at a time %.2f s"):format(time, one),
    }
  end
end
