-- From the start of the process to the first update, with the system's roots: a page of 100.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

local NAMES = { "ours", "ours_jit", "libcurl", "botocore", "javascript" }

local function measure(stage, rounds)
  local cpu, first = {}, {}
  for _, name in ipairs(NAMES) do cpu[name], first[name] = {}, {} end
  for round = 1, rounds do
    for _, name in ipairs(NAMES) do
      local cost = stage:list(clients[name], 1, stage.urls.https)
      cpu[name][round], first[name][round] = cost.cpu, cost.first
    end
  end
  return cpu, first
end

---@param stage bench.Stage
---@param plan table rounds
---@param report bench.Report
---@param results table gets cold: seconds of CPU of every round by client
return function(stage, plan, report, results)
  local cpu, first = measure(stage, plan.rounds)
  results.cold = cpu
  local rows = {}
  for index, name in ipairs(NAMES) do
    rows[index] = {
      clients[name].name, ("%.1f"):format(statistics.median(cpu[name]) * 1e3),
      ("%.1f"):format(statistics.median(first[name]) * 1e3),
      ("%.2f"):format(statistics.ratio(cpu[name], cpu.libcurl)),
    }
  end
  report:table("Cold start, HTTPS, system's trust store",
    { "client", "ms CPU", "ms to the first update", "CPU × libcurl's defaults" }, rows)
  for _, name in ipairs { "ours", "ours_jit" } do
    report:figure {
      what = "cold start, CPU, × libcurl's defaults: " .. clients[name].name,
      value = statistics.ratio(cpu[name], cpu.libcurl), goal = 0.5,
      measured = ("%.1f ms, libcurl %.1f ms"):format(
        statistics.median(cpu[name]) * 1e3, statistics.median(cpu.libcurl) * 1e3),
    }
  end
end
