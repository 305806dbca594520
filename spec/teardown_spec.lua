-- A program may end at any point of a transfer: its Lua state is closed, and with it the library.

local faults = require "spec.faults"

local BEGINNING = [[
local url = "%s/"
local curl = require "lmigrationhub.curl"
local transport = require("lmigrationhub.transport.script").new()
local multi = curl.new()
local function request(script)
  return { method = "POST", url = url, body = script, timeouts = { connect = 1, total = 5 } }
end
local STALL = "stall()"
local CHUNK = 'send "HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nab" stall()'
local ANSWER = 'send "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"'
local hub = require("lmigrationhub").new {
  region = "us-west-2", endpoint = "http://127.0.0.1:%d", max_attempts = 1, timeout = 5,
  credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
}
function finish() os.exit(0, true) end
]]

-- What each program has done when it ends.
local STAGES = {
  ["before anything"] = "",
  ["after start"] = [[kept = multi:start(request(STALL))]],
  ["after start, with nothing kept"] = [[multi:start(request(STALL))]],
  ["after a poll that ended nothing"] = [[kept = multi:start(request(STALL)) multi:poll(0.01)]],
  ["inside the body"] = [[kept = multi:start(request(CHUNK)) multi:poll(0.05)]],
  ["after the end, before the result"] = [[
    kept = multi:start(request(ANSWER))
    while not kept:finished() do multi:poll(1) end
  ]],
  ["after the result"] = [[
    kept = multi:start(request(ANSWER))
    while not kept:finished() do multi:poll(1) end
    kept:result()
  ]],
  ["after close, with the transfer kept"] = [[
    kept = multi:start(request(STALL))
    multi:close()
  ]],
  ["after cancel"] = [[kept = multi:start(request(STALL)) kept:cancel()]],
  ["with one of each"] = [[
    kept = {}
    for index, script in ipairs { STALL, CHUNK, ANSWER } do
      kept[index] = multi:start(request(script))
    end
    while not kept[3]:finished() do multi:poll(1) end
  ]],
  ["with the name not yet found"] = [[
    kept = multi:start {
      method = "GET", url = "http://name.invalid/", timeouts = { connect = 5, total = 5 },
    }
  ]],
  ["with a transport's request begun"] = [[kept = transport:start(request(STALL))]],
  ["inside a coroutine that waits"] = [[
    kept = coroutine.create(function()
      kept_too = transport:start(request(STALL))
      coroutine.yield()
    end)
    coroutine.resume(kept)
  ]],
  ["inside many at once"] = [[
    local items = { 1, 2, 3 }
    transport:concurrently(function() return table.remove(items) end, 2, function(item)
      transport:start(request(STALL))
      if item == 2 then finish() end
      transport:sleep(0)
    end)
  ]],
  ["inside a listing"] = [[
    pcall(function() for _ in hub:migration_tasks() do end end)
    kept = hub:migration_tasks()
  ]],
  ["inside an error handler"] = [[
    xpcall(function() hub:list_migration_tasks() end, function() finish() end)
  ]],
  ["inside a finalizer"] = [[
    kept = multi:start(request(STALL))
    local function finalize() multi:poll(0) end
    owner = newproxy and newproxy(true) or setmetatable({}, { __gc = finalize })
    getmetatable(owner).__gc = finalize
  ]],
}

-- PUC Lua 5.1's os.exit does not close the state; the end of the script does.
local ENDS = { ["the end of the script"] = "", ["os.exit"] = "finish()" }

describe("a program that ends", function()
  local server, beginning

  setup(function()
    server = faults.start_server()
    beginning = BEGINNING:format(server.url, faults.free_ports(1)[1])
  end)
  teardown(function() server:stop() end)

  for stage, script in pairs(STAGES) do
    for ending, last in pairs(ENDS) do
      it(("%s, by %s, does so quietly"):format(stage, ending), function()
        assert.equal("exit 0", faults.run_in("", "", beginning .. script .. "\n" .. last))
      end)
    end
  end
end)
