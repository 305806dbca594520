-- CPU of a page: the slope between a short and a long listing, so that starting up is no part of
-- it. All clients take turns in each round.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

local NAMES = { "ours", "bare", "ours_jit", "bare_jit", "libcurl", "botocore", "javascript" }
local SHORT = 200 -- pages; also the run that is compared as a whole

local function measure(stage, plan)
  local page, whole = {}, {}
  for _, name in ipairs(NAMES) do page[name], whole[name] = {}, {} end
  for round = 1, plan.rounds do
    for _, name in ipairs(NAMES) do
      local long = plan.long[name] or plan.long.otherwise
      local first = stage:list(clients[name], SHORT, stage.urls.https).cpu
      local second = stage:list(clients[name], long, stage.urls.https).cpu
      whole[name][round], page[name][round] = first, (second - first) / (long - SHORT)
    end
  end
  return page, whole
end

local function show(report, page, whole)
  local rows = {}
  for index, name in ipairs(NAMES) do
    rows[index] = {
      clients[name].name, ("%.0f"):format(statistics.median(page[name]) * 1e6),
      ("%.2f"):format(statistics.ratio(page[name], page.bare)),
      ("%.0f"):format(statistics.median(whole[name]) * 1e3),
      ("%.2f"):format(statistics.ratio(whole[name], whole.ours)),
    }
  end
  report:table("CPU, HTTPS, pages of 100 updates",
    { "client", "µs a page", "× bare loop", ("ms, %d pages"):format(SHORT), "× ours" }, rows)
end

---@param stage bench.Stage
---@param plan table rounds, long: pages by client
---@param report bench.Report
---@param results table gets page and whole: seconds of every round by client
return function(stage, plan, report, results)
  local page, whole = measure(stage, plan)
  results.page, results.whole = page, whole
  show(report, page, whole)
  local function figure(what, against, mine, theirs, goal)
    report:figure {
      what = what, value = statistics.ratio(mine, theirs), goal = goal,
      measured = ("%.4g ms, %s %.4g ms"):format(
        statistics.median(mine) * 1e3, against, statistics.median(theirs) * 1e3),
    }
  end
  figure("CPU a page, Lua 5.4, × bare loop", "bare", page.ours, page.bare, 1.15)
  figure("CPU a page, LuaJIT, × bare loop", "bare", page.ours_jit, page.bare_jit, 1.15)
  figure("CPU of 200 pages, × botocore", "botocore", whole.ours, whole.botocore, 1 / 12)
  figure("CPU of 200 pages, × JavaScript", "SDK", whole.ours, whole.javascript, 1 / 8)
end
