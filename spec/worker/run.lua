-- Runs specs inside a worker of nginx, and prints TAP: lua5.4 spec/worker/run.lua SPEC…

package.path = "./?.lua;./?/init.lua;" .. package.path

local certificates = require "spec.hub.certificates"
local cjson = require "cjson"
local http = require "socket.http"
local left_out = require "spec.worker.left_out"
local nginx = require "spec.nginx"

local TIMEOUT = 380 -- seconds for all specs

local function start()
  local server = nginx.new "migration-hub-worker"
  certificates.make(server.folder)
  server:listen "port"
  server:start("spec/worker/nginx.conf", {}, "port", "/ready")
  return server
end

-- -> the answer of app.lua | nil, what went wrong
local function ask(server, files)
  http.TIMEOUT = TIMEOUT
  local answer, status = http.request(
    ("http://127.0.0.1:%d/run"):format(server.ports.port), cjson.encode(files))
  if status == 200 then return cjson.decode(answer) end
  return nil, answer or status
end

-- Adds a test of our own to what busted told.
local function add(tap, name, problem)
  tap.count = tap.count + 1
  print(("%s %d - inside nginx: %s"):format(problem and "not ok" or "ok", tap.count, name))
  if problem then print("  " .. problem) end
end

-- Prints what busted told but for its plan, which is there when all has run.
local function pass_on(output)
  local lines, count = output:match "^(.-)1%.%.(%d+)%s*$"
  io.write(lines or output)
  return { count = tonumber(count) }
end

-- Those of the files that are not left out.
local function choose(files)
  local chosen = {}
  for _, file in ipairs(files) do
    if not left_out.files[file] then table.insert(chosen, file) end
  end
  return chosen
end

-- -> a file or a test that is left out without being there
local function find_missing(tests)
  for path in pairs(left_out.files) do
    local file <close> = io.open(path)
    if not file then return path end
  end
  return next(tests)
end

local server = start()
local answer, problem = ask(server, choose(arg))
local tap = pass_on(server:read "output.log")
local log = server:error_log()
server:stop()
if not answer or not tap.count then
  print(("Bail out! %s\n%s"):format(problem, log))
  os.exit(1)
end
add(tap, "libcurl is not mapped", answer.maps_libcurl and "it is")
add(tap, "what is left out exists", find_missing(answer.missing))
add(tap, "nothing alarming is in nginx's log",
  log:match "%[alert%][^\n]*" or log:match "%[emerg%][^\n]*")
print("1.." .. tap.count)
