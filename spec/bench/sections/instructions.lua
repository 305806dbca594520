-- Instructions of a page outside the kernel, by callgrind: the machine's load does not change them.

local clients = require "spec.bench.clients"

local function of_page(stage, name, pages)
  local few = stage:instructions(clients[name], pages[1], stage.urls.https)
  local many = stage:instructions(clients[name], pages[2], stage.urls.https)
  return (many - few) / (pages[2] - pages[1])
end

---@param stage bench.Stage
---@param plan table names; pages: two counts by client
---@param report bench.Report
return function(stage, plan, report)
  local count, rows = {}, {}
  for index, name in ipairs(plan.names) do
    count[name] = of_page(stage, name, plan.pages[name] or plan.pages.otherwise)
    rows[index] = {
      clients[name].name, ("%.0f"):format(count[name] / 1000),
      ("%.2f"):format(count[name] / count.bare),
    }
  end
  report:table("Instructions of a page, HTTPS", { "client", "thousands", "× bare loop" }, rows)
  report:say(("Instructions a page are %.2f times the bare loop's."):format(
    count.ours / count.bare))
  if not count.botocore then
    return report:left_out("instructions a page, × botocore", "it takes too long for --quick")
  end
  report:figure {
    what = "instructions a page, × botocore", value = count.ours / count.botocore, goal = 1 / 6.5,
    measured = ("%.2f M, botocore %.1f M"):format(count.ours / 1e6, count.botocore / 1e6),
  }
end
