-- What a program pays before its first answer: the modules that are loaded, and the wait for
-- metadata services that are not there.

local services_of = require "spec.services"
local socket = require "socket"

local CALL = [[
  local hub = require("lmigrationhub").new {}
  local ok, failure = pcall(hub.list_migration_task_updates, hub, {
    ProgressUpdateStream = "SMS", MigrationTaskName = "sms-12de3cf1a",
  })
]]
local LIST_MODULES = CALL .. [[
  assert(ok, tostring(failure))
  local names = {}
  for name in pairs(package.loaded) do
    if name:find "^lmigrationhub" or name:find "^cjson" then names[#names + 1] = name end
  end
  table.sort(names)
  io.write(table.concat(names, "\n"))
]]
local TELL_FAILURE = CALL .. [[ io.write(failure.code, "\n", failure.message) ]]

-- Of credential providers only the one that finds some; nothing that was not asked for.
local MODULES = { "cjson", "lmigrationhub" }
for name in ([[
  call client clock_skew config credentials credentials.cache credentials.context
  credentials.environment curl endpoint errors json operations pagination rate_limiter
  reader request response retry settings shared_config sigv4 timestamp tokens transport
  transport.scheduler transport.script user_agent utf8
]]):gmatch "%S+" do
  MODULES[#MODULES + 1] = "lmigrationhub." .. name
end

local ENVIRONMENT_KEYS = {
  AWS_ACCESS_KEY_ID = "${key}", AWS_SECRET_ACCESS_KEY = "${secret}",
}
local LIMIT = 2.5 -- seconds

describe("the start of a program", function()
  local services

  lazy_setup(function() services = services_of.start() end)
  lazy_teardown(function() services:stop() end)

  it("loads only what a call with credentials of the environment needs", function()
    local names = {}
    for name in services:run(LIST_MODULES, ENVIRONMENT_KEYS):gmatch "[^\n]+" do
      names[#names + 1] = name
    end
    assert.same(MODULES, names)
  end)

  describe("without any credentials", function()
    local listener, guests, url

    -- Connections wait in its queue, and are never taken.
    local function listen(length)
      listener = assert(socket.tcp())
      assert(listener:bind("127.0.0.1", 0))
      assert(listener:listen(length))
      local _, port = listener:getsockname()
      url = ("http://127.0.0.1:%d"):format(port)
      return port
    end

    before_each(function() guests = {} end)
    after_each(function()
      for _, guest in ipairs(guests) do guest:close() end
      listener:close()
    end)

    -- Takes all places in the queue: who comes then is not even refused.
    local function fill_queue(port)
      for index = 1, 4 do
        guests[index] = assert(socket.tcp())
        guests[index]:settimeout(0)
        guests[index]:connect("127.0.0.1", port)
      end
      socket.select(nil, guests, 0)
    end

    local function assert_tells_soon()
      local begun = socket.gettime()
      local output = services:run(TELL_FAILURE, { AWS_EC2_METADATA_SERVICE_ENDPOINT = url })
      local seconds = socket.gettime() - begun
      assert.matches("^NoCredentials\nunable to locate credentials %(", output)
      for _, provider in ipairs {
        "option credentials: none given in code",
        "environment: AWS_ACCESS_KEY_ID is not set",
        "profile default: not found",
        "web identity: no web identity token file is set",
        "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor",
        "imds: no answer about a role: ",
      } do
        assert.matches(provider, output, 1, true)
      end
      assert.is_true(seconds < LIMIT, ("it took %.2f s"):format(seconds))
      assert.is_true(seconds > 0.9, ("it took only %.2f s"):format(seconds))
    end

    it("ends soon where metadata are never answered", function()
      listen(16)
      assert_tells_soon()
    end)

    it("ends soon where not even a connection is had", function()
      fill_queue(listen(0))
      assert_tells_soon()
    end)
  end)
end)
