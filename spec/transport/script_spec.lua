local contract = require "spec.transport.contract"
local faults = require "spec.faults"
local script = require "lmigrationhub.transport.script"
local transport = require "lmigrationhub.transport"

-- PUC Lua 5.1 cannot tell where it may yield: there, one item comes after the other.
local overlap = coroutine.isyieldable and it or pending

describe("lmigrationhub.transport.script", function()
  local tls

  setup(function() tls = faults.start_tls() end)
  teardown(function() tls:stop() end)

  contract(script.new, {
    transport = "script",
    new_trusting = function(options)
      options.ca_file = tls.ca
      return script.new(options)
    end,
    tls_ports = function() return tls.ports end,
    it = it, overlap = overlap, setup = setup, teardown = teardown,
    before_each = before_each, after_each = after_each,
  })
end)

describe("lmigrationhub.transport.script: concurrently", function()
  local SLOW = [[drip("H", 0.05) send "TTP/1.1 204 No\r\n\r\n"]]
  local server, used

  setup(function() server = faults.start_server() end)
  teardown(function() server:stop() end)
  before_each(function() used = script.new() end)
  after_each(function() used:close() end)

  local function request(body)
    return {
      method = "POST", url = server.url .. "/", body = body,
      timeouts = { connect = 5, total = 30 },
    }
  end

  local function count(last)
    local index = 0
    return function()
      if index == last then return nil end
      index = index + 1
      return index
    end
  end

  it("needs no more connections than limit", function()
    local connections, all = {}, 0
    used:concurrently(count(20), 3, function()
      connections[assert(used:send(request "answer(connection)")).body] = true
    end)
    for _ in pairs(connections) do all = all + 1 end
    assert.is_true(all <= 3)
  end)

  overlap("leaves nothing under way when one fails", function()
    local begun = {}
    pcall(used.concurrently, used, count(3), 3, function(index)
      if index == 3 then
        used:send(request "answer(1)")
        error "stop"
      end
      begun[index] = used:start(request "stall()")
      if index == 1 then used:wait(begun[1]) else used:sleep(30) end
    end)
    assert.is_true(begun[1]:finished())
    assert.is_true(begun[2]:finished())
  end)

  it("leaves nothing under way that an item has begun and not waited for", function()
    local begun
    used:concurrently(count(1), 1, function() begun = used:start(request "stall()") end)
    assert.is_true(begun:finished())
  end)

  it("waits for what was begun outside", function()
    local begun, response = used:start(request(SLOW)), nil
    used:concurrently(count(1), 1, function() response = used:wait(begun) end)
    assert.equal(204, response.status)
  end)

  overlap("lets a wait in a coroutine of fn's own wake those who wait", function()
    local order = {}
    used:concurrently(count(2), 2, function(index)
      if index == 1 then
        used:send(request "answer(1)")
        table.insert(order, "task")
        return
      end
      coroutine.wrap(function()
        used:send(request(SLOW))
        table.insert(order, "own")
      end)()
    end)
    assert.same({ "own", "task" }, order)
  end)

  overlap("lets waits of two transports let each other go on", function()
    local other, order = script.new(), {}
    used:concurrently(count(2), 2, function(index)
      local mine = index == 1 and used or other
      table.insert(order, "begin")
      assert(mine:send(request "answer(1)"))
      table.insert(order, "end")
    end)
    other:close()
    assert.same({ "begin", "begin", "end", "end" }, order)
  end)

  overlap("refuses a second waiter", function()
    local begun = used:start(request "stall()")
    local ok, message = pcall(used.concurrently, used, count(2), 2, function() used:wait(begun) end)
    used:cancel(begun)
    assert.is_false(ok)
    assert.matches("another coroutine waits", message)
  end)

  overlap("wakes who waits for what another cancels", function()
    local begun, kind = used:start(request "stall()"), nil
    used:concurrently(count(2), 2, function(index)
      if index == 2 then return used:cancel(begun) end
      kind = select(3, used:wait(begun))
    end)
    assert.equal("connection", kind)
  end)

  overlap("wakes all when the transport is closed", function()
    local kinds = {}
    used:concurrently(count(3), 3, function(index)
      if index == 3 then return used:close() end
      kinds[index] = select(3, used:send(request "stall()"))
    end)
    assert.same({ "connection", "connection" }, kinds)
  end)
end)

describe("lmigrationhub.transport", function()
  it("is the script's outside nginx", function()
    local chosen = transport.new()
    assert.equal(getmetatable(script.new()), getmetatable(chosen))
    chosen:close()
  end)

  it("is nginx's inside nginx", function()
    rawset(_G, "ngx", { get_phase = function() end })
    local ok, chosen = pcall(transport.new)
    rawset(_G, "ngx", nil)
    assert.is_true(ok)
    assert.equal("lmigrationhub.transport.nginx", getmetatable(chosen).__name)
  end)
end)
