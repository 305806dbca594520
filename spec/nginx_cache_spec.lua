-- Credentials that the four workers of an nginx share: how often the services are asked for them.

local server = require "spec.transport.nginx.server"
local services = require "spec.services"
local socket = require "socket"

local WORKERS = 4

-- Makes a client in a worker, once: a role of another profile's keys.
local CLIENT = [[
local ENVIRONMENT = {
  HOME = "/home", AWS_REGION = "us-west-2",
  AWS_ENDPOINT_URL_STS = "${http}sts", AWS_ENDPOINT_URL_MIGRATION_HUB = "HUB",
}
local CONFIG = "[default]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = keys\n"
  .. "[profile keys]\naws_access_key_id = ${key}\naws_secret_access_key = ${secret}\n"

local function open(path)
  if path ~= "/home/.aws/config" then return nil, "none", 2 end
  local text = CONFIG
  local function read()
    local rest = text
    text = nil
    return rest
  end
  return { read = read, close = function() end }
end

local function new_client(options)
  options.cache = options.cache or "credentials"
  return require("lmigrationhub.client").new(options, {
    getenv = function(name) return ENVIRONMENT[name] end, open = open,
  })
end

-- Makes that many calls at once: how many were answered, and what went wrong with the others.
local function call(count)
  shared.hub = shared.hub or new_client {}
  local threads, answered, problem = {}, 0, nil
  for index = 1, count do
    threads[index] = ngx.thread.spawn(function()
      local ok, result = pcall(shared.hub.list_migration_tasks, shared.hub)
      if ok then answered = answered + 1 else problem = tostring(result) end
    end)
  end
  for _, thread in ipairs(threads) do ngx.thread.wait(thread) end
  return { answered = answered, problem = problem, pid = ngx.worker.pid() }
end
]]

