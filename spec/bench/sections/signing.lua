-- What a signature costs, and its share of a page.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

---@param stage bench.Stage
---@param plan table calls, rounds
---@param report bench.Report
---@param results table page: seconds of CPU of a page
return function(stage, plan, report, results)
  local cached, derived = {}, {}
  for round = 1, plan.rounds do
    local output = stage:run(clients.signing, tostring(plan.calls), stage.urls.http).output
    local first, second = output:match "(%S+) (%S+)"
    cached[round], derived[round] = tonumber(first), tonumber(second)
  end
  local cost, page = statistics.median(cached), statistics.median(results.page.ours) * 1e6
  report:figure {
    what = "signing with the derived key cached, µs", value = cost, goal = 3,
    measured = ("%.2f µs, with derivation %.2f µs"):format(cost, statistics.median(derived)),
  }
  report:figure {
    what = "signing, share of a page's CPU, %", value = 100 * cost / page, goal = 5,
    measured = ("%.2f of %.0f µs"):format(cost, page),
  }
end
