-- The benchmark: lmigrationhub beside other clients, on this machine.
--   lua5.4 spec/bench/main.lua [--quick] [--chart FILE.svg] [--only SECTION]
-- The system's trust store must hold the server's authority, and stays as it is: in a mount
-- namespace of the benchmark's own a copy with one more certificate lies over /etc/ssl/certs.

package.path = "./?.lua;./?/init.lua;" .. package.path

local server = require "spec.bench.server"
local shell = require "spec.bench.shell"

local RUN = [[taskset -c %s unshare %s --mount --propagation private sh -c '
mount --bind "$1/certs" /etc/ssl/certs && exec lua5.4 spec/bench/run.lua "$@"
' bench %s %s %s '%s' %s %s]]

local function refuse()
  io.stderr:write(
    "usage: lua5.4 spec/bench/main.lua [--quick] [--chart FILE.svg] [--only SECTION]\n")
  os.exit(2)
end

local function parse(arguments)
  local options, index = { length = "full", chart = "-", only = "-" }, 1
  while arguments[index] do
    if arguments[index] == "--quick" then
      options.length = "quick"
    elseif arguments[index] == "--chart" or arguments[index] == "--only" then
      options[arguments[index]:sub(3)] = arguments[index + 1] or refuse()
      index = index + 1
    else
      refuse()
    end
    index = index + 1
  end
  return options
end

-- The first CPU that we may use, and all of them.
local function find_cpus()
  local all = shell.read "/proc/self/status":match "Cpus_allowed_list:%s*(%S+)"
  return { first = all:match "^%d+", all = all }
end

local function describe()
  local model = shell.read "/proc/cpuinfo":match "model name%s*:%s*([^\n]+)" or "unknown CPU"
  local system = shell.read "/etc/os-release":match 'PRETTY_NAME="([^"]+)"' or "unknown system"
  print(("%s. %s, %s, %s CPUs."):format(
    os.date "!%Y-%m-%d", system, model, shell.output "nproc"))
end

local function run(started, cpus, options)
  local urls = {}
  for name, url in pairs(started.urls) do urls[#urls + 1] = name .. "=" .. url end
  -- Who is not root becomes it in a namespace of users.
  local user = shell.output "id -u" == "0" and "" or "--map-root-user"
  return os.execute(RUN:format(cpus.first, user, started.folder, cpus.all, options.length,
    options.chart, options.only, table.concat(urls, " ")))
end

local options = parse(arg)
describe()
local cpus = find_cpus()
local started = server.start(cpus.first)
local ok, done = pcall(run, started, cpus, options)
started:stop()
if not ok then error(done, 0) end
os.exit(done == true)
