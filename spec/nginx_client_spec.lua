-- Whole clients inside a worker of nginx, against the local hub over HTTPS.

local hubs = require "spec.hub.server"
local server = require "spec.transport.nginx.server"

-- What each run begins with: a client and a task.
local PRELUDE = [[
local migrationhub = require "lmigrationhub"
local hub = migrationhub.new {
  region = "us-west-2", endpoint = "https://localhost:%d",
  credentials = { access_key_id = "%s", secret_access_key = "%s" },
}
local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a" }
]]

describe("lmigrationhub inside nginx", function()
  local hub, worker

  lazy_setup(function()
    hub = hubs.start { seed = "spec/hub/demo.json" }
    worker = server.start("http://127.0.0.1:1", hub.ca_file)
  end)
  lazy_teardown(function()
    worker:stop()
    hub:stop()
  end)
  before_each(function() hub:reset() end)

  local function run(text)
    local port = hub.https_endpoint:match ":(%d+)$"
    return worker:run(PRELUDE:format(port, hub.access_key_id, hub.secret_access_key) .. text)
  end

  it("lists every update, in order, over one connection", function()
    local expected = hub:updates("SMS", "sms-12de3cf1a")
    local listed = run [[
      local updates = {}
      for update in hub:migration_task_updates(TASK) do updates[#updates + 1] = update end
      return updates
    ]]
    assert.equal(#expected, #listed)
    for index, update in ipairs(expected) do
      assert.near(update.UpdateDateTime, listed[index].UpdateDateTime, 1e-3)
      assert.equal(update.MigrationTaskState.StatusDetail,
        listed[index].MigrationTaskState.StatusDetail)
    end
    local requests, connections = hub:requests(), {}
    for _, request in ipairs(requests) do connections[request.connection] = true end
    assert.equal(13, #requests)
    assert.is_nil(next(connections, (next(connections))))
  end)

  it("raises the one error object", function()
    local code, attempts, text = run [[
      local ok, failure = pcall(hub.list_migration_task_updates, hub, {
        ProgressUpdateStream = "SMS", MigrationTaskName = "unknown",
      })
      assert(not ok and migrationhub.is_error(failure))
      return failure.code, failure.attempts, tostring(failure)
    ]]
    assert.equal("ResourceNotFoundException", code)
    assert.equal(1, attempts)
    assert.matches("^ListMigrationTaskUpdates: ResourceNotFoundException: .*request id", text)
  end)

  it("tries again after failures, without holding up the worker", function()
    hub:misbehave {
      { fail = { status = 503, form = "html" }, times = 1 }, { cut = 50, after = 1, times = 1 },
    }
    local count, ticks = run [[
      local ticks, done = 0, false
      local ticker = ngx.thread.spawn(function()
        while not done do
          ngx.sleep(0.001)
          ticks = ticks + 1
        end
      end)
      local page = hub:list_migration_task_updates(TASK)
      done = true
      ngx.thread.wait(ticker)
      return #page.MigrationTaskUpdateList, ticks
    ]]
    assert.equal(100, count)
    assert.is_true(ticks > 2)
    assert.equal(3, #hub:requests())
  end)

  it("limits, resumes and fetches ahead as anywhere", function()
    local first, rest = run [[
      local count, position = 0, nil
      for _, cursor in hub:migration_task_updates(TASK, { max_items = 456, prefetch = true }) do
        count, position = count + 1, cursor:position()
      end
      local left = 0
      for _ in hub:migration_task_updates(TASK, { resume = position }) do left = left + 1 end
      return count, left
    ]]
    assert.same({ 456, 828 }, { first, rest })
  end)

  it("follows a task", function()
    local count, ended = run [[
      local count, follower = 0, nil
      for _, one in hub:follow(TASK, { interval = 0.1 }) do count, follower = count + 1, one end
      return count, follower.ended
    ]]
    assert.same({ 1284, "status" }, { count, ended })
  end)

  it("has many under way at once, no more than told", function()
    hub:misbehave { delay = 0.05 }
    local seconds, most, sum = run [[
      local now, most, items = 0, 0, {}
      for index = 1, 16 do items[index] = index end
      ngx.update_time()
      local begun = ngx.now()
      local results = hub:concurrently(items, 8, function()
        now = now + 1
        most = math.max(most, now)
        local page = hub:list_migration_task_updates(TASK)
        now = now - 1
        return #page.MigrationTaskUpdateList
      end)
      ngx.update_time()
      local sum = 0
      for _, count in ipairs(results) do sum = sum + count end
      return ngx.now() - begun, most, sum
    ]]
    assert.equal(8, most)
    assert.equal(1600, sum)
    assert.is_true(seconds < 16 * 0.05)
  end)

  it("stops the others when one of many fails, or collects", function()
    hub:misbehave { delay = 0.05 }
    local item, code, reached = run [[
      local reached = 0
      local ok, failure = pcall(hub.concurrently, hub, { "good", "bad", "good" }, 3, function(item)
        local name = item == "bad" and "unknown" or TASK.MigrationTaskName
        if item == "good" then ngx.sleep(0.5) end
        hub:list_migration_task_updates { ProgressUpdateStream = "SMS", MigrationTaskName = name }
        reached = reached + 1
      end)
      assert(not ok)
      ngx.sleep(0.6)
      return failure.item, failure.code, reached
    ]]
    assert.same({ "bad", "ResourceNotFoundException", 0 }, { item, code, reached })
    local results, failed = run [[
      local results, failures = hub:concurrently({ 1, 2, 3 }, 3, function(item)
        if item == 2 then error("not this one") end
        return item
      end, { stop_on_error = false })
      return { results[1], results[3] }, failures[2].code
    ]]
    assert.same({ { 1, 3 }, "ItemError" }, { results, failed })
  end)

  it("says what nginx's own configuration has to say instead", function()
    local code, message = run [[
      local ok, failure = pcall(migrationhub.new, { region = "x", ca_file = "/some/ca.pem" })
      return failure.code, failure.message
    ]]
    assert.equal("InvalidConfiguration", code)
    assert.matches("^inside nginx .*lua_ssl_trusted_certificate", message)
  end)

  it("maps no libcurl", function()
    assert.is_false(run [[
      for line in io.lines "/proc/self/maps" do
        if line:find("libcurl", 1, true) then return line end
      end
      return false
    ]])
  end)

  it("leaves no complaint in nginx's log", function()
    assert.is_nil(worker:error_log():match "%[alert%][^\n]*")
  end)
end)
