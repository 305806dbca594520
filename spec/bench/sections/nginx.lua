-- Many listings at once inside a worker of nginx, at 50 ms of service time, beside a bare loop of
-- cosockets; and what else the worker is asked meanwhile.

local shell = require "spec.bench.shell"
local statistics = require "spec.bench.statistics"

local SIZES = { 20, 100 } -- updates on a page
local LISTINGS, FEW_LISTINGS = 256, 32
local SETTLE = 1 -- seconds in which all listings have connected

-- Begins to list, and gives a function that waits for what it cost.
local function begin(front, by, listings, size, seconds)
  local process = assert(io.popen(
    ("curl -sf 'http://127.0.0.1:%d/list?by=%s&in_flight=%d&updates=%d&seconds=%g'"):format(
      front.ports.port, by, listings, size, seconds)))
  return function()
    local pages, time, cpu = process:read("a"):match "^(%d+) (%S+) (%S+)\n$"
    process:close()
    return { pages = pages / time, cpu = cpu / pages }
  end
end

-- The 99th percentile and the slowest, in milliseconds. What it waits for is to be the worker: it
-- goes before all else where that is allowed.
local function ping(front, seconds)
  local prefix = os.execute "chrt -f 1 true 2>/dev/null" and "chrt -f 1 " or ""
  local output = shell.output(
    ("%slua5.4 spec/bench/ping.lua %d %g"):format(prefix, front.ports.port, seconds))
  local high, most = output:match "^(%S+) (%S+)$"
  return tonumber(high), tonumber(most)
end

local function compare(stage, plan, size)
  local front = stage:start_front(stage.urls.https_50ms)
  local pages, cpu = { bare = {}, library = {} }, { bare = {}, library = {} }
  for round = 1, plan.rounds do
    for _, by in ipairs { "bare", "library" } do
      local cost = begin(front, by, LISTINGS, size, plan.seconds)()
      pages[by][round], cpu[by][round] = cost.pages, cost.cpu
    end
  end
  front:stop()
  return pages, cpu
end

local function report_costs(stage, plan, report)
  for _, size in ipairs(SIZES) do
    local pages, cpu = compare(stage, plan, size)
    local what = ("nginx, %d listings, pages of %d updates, × bare loop: "):format(LISTINGS, size)
    report:figure {
      what = what .. "pages a second", value = statistics.ratio(pages.library, pages.bare),
      goal = 0.95, least = true, measured = ("%.0f, %.0f"):format(
        statistics.median(pages.library), statistics.median(pages.bare)),
    }
    report:figure {
      what = what .. "CPU", value = statistics.ratio(cpu.library, cpu.bare), goal = 1.5,
      measured = ("%.0f µs, %.0f µs"):format(
        statistics.median(cpu.library) * 1e6, statistics.median(cpu.bare) * 1e6),
    }
  end
end

-- The 99th percentile beside listings that have connected.
local function ping_beside(front, by, listings, seconds)
  local finish = begin(front, by, listings, SIZES[1], seconds + SETTLE)
  os.execute("sleep " .. SETTLE)
  local high = ping(front, seconds)
  finish()
  return high
end

-- How long a ping takes, in a round, at a worker in different straits.
local function ping_in_turn(stage, seconds, pings, round)
  local front = stage:start_front(stage.urls.https_50ms)
  local finish = begin(front, "library", FEW_LISTINGS, SIZES[1], SETTLE)
  pings.cold[round] = select(2, ping(front, SETTLE))
  finish()
  pings.idle[round] = ping(front, seconds)
  for _, listings in ipairs { FEW_LISTINGS, LISTINGS } do
    for by, times in pairs(pings[listings]) do
      times[round] = ping_beside(front, by, listings, seconds)
    end
  end
  front:stop()
end

local function report_pings(stage, plan, report)
  local pings = {
    cold = {}, idle = {},
    [FEW_LISTINGS] = { bare = {}, library = {} }, [LISTINGS] = { bare = {}, library = {} },
  }
  for round = 1, plan.rounds do ping_in_turn(stage, plan.seconds, pings, round) end
  local idle = statistics.median(pings.idle)
  for _, listings in ipairs { FEW_LISTINGS, LISTINGS } do
    local busy = statistics.median(pings[listings].library)
    report:figure {
      what = ("nginx, /ping at p99 beside %d listings, ms more than idle"):format(listings),
      value = busy - idle, goal = 2, measured = ("%.2f, idle %.2f, beside the bare loop %.2f")
        :format(busy, idle, statistics.median(pings[listings].bare)),
    }
  end
  report:figure {
    what = ("nginx, slowest /ping while %d listings connect, ms"):format(FEW_LISTINGS),
    value = statistics.median(pings.cold), goal = 60, measured = ("%.1f to %.1f"):format(
      math.min(table.unpack(pings.cold)), math.max(table.unpack(pings.cold))),
  }
end

---@param stage bench.Stage
---@param plan table rounds, seconds
---@param report bench.Report
return function(stage, plan, report)
  report_costs(stage, plan, report)
  report_pings(stage, plan, report)
end
