-- The whole library against the local hub, over HTTPS.

local migrationhub = require "lmigrationhub"
local server = require "spec.hub.server"

local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a" }
local UNKNOWN = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-unknown" }

describe("lmigrationhub against the local hub", function()
  local hub, client

  local function options(more)
    local all = {
      region = hub.region, endpoint = hub.https_endpoint, ca_file = hub.ca_file,
      credentials = {
        access_key_id = hub.access_key_id, secret_access_key = hub.secret_access_key,
      },
    }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function failure_of(fn, ...)
    local ok, failure = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_true(migrationhub.is_error(failure), tostring(failure))
    return failure
  end

  local function failure_with(more, parameters)
    local other = migrationhub.new(options(more))
    local failure = failure_of(other.list_migration_task_updates, other, parameters or TASK)
    other:close()
    return failure
  end

  lazy_setup(function() hub = server.start { seed = "spec/hub/demo.json" } end)
  lazy_teardown(function() hub:stop() end)
  before_each(function()
    hub:reset()
    client = migrationhub.new(options())
  end)
  after_each(function() client:close() end)

  local function collect(parameters, listing_options)
    local updates = {}
    for update in client:migration_task_updates(parameters, listing_options) do
      updates[#updates + 1] = update
    end
    return updates
  end

  it("lists every update, in order, value by value", function()
    local expected = hub:updates(TASK.ProgressUpdateStream, TASK.MigrationTaskName)
    assert.equal(1284, #expected)
    assert.same(expected, collect(TASK))
  end)

  it("needs one connection and one handshake for a whole listing", function()
    collect(TASK)
    local connections = {}
    local requests = hub:requests()
    assert.equal(13, #requests)
    for _, request in ipairs(requests) do
      connections[request.connection] = true
      assert.is_true(request.tls)
      assert.equal(200, request.status)
    end
    assert.equal(requests[1].connection, next(connections))
    assert.is_nil(next(connections, (next(connections))))
  end)

  it("lists over plain HTTP when the user wrote the endpoint so", function()
    client:close()
    client = migrationhub.new(options { endpoint = hub.endpoint })
    assert.equal(1284, #collect(TASK))
    assert.is_false(hub:requests()[1].tls)
  end)

  it("takes everything from the environment", function()
    local interpreter, index = nil, -1
    while arg[index] do interpreter, index = arg[index], index - 1 end
    local settings = {}
    for name, value in pairs(hub.environment) do settings[#settings + 1] = name .. "=" .. value end
    local command = ("env %s %s examples/updates.lua SMS sms-12de3cf1a"):format(
      table.concat(settings, " "), interpreter)
    local pipe = assert(io.popen(command))
    local output = pipe:read "*a"
    pipe:close()
    assert.truthy(output:find("1284 updates in 13 pages, %d+%.%d+ s\n$"))
    assert.truthy(output:find("2024-12-11 09:00:25  NOT_STARTED  [....................]   0 %", 1,
      true))
    assert.falsy(output:find "\27")
  end)

  it("fetches pages as large as asked for, from where asked for", function()
    local first = client:list_migration_task_updates {
      ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a", MaxResults = 7,
    }
    assert.equal(7, #first.MigrationTaskUpdateList)
    local second = client:list_migration_task_updates {
      ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a", MaxResults = 1,
      NextToken = first.NextToken,
    }
    local expected = hub:updates("SMS", "sms-12de3cf1a")
    assert.same({ expected[8] }, second.MigrationTaskUpdateList)
  end)

  it("goes on in another client exactly where a listing stopped", function()
    local position
    local count = 0
    for _, cursor in client:migration_task_updates(TASK) do
      count = count + 1
      if count == 456 then
        position = cursor:position()
        break
      end
    end
    local rest = collect(TASK, { resume = position })
    local expected = hub:updates(TASK.ProgressUpdateStream, TASK.MigrationTaskName)
    assert.equal(#expected - 456, #rest)
    assert.same(expected[457], rest[1])
    assert.same(expected[#expected], rest[#rest])
  end)

  it("lists a task without updates", function()
    hub:misbehave { respond = { status = 200, body = '{"MigrationTaskUpdateList":[]}' } }
    assert.same({}, collect(TASK))
  end)

  it("goes on over an empty page", function()
    hub:misbehave { empty_page = true, times = 1, after = 1 }
    assert.equal(1284, #collect(TASK))
  end)

  it("ends at a repeated token, after its page", function()
    hub:misbehave { repeat_token = 2, after = 3, times = 1 }
    local count = 0
    local failure = failure_of(function()
      for _ in client:migration_task_updates(TASK) do count = count + 1 end
    end)
    assert.equal("PaginationError", failure.code)
    assert.equal(400, count)
  end)

  it("raises the service's errors with their request id", function()
    local failure = failure_of(client.list_migration_task_updates, client, UNKNOWN)
    local expected = "ListMigrationTaskUpdates: ResourceNotFoundException: %s "
      .. "(HTTP 400, request id %s)"
    assert.equal(expected:format(failure.message, failure.request_id), tostring(failure))
    assert.equal("ResourceNotFoundException", failure.code)
    assert.equal(400, failure.status)
    assert.equal(1, failure.attempts)
    assert.truthy(failure.request_id:find "^%x+%-%x+%-%x+%-%x+%-%x+$")
  end)

  it("raises InvalidToken for a foreign and for an old page token", function()
    local foreign = client:list_migration_task_updates(TASK).NextToken
    local failure = failure_of(client.list_migration_task_updates, client, {
      ProgressUpdateStream = "SMS", MigrationTaskName = "sms-4b70c9e21", NextToken = foreign,
    })
    assert.equal("InvalidToken", failure.code)
    hub:misbehave { token_age = 25 * 3600, times = 1 }
    failure = failure_of(collect, TASK)
    assert.equal("InvalidToken", failure.code)
    assert.equal(1, failure.attempts)
  end)

  it("raises what the service says of bad keys, and shows none", function()
    local wrong = { access_key_id = hub.access_key_id, secret_access_key = "hidden-and-wrong" }
    local failure = failure_with { credentials = wrong }
    assert.equal("InvalidSignatureException", failure.code)
    assert.falsy(tostring(failure):find "hidden")
    local unknown = { access_key_id = "AKIDUNKNOWN", secret_access_key = "x" }
    failure = failure_with { credentials = unknown }
    assert.equal("UnrecognizedClientException", failure.code)
  end)

  it("signs with a session token", function()
    for _, key in ipairs(hub.seed.accounts[1].keys) do
      if key.session_token and not key.state then
        client:close()
        client = migrationhub.new(options {
          credentials = {
            access_key_id = key.access_key_id, secret_access_key = key.secret_access_key,
            session_token = key.session_token,
          },
        })
        assert.equal(1284, #collect(TASK))
        return
      end
    end
    error "the seed has no temporary key"
  end)

  it("tries again after a failure of each kind", function()
    for _, misbehaviour in ipairs {
      { fail = { status = 500 } }, { fail = { status = 503, form = "html" } },
      { fail = { status = 503, form = "empty" } }, { cut = 100 }, { cut_head = 20 },
    } do
      hub:reset()
      misbehaviour.times = 1
      hub:misbehave(misbehaviour)
      assert.equal(100, #client:list_migration_task_updates(TASK).MigrationTaskUpdateList)
      assert.equal(2, #hub:requests())
    end
  end)

  it("waits when it is throttled, and says for how long it was asked to", function()
    hub:misbehave { throttle = { retry_after_seconds = 0 }, times = 1 }
    assert.equal(1284, #collect(TASK))
    hub:misbehave { throttle = { retry_after_seconds = 30 } }
    local failure = failure_with { max_attempts = 1 }
    assert.equal("ThrottlingException", failure.code)
    assert.equal(30, failure.retry_after)
  end)

  it("gives up in time when the service stalls or drips", function()
    local cases = {
      { stall = { bytes = 10, seconds = 3 } }, { delay = 3 },
      { drip = { bytes = 1, seconds = 0.05 } },
    }
    for _, misbehaviour in ipairs(cases) do
      hub:reset()
      hub:misbehave(misbehaviour)
      local failure = failure_with { timeout = 0.2, max_attempts = 1 }
      assert.equal("Timeout", failure.code)
      assert.equal("transport", failure.kind)
    end
  end)

  it("trusts nobody but the given authorities", function()
    client:close()
    client = migrationhub.new {
      region = hub.region, endpoint = hub.https_endpoint,
      credentials = { access_key_id = "x", secret_access_key = "y" },
    }
    local failure = failure_of(client.list_migration_task_updates, client, TASK)
    assert.equal("TLSError", failure.code)
    assert.equal(1, failure.attempts)
    assert.equal(0, #hub:requests())
  end)

  it("names the place when nobody answers", function()
    local failure = failure_with { endpoint = "http://127.0.0.1:1", max_attempts = 2 }
    assert.equal("ConnectionError", failure.code)
    assert.equal(2, failure.attempts)
    assert.truthy(failure.message:find("127.0.0.1:1", 1, true))
  end)

  it("keeps memory flat over 1,000 pages", function()
    local many = server.start {
      seed = {
        region = "us-west-2",
        accounts = {
          {
            id = "123456789012",
            keys = { { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" } },
            streams = {
              {
                name = "SMS",
                tasks = { { name = "many", generate = { updates = 100000, start = 1733907600 } } },
              },
            },
          },
        },
      },
    }
    finally(function() many:stop() end)
    local own = migrationhub.new {
      region = many.region, endpoint = many.https_endpoint, ca_file = many.ca_file,
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
    }
    local function kibibytes()
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    local count, last, after_ten = 0, 0, nil
    local task = { ProgressUpdateStream = "SMS", MigrationTaskName = "many" }
    for update in own:migration_task_updates(task) do
      count = count + 1
      assert(update.UpdateDateTime > last)
      last = update.UpdateDateTime
      if count == 1000 then after_ten = kibibytes() end
      if count == 99999 then assert.is_true(kibibytes() - after_ten < 512) end
    end
    assert.equal(100000, count)
    own:close()
  end)
end)
