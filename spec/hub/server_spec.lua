-- The hub as a process: it comes up, or says why not; it ends, and leaves nothing behind.

local server = require "spec.hub.server"
local socket = require "socket"

describe("spec.hub.server", function()
  local function key_pair() return { access_key_id = "AKIA", secret_access_key = "secret" } end

  it("takes a seed as a table, and makes long lists in no time", function()
    local hub = server.start { seed = {
      region = "eu-west-1",
      accounts = { { id = "1", keys = { key_pair() }, streams = { { name = "S", tasks = {
        { name = "T", generate = { updates = 100000, start = 1733907600 } },
      } } } } },
    } }
    finally(function() hub:stop() end)
    assert.are.equal("eu-west-1", hub.environment.AWS_REGION)
    assert.are.equal(100000, #hub:updates("S", "T"))
  end)

  it("fails with nginx's own words when nginx does not come up", function()
    local tasks = { { name = "T", generate = { updates = 1 } } }
    local ok, problem = pcall(server.start, { seed = { region = "eu-west-1", accounts = {
      { id = "1", keys = { key_pair() }, streams = { { name = "S", tasks = tasks } } },
    } } })
    assert.is_false(ok)
    assert.matches("did not come up.*init_by_lua error.*'start'", problem)
  end)

  it("starts from whatever folder", function()
    local process = assert(io.popen([[root=$PWD; cd / && LUA_PATH="$root/?.lua;;" exec lua5.4 -e '
      local hub = require("spec.hub.server").start()
      print(#hub:updates("SMS", "sms-12de3cf1a"), (hub:state().region))
      hub:stop()' 2>&1]]))
    assert.are.equal("1284\tus-west-2\n", process:read "*a")
    process:close()
  end)

  it("says which seed there is not", function()
    local ok, problem = pcall(server.start, { seed = "/no/such/file" })
    assert.is_false(ok)
    assert.matches("no such seed: /no/such/file", problem)
  end)

  it("is gone after stop, with its folder", function()
    local hub = server.start()
    hub:stop()
    hub:stop()
    assert.is_nil(socket.connect("127.0.0.1", tonumber(hub.endpoint:match("%d+$"))))
    assert.is_nil(io.open(hub.ca_file))
  end)

  it("does not outlive the process that started it", function()
    local process = assert(io.popen([[exec lua5.4 -e '
      local hub = require("spec.hub.server").start()
      print(hub.endpoint:match("%d+$"), hub.ca_file)
      io.stdout:flush()
      os.execute "kill -KILL $PPID"']]))
    local port, ca_file = process:read("*l"):match("^(%d+)\t(.*)$")
    process:close()
    local connection = socket.connect("127.0.0.1", tonumber(port))
    if connection then
      connection:settimeout(10)
      assert.are.equal("closed", select(2, connection:receive(1)))
    end
    assert.is_nil(io.open(ca_file))
  end)
end)
