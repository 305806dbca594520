-- Where the clients run: with the server's address and keys in a clean environment, on the server's
-- CPU or on all, under measure, which counts.

local nginx = require "spec.nginx"
local shell = require "spec.bench.shell"

local RUN = [[
env -i PATH="$PATH" HOME='%s' LANG=C.UTF-8 \
LUA_PATH='./?.lua;./?/init.lua;;' LUA_CPATH='build/%s/?.so;;' \
AWS_ENDPOINT_URL_MIGRATION_HUB=%s AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-2 \
AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY \
NODE_EXTRA_CA_CERTS='%s/ca.pem' %s%s %s]]
local MEASURE = "build/bench/measure "
local CALLGRIND = "valgrind --quiet --tool=callgrind --callgrind-out-file='%s' "

---@class bench.Client
---@field name string
---@field command string
---@field lua string? whose C modules it loads: "5.4" or "jit"
---@field updates boolean? does it say how many updates it read?

---@class bench.Cost of one run
---@field cpu number seconds
---@field wall number seconds
---@field first number seconds to the first output
---@field rss number KiB
---@field output string

---@class bench.Stage
---@field urls table<string, string>
local Stage = {}
Stage.__index = Stage

local function run(self, client, arguments, url, prefix)
  return shell.output(RUN:format(
    self._folder, client.lua or "5.4", url, self._folder, prefix, client.command, arguments))
end

--- Runs a client on the server's CPU, where there are no wake-ups from one CPU to another, whose
--- cost varies. With is_free it runs on any CPU.
---@param client bench.Client
---@param arguments string
---@param url string
---@param is_free boolean?
---@return bench.Cost
function Stage:run(client, arguments, url, is_free)
  local prefix = MEASURE
  if is_free then prefix = ("taskset -c %s "):format(self._cpus) .. MEASURE end
  local text = run(self, client, arguments, url, prefix)
  local output, cpu, wall, first, rss = text:match "^(.-)\n?(%S+) (%S+) (%S+) (%d+)$"
  return {
    cpu = tonumber(cpu), wall = tonumber(wall), first = tonumber(first), rss = tonumber(rss),
    output = output,
  }
end

--- Lists pages by a client, and makes sure that it read them all.
---@param client bench.Client
---@param pages integer
---@param url string
---@return bench.Cost
function Stage:list(client, pages, url)
  local cost = self:run(client, ("%d"):format(pages), url)
  local count = tonumber(cost.output:match "(%d+)[^\n]*$")
  local expected = client.updates and pages * self.updates or pages
  if count ~= expected then error(("%s read %s, not %d"):format(client.name, count, expected)) end
  return cost
end

--- Instructions that a run takes outside the kernel.
---@param client bench.Client
---@param pages integer
---@param url string
---@return number
function Stage:instructions(client, pages, url)
  local path = self._folder .. "/callgrind"
  run(self, client, ("%d"):format(pages), url, CALLGRIND:format(path))
  return tonumber(shell.read(path):match "\ntotals: (%d+)")
end

--- Starts a worker of nginx that lists, on another CPU than the server's where there are two.
---@param url string
---@return spec.Nginx front with the port "port"; to be stopped
function Stage:start_front(url)
  local front = nginx.new "migration-hub-bench-front"
  front:listen "port"
  local upstream = url:gsub("127%.0%.0%.1", "localhost") -- nginx verifies names
  front:start("spec/bench/front/nginx.conf", {}, "port", "/ping",
    ("env UPSTREAM=%s taskset -c %s"):format(upstream, self._other_cpu))
  return front
end

--- Sets the stage.
---@param folder string the server's
---@param cpus string the CPUs of whoever started the benchmark, as taskset takes them
---@param urls table<string, string>
---@param updates integer on a page
---@return bench.Stage
local function new(folder, cpus, urls, updates)
  return setmetatable({
    _folder = folder, _cpus = cpus, urls = urls, updates = updates,
    _other_cpu = cpus:match "%d+$",
  }, Stage)
end

return { new = new }
