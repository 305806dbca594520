-- Runs busted inside a worker of nginx.

local cjson = require "cjson"
local compatibility = require "busted.compatibility"

local INTERPRETER = "luajit" -- for the processes that specs start
local OPTIONS = { "--helper=spec.worker.filter", "-o", "spec.tap" }

-- Would end the worker; the output tells what failed.
function compatibility.exit() end

-- busted finds its arguments, and specs their interpreter, where a script would.
local function set_arguments(files)
  local arguments = { [-1] = INTERPRETER, [0] = "busted" }
  for _, list in ipairs { OPTIONS, files } do
    for _, argument in ipairs(list) do table.insert(arguments, argument) end
  end
  rawset(_G, "arg", arguments)
end

local function maps_libcurl()
  for line in io.lines "/proc/self/maps" do
    if line:find("libcurl", 1, true) then return true end
  end
  return false
end

--- Runs the files that the request lists, and answers when all is over: whether the worker has
--- mapped libcurl, and tests to be left out that there are not. busted runs once in a process, and
--- its output is the process's.
local function run()
  ngx.req.read_body()
  set_arguments(cjson.decode(ngx.req.get_body_data()))
  require "busted.runner" { standalone = false }
  local missing = require("spec.worker.filter").missing
  ngx.print(cjson.encode { maps_libcurl = maps_libcurl(), missing = missing })
end

return { run = run }