describe("credentials of nginx's workers", function()
  local given, worker

  lazy_setup(function()
    given = services.start()
    worker = server.start("http://127.0.0.1:1", given.hub.ca_file, WORKERS)
  end)
  lazy_teardown(function()
    worker:stop()
    given:stop()
  end)
  before_each(function()
    given:reset()
    worker:run [[
      ngx.shared.credentials:flush_all()
      ngx.shared.credentials:flush_expired()
    ]]
    worker:run_everywhere "shared.hub = nil"
  end)

  local function fill(text)
    local client = CLIENT:gsub('"HUB"', ("%q"):format(given.hub.endpoint))
    return given:fill(client) .. text
  end

  local function call_everywhere(count)
    return worker:run_everywhere(fill(("return call(%d)"):format(count)))
  end

  local function assert_answered(count, results)
    assert.equal(WORKERS, #results)
    for _, result in ipairs(results) do
      assert.is_nil(result.problem)
      assert.equal(count, result.answered)
    end
  end

  local function dump()
    return worker:run [[
      local entries = {}
      for _, key in ipairs(ngx.shared.credentials:get_keys(0)) do
        entries[key] = ngx.shared.credentials:get(key)
      end
      return entries
    ]]
  end

  it("are asked for once, however many calls all workers begin with", function()
    given:plan("sts", { { delay = 0.3 } })
    assert_answered(25, call_everywhere(25))
    assert.same({ "sts AssumeRole" }, given:actions())
  end)

  it("are renewed once, while all calls go on with the old ones", function()
    given:plan("sts", { { lifetime = 304 }, { delay = 2 } }) -- renewed 300 seconds ahead
    assert_answered(1, call_everywhere(1))
    socket.sleep(4.5)
    local results = worker:run_everywhere(fill [[
      ngx.update_time()
      local begin = ngx.now()
      local result = call(25)
      ngx.update_time()
      result.seconds = ngx.now() - begin
      return result
    ]])
    assert_answered(25, results)
    assert.same({ "sts AssumeRole", "sts AssumeRole" }, given:actions())
    local quick = 0
    for _, result in ipairs(results) do quick = quick + (result.seconds < 2 and 1 or 0) end
    assert.equal(WORKERS - 1, quick)
    given.hub:reset()
    socket.sleep(1.1)
    assert_answered(5, call_everywhere(5))
    assert.equal(2, #given:requests())
    local renewed = given:keys()[#given:keys()].access_key_id
    for _, request in ipairs(given.hub:requests()) do
      assert.truthy(request.headers.authorization:find(renewed, 1, true))
    end
  end)

  it("are replaced once when the service has ended them", function()
    assert_answered(1, call_everywhere(1))
    given:expire()
    assert_answered(5, call_everywhere(5))
    assert.same({ "sts AssumeRole", "sts AssumeRole" }, given:actions())
  end)

  it("are asked for by each worker in turn while the service fails", function()
    given:plan("sts", { { status = 403, body = { Error = { Code = "AccessDenied" } },
      delay = 0.1, times = 100 } })
    local results = call_everywhere(25)
    for _, result in ipairs(results) do
      assert.equal(0, result.answered)
      assert.matches("AccessDenied", result.problem)
    end
    assert.equal(WORKERS, #given:requests())
  end)

  it("are renewed by another when a worker is killed while it renews", function()
    given:plan("sts", { { delay = 60 } })
    local connection = worker:open(fill "return call(1)")
    local function owner()
      for key, value in pairs(dump()) do
        if key:find " lease$" then return tonumber(value:match "^%d+") end
      end
    end
    local pid
    repeat pid = owner() until pid
    local begin = socket.gettime()
    os.execute(("kill -9 %d"):format(pid))
    connection:close()
    local results = call_everywhere(10)
    local seconds = socket.gettime() - begin
    assert_answered(10, results)
    assert.is_true(seconds > 10 and seconds < 25, seconds)
    assert.same({ "sts AssumeRole" }, given:actions()) -- they are told of when they are answered
    for _, result in ipairs(results) do assert.not_equal(pid, result.pid) end
  end)

  it("are kept by a reload of nginx", function()
    assert_answered(1, call_everywhere(1))
    worker:reload()
    assert_answered(5, call_everywhere(5))
    assert.same({ "sts AssumeRole" }, given:actions())
  end)

  it("are temporary ones: the keys they come from are nowhere in shared memory", function()
    assert_answered(1, call_everywhere(1))
    local entries, keys, count = dump(), given:keys(), 0
    for key, value in pairs(entries) do
      count = count + 1
      assert.matches("^lmigrationhub credentials 1 " .. ("%x"):rep(64) .. "$", key)
      assert.truthy(value:find(keys[#keys].access_key_id, 1, true))
      for _, secret in ipairs { given.hub.access_key_id, given.hub.secret_access_key } do
        assert.is_nil((key .. value):find(secret, 1, true))
      end
    end
    assert.equal(1, count)
  end)

  it("are had without shared memory when that is full, and nothing of it is lost", function()
    local count = worker:run [[
      local count = 0
      for _, size in ipairs { 3000, 1500, 700, 300, 150, 70, 30, 1 } do
        while ngx.shared.credentials:safe_set("mine " .. count, ("x"):rep(size), 60) do
          count = count + 1
        end
      end
      return count
    ]]
    assert.is_true(count > 10)
    assert_answered(1, call_everywhere(1))
    assert.equal(WORKERS, #given:requests())
    local kept = 0
    for key in pairs(dump()) do kept = kept + (key:find "^mine " and 1 or 0) end
    assert.equal(count, kept)
  end)

  it("need a directive of nginx's configuration", function()
    local code, message = worker:run(fill [[
      local ok, failure = pcall(new_client, { cache = "nowhere" })
      return failure.code, failure.message
    ]])
    assert.equal("InvalidConfiguration", code)
    assert.equal("option cache: there is no lua_shared_dict nowhere; add the directive "
      .. "`lua_shared_dict nowhere 64k;` to http{} of nginx's configuration", message)
  end)

  it("leave nothing alarming in nginx's error log but the worker that the test killed", function()
    local alarms = {}
    for line in worker:error_log():gmatch "[^\n]*%[alert%][^\n]*" do
      if not line:find "exited on signal 9" then table.insert(alarms, line) end
    end
    assert.same({}, alarms)
  end)
end)
