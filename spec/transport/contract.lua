-- What every transport keeps: called inside a `describe`, with the function that makes one and
-- with busted's words, which a required file does not see; `overlap` instead of `it` where waits in
-- `concurrently` have to let others go on, and nil for a transport without it. With them come the
-- `transport`'s name, `new_trusting` of what start_tls of spec/faults made, `tls_ports()` of that,
-- and perhaps `check_idle`, which asserts that no place of a transport is taken.
local assert = require "luassert"
local faults = require "spec.faults"
local faults_contract = require "spec.transport.faults_contract"
local socket = require "socket"

local TIMEOUTS = { connect = 1, total = 3 }

return function(new, words)
  local it = words.it
  local server, transport

  words.setup(function()
    server = faults.start_server()
  end)

  words.teardown(function()
    server:stop()
  end)

  words.before_each(function()
    transport = new { max_body = 4096 }
  end)

  words.after_each(function()
    transport:close()
  end)

  local function request(script, path, timeouts)
    return {
      method = "POST",
      url = server.url .. (path or "/"),
      headers = { ["X-Test"] = "yes" },
      body = script,
      timeouts = timeouts or TIMEOUTS,
    }
  end

  it("sends method, headers and body as they are", function()
    local response = assert(transport:send(request("answer(request)", "/a%20b/../c?d=e")))
    assert.matches("^POST /a%%20b/../c%?d=e HTTP/1.1\r\n", response.body)
    assert.matches("\r\nX%-Test: yes\r\n", response.body)
    assert.matches("\r\nanswer%(request%)$", response.body)
  end)

  it("gives status, headers in lower case and body", function()
    local response = assert(transport:send(request [[
      send "HTTP/1.1 418 Teapot\r\nX-A: 1\r\nContent-Length: 3\r\nx-a:  2 \r\n\r\na\0b"
    ]]))
    assert.same({
      status = 418,
      headers = { ["x-a"] = "1, 2", ["content-length"] = "3" },
      body = "a\0b",
    }, response)
  end)

  it("passes over interim responses", function()
    local response = assert(transport:send(request [[
      send "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" answer "b"
    ]]))
    assert.same({ 200, "b", nil }, { response.status, response.body, response.headers.link })
  end)

  it("keeps the connection", function()
    local first = assert(transport:send(request "answer(connection)"))
    local second = assert(transport:send(request "answer(connection)"))
    assert.equal(first.body, second.body)
  end)

  it("sends at most twice", function()
    assert(transport:send(request 'answer "1" read() close()'))
    local _, _, kind = transport:send(request("close()", "/quite-dead"))
    assert.equal("connection", kind)
    assert.equal(2, server:seen "/quite-dead")
  end)

  it("does not send again on a fresh connection", function()
    local _, _, kind = transport:send(request("close()", "/dead"))
    assert.equal("connection", kind)
    assert.equal(1, server:seen "/dead")
  end)

  faults_contract(new, words, function() return server end)

  it("waits for requests in any order", function()
    local slow = transport:start(request [[drip("H", 0.1) send "TTP/1.1 204 No\r\n\r\n"]])
    local quick = transport:start(request 'answer "quick"')
    assert.equal(204, assert(transport:wait(slow)).status)
    assert.equal("quick", assert(transport:wait(quick)).body)
  end)

  it("sleeps as long as told, whatever ends meanwhile", function()
    local pending = transport:start(request "answer(1)")
    local begin = socket.gettime()
    transport:sleep(0.2)
    assert.is_true(socket.gettime() - begin >= 0.199)
    assert.equal(200, assert(transport:wait(pending)).status)
  end)

  local overlap = words.overlap

  local function list(...)
    local items, index = { ... }, 0
    return function()
      index = index + 1
      return items[index]
    end
  end

  local function answer(body)
    return assert(transport:send(request(("answer %q"):format(body)))).body
  end

  if overlap then
    it("runs a function for each item, and ends when all have", function()
      local seen = {}
      transport:concurrently(list("a", "b", "c"), 2, function(item) seen[answer(item)] = true end)
      assert.same({ a = true, b = true, c = true }, seen)
      transport:concurrently(list(), 2, error)
    end)

    overlap("has no more than limit at once, and not fewer", function()
      local now, most = 0, 0
      transport:concurrently(list("a", "b", "c", "d", "e", "f", "g"), 3, function(item)
        now = now + 1
        most = math.max(most, now)
        answer(item)
        now = now - 1
      end)
      assert.same({ 0, 3 }, { now, most })
    end)

    overlap("asks a limit that is a function before each item", function()
      local limit, now, most = 1, 0, 0
      transport:concurrently(list("a", "b", "c", "d"), function() return limit end, function(item)
        now = now + 1
        most = math.max(most, now)
        if item == "a" then assert.equal(1, now) end
        answer(item)
        limit = 2
        now = now - 1
      end)
      assert.equal(2, most)
    end)

    overlap("sleeps in one and sends in another", function()
      local log = {}
      transport:concurrently(list(0.3, false), 2, function(seconds)
        table.insert(log, "begin")
        if seconds then transport:sleep(seconds) else answer "quick" end
        table.insert(log, seconds and "slept" or "sent")
      end)
      assert.same({ "begin", "begin", "sent", "slept" }, log)
    end)

    it("takes items of an iterator that waits", function()
      local items, seen = list("a", "b", "c"), {}
      transport:concurrently(function()
        local item = items()
        return item and answer(item)
      end, 2, function(item) seen[answer(item)] = true end)
      assert.same({ a = true, b = true, c = true }, seen)
    end)

    it("lets an iterator wait in full, whatever ends meanwhile", function()
      local given, pauses = 0, {}
      transport:concurrently(function()
        given = given + 1
        if given > 4 then return nil end
        if given < 3 then return given * 0.05 end
        local begin = socket.gettime()
        transport:sleep(0.15)
        table.insert(pauses, socket.gettime() - begin)
        return 0.01
      end, 2, function(seconds) transport:sleep(seconds) end)
      assert.equal(2, #pauses)
      for _, pause in ipairs(pauses) do assert.is_true(pause >= 0.149, tostring(pause)) end
    end)

    overlap("raises the error of one, after the others were stopped", function()
      local value, went_on = {}, false
      local ok, failure = pcall(function()
        transport:concurrently(list("stall()", "answer(1)"), 2, function(script)
          transport:send(request(script))
          went_on = script == "stall()"
          error(value)
        end)
      end)
      assert.is_false(ok)
      assert.equal(value, failure)
      assert.equal("after", answer "after")
      assert.is_false(went_on)
    end)

    it("nests", function()
      local seen = {}
      transport:concurrently(list("a", "b"), 2, function(outer)
        transport:concurrently(list("1", "2"), 2, function(inner)
          seen[answer(outer .. inner)] = true
        end)
      end)
      assert.same({ a1 = true, a2 = true, b1 = true, b2 = true }, seen)
    end)
  end

  it("closes twice, and is of no use then", function()
    transport:close()
    transport:close()
    assert.has_error(function()
      transport:send(request "answer(1)")
    end)
  end)
end
