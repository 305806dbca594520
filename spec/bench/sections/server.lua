-- Is the server quick enough? What it gives to libcurl alone, which reads nothing.

local clients = require "spec.bench.clients"
local statistics = require "spec.bench.statistics"

local SHORT, LONG, ROUNDS = 20, 2020, 3

local function pages_a_second(stage, url)
  local rates = {}
  for round = 1, ROUNDS do
    local short = stage:list(clients.libcurl, SHORT, url)
    local long = stage:list(clients.libcurl, LONG, url)
    rates[round] = (LONG - SHORT) / (long.wall - short.wall)
  end
  return statistics.median(rates)
end

---@param stage bench.Stage
---@param report bench.Report
---@param results table cpu: of the section before, costs of a page by client
return function(stage, _, report, results)
  local fastest = math.huge
  for _, name in ipairs { "ours", "ours_jit", "bare", "bare_jit" } do
    fastest = math.min(fastest, statistics.median(results.page[name]))
  end
  local plain = pages_a_second(stage, stage.urls.http)
  local secure = pages_a_second(stage, stage.urls.https)
  report:say(("The server, on one CPU together with the client, gives libcurl %.0f pages a second "
    .. "over HTTP and %.0f over HTTPS, on one connection. The quickest client that reads them, "
    .. "without any server, could take %.0f: the server is %s the bottleneck."):format(
      plain, secure, 1 / fastest, secure > 1.5 / fastest and "not" or "PERHAPS"))
end
