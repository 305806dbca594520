local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local migrationhub = require "lmigrationhub"
local client = require "lmigrationhub.client"
local sigv4 = require "lmigrationhub.sigv4"

local TASK = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-1" }
local KEYS = {
  access_key_id = "AKIDEXAMPLE", secret_access_key = "hidden-secret",
  session_token = "hidden-token",
}

local function page(count, token)
  local updates = {}
  for index = 1, count do updates[index] = ('{"UpdateDateTime":%d}'):format(index) end
  return {
    status = 200, headers = {},
    body = ('{"NextToken":%s,"MigrationTaskUpdateList":[%s]}'):format(
      token and '"' .. token .. '"' or "null", table.concat(updates, ",")),
  }
end

local function refusal(code, status, more)
  return {
    status = status or 400, headers = { ["x-amzn-requestid"] = "id" },
    body = ('{"__type":"%s","message":"m"%s}'):format(code, more or ""),
  }
end

-- A transport that gives the answers one after the other: a response, or { message, kind }.
local function canned(...)
  local transport = { answers = { ... }, sent = {}, slept = {}, closed = 0 }
  function transport:start(request)
    self.sent[#self.sent + 1] = request
    return #self.sent
  end
  function transport:wait(pending)
    local answer = self.answers[pending]
    if answer.status then return answer end
    return nil, answer[1], answer[2]
  end
  function transport:send(request) return self:wait(self:start(request)) end
  function transport:sleep(seconds) self.slept[#self.slept + 1] = seconds end
  function transport:close() self.closed = self.closed + 1 end
  return transport
end

local function world()
  return {
    getenv = function() end,
    now = function() return 1440938160 end,
    random = function() return 1 end,
  }
end

local function hub_of(transport, options)
  local all = { region = "us-west-2", credentials = KEYS, transport = transport }
  for name, value in pairs(options or {}) do all[name] = value end
  return client.new(all, world())
end

local function failure_of(fn, ...)
  local ok, failure = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.is_error(failure), tostring(failure))
  return failure
end

-- The message of a wrong call, which must point at a line of this file.
local function misuse_of(fn)
  local ok, message = pcall(fn)
  assert.is_false(ok)
  return assert(message:match "client_spec%.lua:%d+: (.*)", message)
end

describe("lmigrationhub", function()
  it("has a door of three", function()
    assert.equal(client.new, migrationhub.new)
    assert.is_true(migrationhub.is_error(errors.new { kind = "config", code = "X", message = "" }))
    assert.truthy(migrationhub._VERSION:find "^%d+%.%d+%.%d+$")
  end)
end)

describe("lmigrationhub.client: a call", function()
  it("posts the parameters, signed, to the region's endpoint", function()
    local transport = canned(page(1))
    hub_of(transport):list_migration_task_updates(TASK)
    local sent = transport.sent[1]
    assert.equal("POST", sent.method)
    assert.equal("https://mgh.us-west-2.amazonaws.com/", sent.url)
    assert.same(TASK, json.decode(sent.body))
    assert.same({ connect = 5, total = 30 }, sent.timeouts)
    assert.equal("AWSMigrationHub.ListMigrationTaskUpdates", sent.headers["x-amz-target"])
    assert.equal("application/x-amz-json-1.1", sent.headers["content-type"])
    assert.equal("mgh.us-west-2.amazonaws.com", sent.headers.host)
    assert.equal("20150830T123600Z", sent.headers["x-amz-date"])
    assert.equal("hidden-token", sent.headers["x-amz-security-token"])
    assert.truthy(sent.headers["user-agent"]:find("^lmigrationhub/%d"))
  end)

  it("signs all headers but Authorization and User-Agent", function()
    local transport = canned(page(1))
    hub_of(transport):list_migration_task_updates(TASK)
    local sent = transport.sent[1]
    local signed = {}
    for name, value in pairs(sent.headers) do
      if name ~= "authorization" and name ~= "user-agent" then signed[name] = value end
    end
    assert.equal(sigv4.authorization({
      method = "POST", path = "/", headers = signed, body = sent.body,
    }, KEYS, "us-west-2", "mgh"), sent.headers.authorization)
  end)

  it("sends and signs the path of the user's endpoint", function()
    local transport = canned(page(1))
    local hub = hub_of(transport, { endpoint = "http://localhost:8080/base/" })
    hub:list_migration_task_updates(TASK)
    assert.equal("http://localhost:8080/base/", transport.sent[1].url)
    assert.equal("/base/", transport.sent[1].path)
    assert.equal("localhost:8080", transport.sent[1].headers.host)
  end)

  it("returns one value, the page", function()
    local hub = hub_of(canned(page(2, "next")))
    assert.equal(1, select("#", hub:list_migration_task_updates(TASK)))
  end)

  it("sends nothing when a parameter is wrong", function()
    local transport = canned()
    local hub = hub_of(transport)
    local failure = failure_of(hub.list_migration_task_updates, hub, { MaxResults = 0 })
    assert.equal("ValidationError", failure.code)
    assert.equal(0, #transport.sent)
  end)

  it("raises the service's error, whole", function()
    local hub = hub_of(canned(refusal "ResourceNotFoundException"))
    local failure = failure_of(hub.list_migration_task_updates, hub, TASK)
    assert.same({
      kind = "service", code = "ResourceNotFoundException", message = "m", status = 400,
      request_id = "id", attempts = 1, operation = "ListMigrationTaskUpdates",
    }, failure)
  end)

  for _, code in ipairs {
    "AccessDeniedException", "InvalidInputException", "InvalidToken", "New",
    "HomeRegionNotSetException",
  } do
    it("raises " .. code .. " after one attempt", function()
      local transport = canned(refusal(code))
      local hub = hub_of(transport)
      assert.equal(code, failure_of(hub.list_migration_task_updates, hub, TASK).code)
      assert.equal(1, #transport.sent)
    end)
  end

  for kind, code in pairs {
    timeout = "Timeout", connection = "ConnectionError", tls = "TLSError",
    protocol = "ProtocolError",
    too_large = "ResponseTooLarge",
  } do
    it("raises " .. code .. " for the transport's " .. kind, function()
      local hub = hub_of(canned({ "what", kind }), { max_attempts = 1 })
      local failure = failure_of(hub.list_migration_task_updates, hub, TASK)
      assert.equal("transport", failure.kind)
      assert.equal(code, failure.code)
      assert.equal("what", failure.message)
    end)
  end
end)

describe("lmigrationhub.client: retries", function()
  it("try again until it works, each attempt signed anew", function()
    local transport = canned(refusal("InternalServerError", 500), { "reset", "connection" },
      page(1))
    local clock = 1440938160
    local hub = client.new({ region = "us-west-2", credentials = KEYS, transport = transport }, {
      getenv = function() end, random = function() return 1 end,
      now = function()
        clock = clock + 1
        return clock
      end,
    })
    assert.equal(1, #hub:list_migration_task_updates(TASK).MigrationTaskUpdateList)
    assert.same({ 0.05, 0.1 }, transport.slept)
    assert.equal(3, #transport.sent)
    assert.are_not.equal(transport.sent[1].headers["x-amz-date"],
      transport.sent[2].headers["x-amz-date"])
    assert.are_not.equal(transport.sent[1].headers.authorization,
      transport.sent[2].headers.authorization)
  end)

  it("end after max_attempts and say how many there were", function()
    local transport = canned(refusal("X", 503), refusal("X", 503), refusal("X", 503), page(1))
    local hub = hub_of(transport)
    assert.equal(3, failure_of(hub.list_migration_task_updates, hub, TASK).attempts)
    assert.equal(3, #transport.sent)
    transport = canned(refusal("X", 503), page(1))
    hub = hub_of(transport, { max_attempts = 1 })
    assert.equal(1, failure_of(hub.list_migration_task_updates, hub, TASK).attempts)
  end)

  it("wait as the service asks, and tell the caller", function()
    local slow = refusal("ThrottlingException", 400, ',"RetryAfterSeconds":3')
    local transport = canned(slow, slow, slow)
    local hub = hub_of(transport)
    assert.equal(3, failure_of(hub.list_migration_task_updates, hub, TASK).retry_after)
    assert.same({ 3, 3 }, transport.slept)
  end)
end)

describe("lmigrationhub.client: listings", function()
  it("iterate over items and pages", function()
    local hub = hub_of(canned(page(2, "t"), page(3)))
    local count = 0
    for update, cursor in hub:migration_task_updates(TASK) do
      count = count + 1
      assert.is_number(update.UpdateDateTime)
      assert.is_string(cursor:position())
    end
    assert.equal(5, count)
    hub = hub_of(canned(page(2, "t"), page(3)))
    local sizes = {}
    for one in hub:pages("list_migration_task_updates", TASK) do
      sizes[#sizes + 1] = #one.MigrationTaskUpdateList
    end
    assert.same({ 2, 3 }, sizes)
  end)

  it("raise bad options where they are called", function()
    local hub = hub_of(canned())
    local failure = failure_of(hub.migration_task_updates, hub, TASK, { max_items = -1 })
    assert.equal("ValidationError", failure.code)
    failure = failure_of(hub.pages, hub, "list_migration_task_updates", 3)
    assert.equal("ValidationError", failure.code)
  end)

  for _, name in ipairs { "nonsense", "migration_task_updates" } do
    it("know no pages of " .. name, function()
      local hub = hub_of(canned())
      local message = misuse_of(function() hub:pages(name, TASK) end)
      assert.truthy(message:find "^bad argument #1 to 'pages' %(one of .*list_migration_task_up")
    end)
  end
end)

describe("lmigrationhub.client: new", function()
  it("asks for a region, and says where it may be set", function()
    local failure = failure_of(client.new, {}, world())
    assert.equal("config", failure.kind)
    assert.equal("NoRegion", failure.code)
    for _, place in ipairs { "option region", "AWS_REGION", "AWS_DEFAULT_REGION" } do
      assert.truthy(failure.message:find(place, 1, true))
    end
  end)

  it("raises what is wrong with the options and the endpoint", function()
    assert.equal("InvalidConfiguration", failure_of(client.new, { regoin = "x" }, world()).code)
    assert.equal("InvalidConfiguration", failure_of(client.new, { region = "a b" }, world()).code)
    local failure = failure_of(client.new, { region = "x", endpoint = "y" }, world())
    assert.equal("InvalidConfiguration", failure.code)
  end)

  it("shares nothing outside nginx, and says which directive it would take inside", function()
    local failure = failure_of(client.new, { region = "x", cache = "credentials" }, world())
    assert.equal("InvalidConfiguration", failure.code)
    assert.equal("option cache is for nginx, which this is not; add the directive "
      .. "`lua_shared_dict credentials 64k;` to http{} of nginx's configuration", failure.message)
  end)

  it("does not ask for credentials, the first call does", function()
    local off_instance = world()
    off_instance.getenv = function(name)
      return name == "AWS_EC2_METADATA_DISABLED" and "true" or nil
    end
    local hub = client.new({ region = "us-west-2", transport = canned() }, off_instance)
    local failure = failure_of(hub.list_migration_task_updates, hub, TASK)
    assert.equal("NoCredentials", failure.code)
    assert.equal("ListMigrationTaskUpdates", failure.operation)
  end)
end)

describe("lmigrationhub.client", function()
  it("says so when it is called with a dot or after closing", function()
    local transport = canned(page(1))
    local hub = hub_of(transport)
    local with_dot = misuse_of(function() return (hub.list_migration_task_updates(TASK)) end)
    assert.equal("call it with a colon: client:list_migration_task_updates(…)", with_dot)
    hub:close()
    hub:close()
    assert.equal(1, transport.closed)
    assert.equal("the client is closed",
      misuse_of(function() hub:list_migration_task_updates(TASK) end))
    assert.equal("the client is closed", misuse_of(function() hub:migration_task_updates(TASK) end))
  end)

  it("shows no secret in a dump of itself", function()
    local hub = hub_of(canned(page(1)))
    hub:list_migration_task_updates(TASK)
    local seen = {}
    local function dump(value)
      if type(value) == "string" then assert.falsy(value:find "hidden") end
      if type(value) ~= "table" or seen[value] then return end
      seen[value] = true
      for key, member in pairs(value) do
        dump(key)
        if key ~= "_transport" then dump(member) end
      end
    end
    dump(hub)
    assert.falsy(tostring(hub):find "hidden")
  end)
end)
