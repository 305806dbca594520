-- Runs all sections; main.lua has set the stage:
--   run.lua FOLDER CPUS quick|full CHART|- SECTION|- NAME=URL…

package.path = "./?.lua;./?/init.lua;" .. package.path

local report = require("spec.bench.report").new()
local stages = require "spec.bench.stage"

local UPDATES = 100 -- on a page

local SECTIONS = { "cpu", "server", "cold_start", "signing", "memory", "prefetch", "concurrency",
  "instructions", "nginx", "nginx_memory" }

local PLANS = {
  full = {
    cpu = { rounds = 11, long = { otherwise = 1200, botocore = 600, javascript = 600 } },
    cold_start = { rounds = 15 },
    signing = { rounds = 5, calls = 200000 },
    memory = { rounds = 3, long = 10000 },
    nginx_memory = { rounds = 3, long = 10000 },
    prefetch = { rounds = 3, pages = 100 },
    concurrency = { rounds = 3, tasks = 100, pages = 5, sample = 100 },
    instructions = {
      names = { "bare", "ours", "libcurl", "botocore" },
      pages = { otherwise = { 20, 220 }, botocore = { 5, 45 } },
    },
    nginx = { rounds = 5, seconds = 4 },
  },
  quick = {
    cpu = { rounds = 3, long = { otherwise = 700, botocore = 400, javascript = 400 } },
    cold_start = { rounds = 5 },
    signing = { rounds = 3, calls = 50000 },
    memory = { rounds = 1, long = 2000 },
    nginx_memory = { rounds = 1, long = 10000 },
    prefetch = { rounds = 1, pages = 40 },
    concurrency = { rounds = 1, tasks = 100, pages = 5, sample = 10 },
    instructions = { names = { "bare", "ours", "libcurl" }, pages = { otherwise = { 20, 70 } } },
    nginx = { rounds = 1, seconds = 3 },
  },
}

local function read_urls(from)
  local urls = {}
  for index = from, #arg do
    local name, url = arg[index]:match "^(.-)=(.*)$"
    urls[name] = url
  end
  return urls
end

local folder, cpus, length, chart, only = table.unpack(arg, 1, 5)
local stage = stages.new(folder, cpus, read_urls(6), UPDATES)
local results = {}
for _, name in ipairs(only == "-" and SECTIONS or { only }) do
  require("spec.bench.sections." .. name)(stage, PLANS[length][name], report, results)
end
report:finish()
if chart ~= "-" then require("spec.bench.chart").write(chart, results) end
