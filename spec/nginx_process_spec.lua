-- Programs that a worker of nginx runs (credential_process): it goes on meanwhile, and whatever
-- ends, the request, the worker or the program's time, ends the program.

local faults = require "spec.faults"
local hubs = require "spec.hub.server"
local server = require "spec.transport.nginx.server"
local socket = require "socket"

local PRELUDE = [[
local context = require("lmigrationhub.credentials.context").new({}, { transport = nginx.new() })
local function shell(command, limits) return context.run({ "/bin/sh", "-c", command }, limits) end
]]

-- A client whose keys a program prints after a while.
local CLIENT = [[
local CONFIG = "[default]\ncredential_process = sh -c 'sleep 0.3; cat %s'\n"
local hub = require("lmigrationhub.client").new({
  region = "us-west-2", endpoint = "https://localhost:%d",
}, {
  getenv = function(name) return name == "HOME" and "/home" or nil end,
  open = function(path)
    if path ~= "/home/.aws/config" then return nil, "none", 2 end
    local text = CONFIG
    return {
      read = function() local rest = text text = nil return rest end,
      close = function() end,
    }
  end,
})
]]

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- Seconds for programs that only wait, like those of no other spec that runs now; then a digit.
local LONG = ("61.%06d"):format(math.floor(socket.gettime() * 1e6 % 1e6))

-- Numbers of the processes that wait so.
local function running(digit)
  return faults.read(("pgrep -f '^[s]leep %s%d$'"):format(LONG, digit))
end

local function becomes(expected, question, ...)
  for _ = 1, 500 do
    if (question(...) ~= "") == expected then return true end
    socket.sleep(0.01)
  end
  return false
end

describe("a program in nginx", function()
  local hub, worker

  lazy_setup(function()
    hub = hubs.start { seed = "spec/hub/demo.json" }
    worker = server.start("http://127.0.0.1:1", hub.ca_file)
  end)
  lazy_teardown(function()
    worker:stop()
    hub:stop()
  end)

  local function fill(text) return PRELUDE .. text:gsub("LONG", LONG) end
  local function run(text) return worker:run(fill(text)) end

  it("gives status, output and the end of stderr", function()
    assert.same({ 3, "out\n", "err\n" },
      { run [[return shell "echo out; echo err >&2; exit 3"]] })
    assert.equal(-15, (run [[return (shell "kill -TERM $$")]]))
    local status, message = run [[return context.run { "/nonexistent/program" }]]
    assert.same({ nil, "No such file or directory" }, { status, message })
  end)

  it("lets other light threads go on", function()
    local status, ticks, seconds = run [[
      local ticks, is_over = 0, false
      local ticker = ngx.thread.spawn(function()
        while not is_over do
          ngx.sleep(0.01)
          ticks = ticks + 1
        end
      end)
      ngx.update_time()
      local begin = ngx.now()
      local status = shell "sleep 0.5"
      ngx.update_time()
      is_over = true
      ngx.thread.wait(ticker)
      return status, ticks, ngx.now() - begin
    ]]
    assert.equal(0, status)
    assert.is_true(seconds >= 0.5)
    assert.is_true(ticks >= 10, ticks)
  end)

  it("has limits of time and of output", function()
    assert.equal("it took longer than its time limit",
      (select(2, run [[return shell("sleep LONG1", { timeout = 0.2 })]])))
    assert.equal("", running(1))
    assert.equal("it printed more than its output limit",
      (select(2, run [[return shell("head -c 9 /dev/zero; sleep LONG2", { max_output = 8 })]])))
    assert.equal("", running(2))
    assert.equal(1000000, (run [[
      local _, output = shell("head -c 1000000 /dev/zero", { max_output = 1000000 })
      return #output
    ]]))
  end)

  it("inherits nothing of nginx, whatever is open there", function()
    assert.same({ "0 /dev/null", "1 pipe", "2 pipe", "3 /proc/" }, (run [[
      local connection = ngx.socket.tcp()
      assert(connection:connect("127.0.0.1", ngx.var.server_port))
      local file = io.open("/etc/hostname")
      local _, listing = context.run { "ls", "-l", "/proc/self/fd" }
      file:close()
      connection:close()
      local files = {}
      for number, target in listing:gmatch " (%d+) %-> (/?%w+/?[nul]*)" do
        files[#files + 1] = number .. " " .. target
      end
      return files
    ]]))
  end)

  it("is ended with the time that it had when the client has gone", function()
    local connection = worker:open(fill [[shell("sleep LONG3", { timeout = 1 })]])
    assert.is_true(becomes(true, running, 3))
    connection:close()
    assert.is_true(becomes(false, running, 3))
  end)

  it("is ended when its light thread has gone and its memory is collected", function()
    run [[
      local thread = ngx.thread.spawn(function() shell "sleep LONG4" end)
      ngx.sleep(0.1)
      ngx.thread.kill(thread)
    ]]
    worker:run "collectgarbage() collectgarbage()"
    assert.is_true(becomes(false, running, 4))
  end)

  it("is ended when the worker was killed", function()
    local connection = worker:open(fill [[shell "sleep LONG5"]])
    assert.is_true(becomes(true, running, 5))
    local pid = worker:run "return ngx.worker.pid()"
    faults.read(("kill -9 %d"):format(pid))
    connection:close()
    assert.is_true(becomes(false, running, 5))
  end)

  it("leaves nothing behind", function()
    local zombies = run [[
      for _ = 1, 10 do
        shell "exit 0"
        shell("sleep LONG6", { timeout = 0.01 })
      end
      local pipe = io.popen("ps -o stat=,comm= --ppid " .. ngx.worker.pid() .. " | grep ^Z")
      local zombies = pipe:read "*a"
      pipe:close()
      return zombies
    ]]
    assert.equal("", zombies)
    assert.equal("", running(6))
  end)

  it("gives a client its credentials", function()
    local keys = os.tmpname()
    write(keys, ('{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s"}')
      :format(hub.access_key_id, hub.secret_access_key))
    local port = hub.https_endpoint:match ":(%d+)$"
    local count, ticks = worker:run(CLIENT:format(keys, port) .. [[
      local ticks, is_over = 0, false
      ngx.thread.spawn(function()
        while not is_over do
          ngx.sleep(0.01)
          ticks = ticks + 1
        end
      end)
      local page = hub:list_migration_tasks()
      is_over = true
      return #page.MigrationTaskSummaryList, ticks
    ]])
    os.remove(keys)
    assert.is_true(count > 0)
    assert.is_true(ticks >= 5, ticks)
  end)

  it("leaves nothing alarming in nginx's error log but the worker that the test killed", function()
    local alarms = {}
    for line in worker:error_log():gmatch "[^\n]*%[alert%][^\n]*" do
      if not line:find "exited on signal 9" then table.insert(alarms, line) end
    end
    assert.same({}, alarms)
  end)
end)
