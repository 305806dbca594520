-- nginx is reloaded again and again, and ended, while its workers list updates from the local hub
-- over HTTPS for clients that never pause. RELOADS says how often.

local hubs = require "spec.hub.server"
local nginx = require "spec.nginx"
local processes = require "spec.reload.processes"
local socket = require "socket"
local tasks = require "spec.reload.tasks"

local RELOADS = tonumber(os.getenv "RELOADS") or 20
local CLIENTS = 6
local PATIENCE = 15 -- seconds in which something that is bound to happen has happened
local CLIENT = "exec lua5.4 spec/reload/client.lua %d '%s'"

describe("nginx that is reloaded under load", function()
  local clients = {}
  local hub, hub_port, server, first_descriptors

  local function eventually(what, is_so)
    local by = socket.gettime() + PATIENCE
    local last
    repeat
      local ok
      ok, last = is_so()
      if ok then return last end
      socket.sleep(0.02)
    until socket.gettime() > by
    error(("%s: not in %d s; %s\n%s"):format(what, PATIENCE, tostring(last), server:error_log()), 2)
  end

  -- The pid of the worker that answers.
  local function ask_pid()
    local connection = assert(socket.connect("127.0.0.1", server.ports.port))
    connection:settimeout(PATIENCE)
    connection:send "GET /pid HTTP/1.0\r\n\r\n"
    local answer = connection:receive "*a"
    connection:close()
    return tonumber(answer:match "\r\n\r\n(%d+)$")
  end

  local function workers() return processes.children(server:pid()) end

  local function count(set)
    local sum = 0
    for _ in pairs(set) do sum = sum + 1 end
    return sum
  end

  local function start_clients()
    for index = 1, CLIENTS do
      clients[index] = io.popen(CLIENT:format(server.ports.port, server.folder .. "/stop"))
    end
    for _, client in ipairs(clients) do assert.equal("begun", client:read "*l") end
  end

  -- -> how many requests came to what, of all clients
  local function stop_clients()
    local sums = {}
    server:write("stop", "")
    for _, client in ipairs(clients) do
      for line in client:lines() do
        local result, number = line:match "^(%a+)\t(%d+)$"
        sums[result] = (sums[result] or 0) + number
      end
      client:close()
    end
    clients = {}
    os.remove(server.folder .. "/stop")
    return sums
  end

  local function signal(name) os.execute(("kill -%s %d"):format(name, server:pid())) end

  local function reload()
    local old = workers()
    signal "HUP"
    eventually("a new worker answers", function()
      local pid = ask_pid()
      return not old[pid], pid
    end)
  end

  -- Those on nginx's side that no worker holds, and those on the hub's whose other side is gone;
  -- and how many there are in all.
  local function leaked_connections()
    local held, found = {}, processes.connections(hub_port)
    for pid in pairs(workers()) do
      for _, name in ipairs(processes.descriptors(pid)) do held[name] = true end
    end
    local orphans, balance = 0, 0
    for _, connection in ipairs(found) do
      balance = balance + (connection.is_client and 1 or -1)
      local name = ("socket:[%s]"):format(connection.inode)
      if connection.is_client and not held[name] then orphans = orphans + 1 end
    end
    return orphans + math.abs(balance), #found
  end

  lazy_setup(function()
    hub = hubs.start { seed = tasks.seed }
    hub_port = tonumber(hub.https_endpoint:match "%d+$")
    server = nginx.new "reload"
    server:listen "port"
    server:start("spec/reload/nginx.conf", {
      endpoint = hub.https_endpoint:gsub("127.0.0.1", "localhost"), ca_file = hub.ca_file,
      key = hub.access_key_id, secret = hub.secret_access_key,
    }, "port", "/pid")
    first_descriptors = processes.descriptors(server:pid())
  end)
  lazy_teardown(function()
    stop_clients()
    server:stop()
    hub:stop()
  end)

  it(("answers every request through %d reloads"):format(RELOADS), function()
    start_clients()
    for _ = 1, RELOADS do reload() end
    local results = stop_clients()
    assert.is_true(results.answered > RELOADS * CLIENTS, results.answered .. " answered")
    for _, failure in ipairs { "refused", "cut", "wrong", "late" } do
      assert.same({ failure, 0 }, { failure, results[failure] })
    end
  end)

  it("lets the old workers end", function()
    eventually("two workers are left", function()
      local left = count(workers())
      return left == 2, left .. " are left"
    end)
  end)

  it("leaves the master process no descriptor", function()
    assert.equal(#first_descriptors, #processes.descriptors(server:pid()))
  end)

  it("leaves no connection to the hub", function()
    eventually("no connection is leaked", function()
      local leaked, all = leaked_connections()
      return leaked == 0 and all > 0, ("%d of %d are leaked"):format(leaked, all)
    end)
  end)

  it("cuts no answer when it ends, and ends", function()
    start_clients()
    local master = server:pid()
    signal "QUIT"
    eventually("nginx is gone", function() return #processes.descriptors(master) == 0 end)
    local results = stop_clients()
    assert.same({ 0, 0, 0 }, { results.cut, results.wrong, results.late })
    assert.is_true(results.answered >= CLIENTS)
  end)

  it("leaves no connection to the hub then", function()
    eventually("no connection is left", function()
      local left = #processes.connections(hub_port)
      return left == 0, left .. " are left"
    end)
  end)

  it("said nothing of level error or above", function()
    local log = server:error_log()
    for _, level in ipairs { "error", "crit", "alert", "emerg" } do
      assert.is_nil(log:match("[^\n]*%[" .. level .. "%][^\n]*"))
    end
    assert.is_nil(hub:error_log():match "[^\n]*%[alert%][^\n]*")
  end)

  it("ended what its timers followed", function()
    local reasons = {}
    for reason in server:error_log():gmatch "no longer followed: ([^,\n]+)" do
      reasons[reason] = (reasons[reason] or 0) + 1
    end
    assert.is_true((reasons.exiting or 0) > RELOADS)
    reasons.exiting = nil
    assert.same({}, reasons)
  end)
end)
