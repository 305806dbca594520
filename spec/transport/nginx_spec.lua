local contract = require "spec.transport.contract"
local faults = require "spec.faults"
local nginx = require "lmigrationhub.transport.nginx"
local server = require "spec.transport.nginx.server"
local socket = require "socket"

local function nothing() end

describe("lmigrationhub.transport.nginx, outside nginx,", function()
  it("can be required and made", function()
    assert.is_table(nginx.new())
  end)

  local WRONG_OPTIONS = {
    { { proxy = "http://127.0.0.1:3128" }, "'proxy'" },
    { { ca_file = "ca.pem" }, "lua_ssl_trusted_certificate" },
    { { ca_path = "certificates" }, "lua_ssl_trusted_certificate" },
    { { max_body = 0 }, "'max_body'" },
    { { max_header = 1.5 }, "'max_header'" },
    { { max_connections = "many" }, "'max_connections'" },
    { { max_handshakes = -1 }, "'max_handshakes'" },
  }
  for _, case in ipairs(WRONG_OPTIONS) do
    local name = next(case[1])
    it(("refuses %s = %s"):format(name, tostring(case[1][name])), function()
      local ok, message = pcall(nginx.new, case[1])
      assert.is_false(ok)
      assert.matches(case[2], message)
    end)
  end

  it("takes an empty proxy for none", function()
    assert.is_table(nginx.new { proxy = "" })
  end)
end)

describe("lmigrationhub.transport.nginx", function()
  local fault, tls, worker

  setup(function()
    fault = faults.start_server()
    tls = faults.start_tls()
    worker = server.start(fault.url, tls.ca)
  end)

  teardown(function()
    worker:stop()
    tls:stop()
    fault:stop()
  end)

  before_each(function()
    worker:run "reset()"
  end)

  -- body | nil, message, kind of a GET of the URL.
  local function get(url, where, options)
    return worker:run(([[
      local answer, message, kind = nginx.new(%s):send(request "%s")
      return answer and answer.body, message, kind
    ]]):format(options or "", url), where)
  end

  local function localhost(name, scheme)
    return ("%s://localhost:%d/"):format(scheme or "https", worker[name .. "_port"])
  end

  describe("keeps the contract of transports:", function()
    setup(function()
      local ports = {}
      for name, port in pairs(tls.ports) do table.insert(ports, ("%s = %d"):format(name, port)) end
      worker:run(("require('spec.transport.nginx.contract').setup { %s }")
        :format(table.concat(ports, ", ")))
    end)
    teardown(function() worker:run "require('spec.transport.nginx.contract').teardown()" end)

    local function add(name)
      it(name, function()
        local ok, problem = worker:run(
          ("return require('spec.transport.nginx.contract').run(%q)"):format(name))
        assert.is_true(ok, problem)
      end)
    end

    contract(nothing, {
      transport = "nginx", it = add, overlap = add,
      setup = nothing, teardown = nothing, before_each = nothing, after_each = nothing,
    })
  end)

  describe("deadlines", function()
    local function play(script, total, options)
      local begin = socket.gettime()
      local _, message, kind = worker:run(([[
        local answer, message, kind = nginx.new(%s):send(
          request("%s/", [=[%s]=], { connect = 1, total = %s }))
        return answer and answer.body, message, kind
      ]]):format(options or "", fault.url, script, total))
      assert.equal("timeout", kind)
      return message, socket.gettime() - begin
    end

    it("say whether an answer had begun", function()
      assert.matches("^no answer from .* within 0.1 s$", (play("stall()", 0.1)))
      local begun = 'send "HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nab" stall()'
      assert.matches("^no complete answer from .* within 0.1 s$", (play(begun, 0.1)))
    end)

    it("are not put off by bytes that come", function()
      local _, seconds = play('drip("HTTP/1.1 2", 0.08) stall()', 1)
      assert.is_true(seconds < 1.5)
    end)

    it("count from the request, not from when nginx last looked at the time", function()
      assert.equal(204, (worker:run(([[
        local socket = require "socket"
        local busy = socket.gettime() + 0.6
        while socket.gettime() < busy do end
        local script = 'drip("H", 0.1) send "TTP/1.1 204 No\\r\\n\\r\\n"'
        return assert(nginx.new():send(
          request("%s", script, { connect = 0.5, total = 0.5 }))).status
      ]]):format(fault.url))))
    end)

    it("hold for a server that always has more to say", function()
      play([[
        send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" forever "1\r\na\r\n"
      ]], 0.5, "{ max_body = 1000000000 }")
    end)
  end)

  it("lets others have their turn while a long answer comes", function()
    local turns = worker:run(([[
      local sleep, turns = ngx.sleep, 0
      ngx.sleep = function(seconds) turns = turns + 1 return sleep(seconds) end
      local body = nginx.new():send(request("%s", "answer(rep('a', 1000000))")).body
      ngx.sleep = sleep
      return #body == 1000000 and turns
    ]]):format(fault.url))
    assert.is_true(turns >= 7)
  end)

  it("sleeps from now, not from when nginx last looked at the time", function()
    assert.is_true(worker:run [[
      local socket = require "socket"
      ngx.thread.spawn(function() ngx.sleep(0.01) end) -- whose end makes nginx look at it again
      local busy = socket.gettime() + 0.1
      while socket.gettime() < busy do end
      local begin = socket.gettime()
      nginx.new():sleep(0.05)
      return socket.gettime() - begin >= 0.049
    ]])
  end)

  describe("requests", function()
    local function received(fields)
      return worker:run(([[
        local asked = { method = "POST", url = "%s/", body = "answer(request)",
          timeouts = { connect = 1, total = 3 } }
        for name, value in pairs %s do asked[name] = value end
        return nginx.new():send(asked).body
      ]]):format(fault.url, fields))
    end

    it("say the host of their URL", function()
      assert.matches("\r\nHost: 127%.0%.0%.1:" .. fault.port .. "\r\n", received "{}")
    end)

    it("may say another host, once", function()
      local text = received "{ headers = { hOst = 'mgh.test' } }"
      assert.matches("\r\nhOst: mgh%.test\r\n", text)
      assert.is_nil(text:find("127.0.0.1", 1, true))
    end)

    it("leave a fragment out, and have at least a slash for a path", function()
      local text = received(("{ url = '%s?a=b#c' }"):format(fault.url))
      assert.matches("^POST /%?a=b HTTP/1.1\r\n", text)
    end)

    local WRONG = {
      { "url = 'ftp://127.0.0.1/'", "'url'" },
      { "url = '127.0.0.1'", "'url'" },
      { "url = 'http://'", "'url'" },
      { "url = 'http://user:word@127.0.0.1/'", "'url'" },
      { "url = 'http://127.0.0.1:0/'", "'url'" },
      { "url = 'http://127.0.0.1:65536/'", "'url'" },
      { "url = 'http://::1/'", "'url'" },
      { "url = 'http://unix:/tmp/socket/'", "'url'" },
      { "url = 'http://a.test\\r\\n/'", "'url'" },
      { "url = 'http://127.0.0.1/a b'", "'target'" },
      { "method = 'HEAD'", "'method'" },
      { "body = 5", "'body'" },
      { "timeouts = 5", "'connect'" },
      { "timeouts = { connect = 1 }", "'total'" },
      { "timeouts = { connect = 0, total = 1 }", "'connect'" },
      { "timeouts = { connect = 1, total = math.huge }", "'total'" },
      { "headers = { A = 'b\\r\\nC: d' }", "'A'" },
    }
    for _, case in ipairs(WRONG) do
      it("are refused with " .. case[1], function()
        local ok, message = pcall(received, "{ " .. case[1] .. " }")
        assert.is_false(ok)
        assert.matches("run:%d+: .*" .. case[2], message)
      end)
    end

    it("keep user, query and fragment out of messages", function()
      local _, message = get(("http://127.0.0.1:%d/a?b=secret"):format(faults.free_ports(1)[1]))
      assert.is_nil(message:find("secret", 1, true))
      _, message = get(tls:url "good" .. "a?b=secret#secret")
      assert.is_nil(message:find("secret", 1, true))
    end)
  end)

  describe("addresses", function()
    it("may be of IPv4", function()
      assert.matches("^%d+$", get(("http://127.0.0.1:%d/"):format(worker.plain_port)))
    end)

    it("may be of IPv6", function()
      if not worker.ipv6_port then return pending "there is no IPv6 here" end
      assert.matches("^%d+$", get(("http://[::1]:%d/"):format(worker.ipv6_port)))
    end)

    it("may be names", function()
      assert.matches("^%d+$", get(("http://any.test:%d/"):format(worker.plain_port)))
    end)

    it("may be localhost where there is no resolver", function()
      assert.matches("^%d+$", get(localhost("plain", "http"), "bare:/"))
    end)

    it("of unknown names are a failure to connect", function()
      local _, message, kind = get "http://nowhere.test:81/"
      assert.equal("connection", kind)
      assert.matches("^could not connect to nowhere%.test:81: .*not found", message)
    end)

    it("ask for the directive resolver where there is none", function()
      local _, message, kind = get("http://any.test/", "bare:/")
      assert.equal("connection", kind)
      assert.matches("directive resolver", message)
    end)

    it("that nobody gives are waited for no longer than a connection", function()
      local begin = socket.gettime()
      local _, message, kind = worker:run [[
        return nginx.new():send(request("http://silent.test/", nil, { connect = 0.2, total = 9 }))
      ]]
      assert.equal("timeout", kind)
      assert.equal("no connection to silent.test within 0.2 s", message)
      assert.is_true(socket.gettime() - begin < 2)
    end)

    it("that nobody gives are waited for no longer than an attempt", function()
      local _, message, kind = worker:run [[
        return nginx.new():send(request("http://silent.test/", nil, { connect = 9, total = 0.2 }))
      ]]
      assert.equal("timeout", kind)
      assert.equal("no connection to silent.test within 0.2 s", message)
    end)
  end)

  describe("TLS", function()
    it("is verified and the connection kept", function()
      local first, second = get(localhost "good"), get(localhost "good")
      assert.matches("^%d+$", first)
      assert.equal(first, second)
    end)

    it("may have a long chain where lua_ssl_verify_depth allows it", function()
      assert.matches("^%d+$", get(localhost "chain"))
    end)

    -- Each has its own port, so that no kept connection is in the way.
    local function refused(url, where)
      local body, message, kind = get(url, where)
      assert.is_nil(body)
      assert.equal("tls", kind)
      assert.matches("^no secure connection to https://[^\r\n]*$", message)
      return message
    end

    local function at_localhost(name) return (tls:url(name):gsub("127%.0%.0%.1", "localhost")) end

    for _, name in ipairs { "wrong_name", "expired", "self_signed" } do
      it("refuses the certificate " .. name .. ", always", function()
        for _ = 1, 40 do refused(at_localhost(name)) end
      end)
    end

    it("names lua_ssl_trusted_certificate where there is none", function()
      assert.matches("lua_ssl_trusted_certificate", refused(at_localhost "good", "bare:/"))
    end)

    it("names lua_ssl_verify_depth where it is too small", function()
      assert.matches("lua_ssl_verify_depth", refused(localhost "shallow", "bare:/shallow"))
    end)

    it("has no way to verify an IP address, and says so", function()
      assert.matches("IP address", refused(tls:url "good"))
      assert.matches("IP address", refused "https://[::1]/")
    end)

    it("does not take a connection that was verified for another name", function()
      assert.is_string(get(localhost "good"))
      refused(("https://other.test:%d/hold"):format(worker.good_port))
      assert.is_nil(worker:run "return seen 'most requests'")
    end)

    it("is not spoken over a connection that was plain", function()
      assert.is_string(get(localhost("plain", "http")))
      refused(localhost("plain", "https"))
    end)

    it("has a deadline for its handshake", function()
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      local _, message, kind = worker:run(([[
        return nginx.new():send(
          request("https://localhost:%d/", nil, { connect = 0.2, total = 9 }))
      ]]):format(port))
      listener:close()
      assert.equal("timeout", kind)
      assert.equal(("no connection to localhost:%d within 0.2 s"):format(port), message)
    end)
  end)

  describe("limits", function()
    -- Many requests at once; gives how many were answered.
    local function many(options, count, url)
      return worker:run(([[
        local transport, threads, answered = nginx.new(%s), {}, 0
        for i = 1, %d do
          threads[i] = ngx.thread.spawn(function()
            local answer = transport:send(request "%s")
            if answer and answer.status == 200 then answered = answered + 1 end
          end)
        end
        for i = 1, %d do ngx.thread.wait(threads[i]) end
        return answered
      ]]):format(options, count, url, count))
    end

    local function most(what) return worker:run(("return seen 'most %s'"):format(what)) end

    it("bound the connections at once", function()
      local url = localhost("plain", "http") .. "hold"
      assert.equal(12, many("{ max_connections = 3 }", 12, url))
      assert.equal(3, most "requests")
    end)

    it("give each place on at once", function()
      local begin = socket.gettime()
      assert.equal(20, many("{ max_connections = 1 }", 20, localhost("plain", "http") .. "hold"))
      assert.is_true(socket.gettime() - begin < 3) -- 20 times 0.05 seconds
    end)

    it("let as many go on as there are places", function()
      local url = localhost("plain", "http") .. "hold"
      assert.equal(12, many("{ max_connections = 12 }", 12, url))
      assert.equal(12, most "requests")
    end)

    it("bound the handshakes at once", function()
      local url = ("https://LocalHost:%d/hold"):format(worker.good_port)
      assert.equal(8, many("{ max_handshakes = 2 }", 8, url))
      assert.is_true(most "handshakes" <= 2)
    end)

    it("are given back after an answer and after a failure", function()
      assert.same({}, (worker:run(([[
        local transport = nginx.new { max_connections = 1 }
        transport:send(request "https://LocalHost:%d/")
        transport:send(request("%s", "close()"))
        transport:send(request "https://other.test:%d/")
        transport:send(request "http://127.0.0.1:1/")
        local held = {}
        for _, limit in ipairs { transport._share.connections, transport._share.handshakes } do
          for _, attempt in ipairs(limit.holders) do held[#held + 1] = attempt.to.shown end
        end
        return held
      ]]):format(worker.good_port, fault.url, worker.good_port))))
    end)

    it("keep the deadline of who waits", function()
      local _, message, kind = worker:run(([[
        local transport = nginx.new { max_connections = 1 }
        local slow = transport:start(request("%s", "stall()", { connect = 1, total = 1 }))
        local answer, message, kind = transport:send(
          request("%s", "answer(1)", { connect = 1, total = 0.3 }))
        transport:wait(slow)
        return answer, message, kind
      ]]):format(fault.url, fault.url))
      assert.equal("timeout", kind)
      assert.matches("^no place .* within 0.3 s: 1 are under way$", message)
    end)

    -- What holds the only place until nginx ends it.
    local HOLDERS = {
      ["waits for an answer"] = ([[
        shared.transport:send(request("%s", "stall()", { connect = 30, total = 30 }))
      ]]),
      ["was started and is waited for"] = ([[
        shared.transport:wait(shared.transport:start(
          request("%s", "stall()", { connect = 30, total = 30 })))
      ]]),
      ["was started and is not waited for"] = ([[
        shared.transport:start(request("%s", "stall()", { connect = 30, total = 30 }))
        ngx.sleep(30)
      ]]),
      ["waits for a name"] = ([[
        shared.transport:send(request("http://silent.test/", "%s", { connect = 0.5, total = 30 }))
      ]]),
    }
    local function send_quickly()
      return worker:run(([[
        local answer, message = shared.transport:send(
          request("%s", "answer(1)", { connect = 5, total = 5 }))
        return answer and answer.status or message
      ]]):format(fault.url))
    end

    local function begin(holder)
      worker:run "shared.transport = nginx.new { max_connections = 1 }"
      local connection = worker:open(holder:format(fault.url))
      worker:run [[
        while not next(shared.transport._share.connections.holders) do ngx.sleep(0.01) end
      ]]
      return connection
    end

    for what, holder in pairs(HOLDERS) do
      it(("give a place back of a request that %s when the client goes away"):format(what),
        function()
          begin(holder):close()
          assert.equal(200, send_quickly())
        end)

      it(("give a place back of a request that %s when the handler exits"):format(what), function()
        local ending = ("ngx.thread.spawn(function() %s end) "
          .. "ngx.sleep(0.1) ngx.exit(204)"):format(holder)
        local connection = begin(ending)
        assert.matches("204", connection:receive "*l")
        assert.equal(200, send_quickly())
        connection:close()
      end)
    end

    for _, what in ipairs { "waits for an answer", "waits for a name" } do
      it(("give a place back of a light thread that %s when it is killed"):format(what), function()
        local status = worker:run(([[
          shared.transport = nginx.new { max_connections = 1 }
          local thread = ngx.thread.spawn(function() %s end)
          ngx.sleep(0.1)
          assert(ngx.thread.kill(thread))
          local answer, message = shared.transport:send(
            request("%s", "answer(1)", { connect = 5, total = 5 }))
          return answer and answer.status or message
        ]]):format(HOLDERS[what]:format(fault.url), fault.url))
        assert.equal(200, status)
      end)
    end
  end)

  describe("connections", function()
    it("serve requests of the worker by whatever transport", function()
      local url = localhost("plain", "http")
      assert.equal((get(url)), (get(url)))
    end)

    it("are kept without a look-up of the name", function()
      local url = ("http://kept.test:%d/"):format(worker.plain_port)
      local first = get(url)
      local threads = worker:run(([[
        local spawn, threads = ngx.thread.spawn, 0
        ngx.thread.spawn = function(...) threads = threads + 1 return spawn(...) end
        local body = nginx.new():send(request "%s").body
        ngx.thread.spawn = spawn
        return threads .. " " .. body
      ]]):format(url))
      assert.equal("0 " .. first, threads)
    end)

    it("are opened again when the server closed what was kept", function()
      local first, second = worker:run(([[
        local transport, url = nginx.new(), "http://closing.test:%d/"
        local first = transport:send(request(url, "answer(connection) close()")).body
        ngx.sleep(0.05)
        return first, transport:send(request(url, "answer(connection)")).body
      ]]):format(fault.port))
      assert.not_equal(first, second)
    end)

    it("are looked for by name again, in bounded time, when none is left", function()
      local threads = worker:run(([[
        local transport, spawned, threads = nginx.new(), {}, 0
        local spawn = ngx.thread.spawn
        ngx.thread.spawn = function(...) threads = threads + 1 return spawn(...) end
        for i, path in ipairs { "briefly", "closing", "closing" } do
          threads = 0
          assert(transport:send(request("http://leaving.test:%d/" .. path)))
          spawned[i] = threads
          ngx.sleep(0.5)
        end
        ngx.thread.spawn = spawn
        return spawned
      ]]):format(worker.plain_port))
      assert.same({ 1, 0, 1 }, threads)
    end)

    it("are kept, as many as may be used at once", function()
      local fresh = worker:run(([[
        local transport, known = nginx.new(), {}
        local function round()
          local threads, fresh = {}, 0
          for i = 1, 40 do
            threads[i] = ngx.thread.spawn(function()
              local connection = transport:send(request "http://127.0.0.1:%d/hold").body
              if not known[connection] then fresh = fresh + 1 end
              known[connection] = true
            end)
          end
          for i = 1, 40 do ngx.thread.wait(threads[i]) end
          return fresh
        end
        round()
        return round()
      ]]):format(worker.plain_port))
      assert.equal(0, fresh)
    end)

    it("are not kept when bytes follow the answer", function()
      local first, second = worker:run(([[
        local transport = nginx.new()
        local extra = transport:send(request("%s", [=[
          local text = connection .. ""
          send("HTTP/1.1 200 OK\r\nContent-Length: " .. #text .. "\r\n\r\n" .. text .. "more")
        ]=]))
        local after = transport:send(request("%s", 'answer(connection)'))
        return extra.body, after.body
      ]]):format(fault.url, fault.url))
      assert.not_equal(first, second)
    end)

    it("are dropped all with one that was dead", function()
      local result = worker:run(([[
        local transport, threads = nginx.new(), {}
        for i = 1, 4 do
          threads[i] = transport:start(request("%s", "answer(connection) read() close()"))
        end
        for i = 1, 4 do assert(transport:wait(threads[i])) end
        return assert(transport:send(request("%s/dropped", "answer(connection)"))).status
      ]]):format(fault.url, fault.url))
      assert.equal(200, result)
      assert.equal(2, fault:seen "/dropped")
    end)

    it("are not tried again after a timeout", function()
      worker:run(([[
        local transport = nginx.new()
        assert(transport:send(request("%s", 'answer(1) read() stall()')))
        local _, _, kind = transport:send(
          request("%s/stalled", "", { connect = 1, total = 0.3 }))
        assert(kind == "timeout", kind)
      ]]):format(fault.url, fault.url))
      assert.equal(1, fault:seen "/stalled")
    end)

    it("are not tried again after a byte of an answer", function()
      worker:run(([[
        local transport = nginx.new()
        assert(transport:send(request("%s", 'answer(1) read() send "H" close()')))
        local _, _, kind = transport:send(request("%s/begun", ""))
        assert(kind == "connection", kind)
      ]]):format(fault.url, fault.url))
      assert.equal(1, fault:seen "/begun")
    end)

    it("go on when their transport is closed", function()
      local body = worker:run(([[
        local transport = nginx.new()
        local pending = transport:start(request("%s", 'drip(" ", 0.05) answer(1)'))
        transport:close()
        return (transport:wait(pending)) == nil
      ]]):format(fault.url))
      assert.is_true(body)
    end)
  end)

  it("passes on what the giver of items raises, after the others were stopped", function()
    local failure, went_on = worker:run(([[
      local transport, asked, went_on = nginx.new(), 0, false
      local _, failure = pcall(transport.concurrently, transport, function()
        asked = asked + 1
        return asked == 1 and "item" or error("no more", 0)
      end, 2, function()
        transport:sleep(0.1)
        went_on = true
      end)
      transport:sleep(0.2)
      return failure, went_on
    ]]))
    assert.equal("no more", failure)
    assert.is_false(went_on)
  end)

  describe("a request that was started", function()
    it("is under way before anybody waits", function()
      local first, second = worker:run(([[
        local transport = nginx.new()
        local pending = transport:start(request("%s/early", "answer(1)"))
        transport:sleep(0.2)
        local seen = transport:send(request("%s/seen/early", "")).body
        return seen, transport:wait(pending).body
      ]]):format(fault.url, fault.url))
      assert.equal("1", first)
      assert.equal("1", second)
    end)

    it("gives its result once", function()
      local ok, message = pcall(worker.run, worker, ([[
        local transport = nginx.new()
        local pending = transport:start(request("%s", "answer(1)"))
        transport:wait(pending)
        transport:wait(pending)
      ]]):format(fault.url))
      assert.is_false(ok)
      assert.matches("run:4: the result was taken already", message)
    end)

    it("may be let go of, and gives no result then", function()
      local seconds, ok, message, body = worker:run(([[
        local transport = nginx.new { max_connections = 1 }
        local begin = transport:now()
        local pending = transport:start(request("%s", "stall()"))
        transport:cancel(pending)
        local ok, message = pcall(transport.wait, transport, pending)
        local after = transport:send(request("%s", "answer(1)"))
        return transport:now() - begin, ok, message, after and after.body
      ]]):format(fault.url, fault.url))
      assert.is_false(ok)
      assert.matches("the result was taken already", message)
      assert.equal("1", body) -- its place is free again
      assert.is_true(seconds < 2)
    end)

    it("may be waited for in another coroutine", function()
      assert.equal("1", (worker:run(([[
        local transport = nginx.new()
        local begin = coroutine.wrap(function()
          return transport:start(request("%s", "answer(1)"))
        end)
        return transport:wait(begin()).body
      ]]):format(fault.url))))
    end)
  end)

  describe("phases", function()
    local function became(phase, what)
      return worker:run(("return seen '%s %s'"):format(phase, what))
    end

    -- Nothing waits for what a filter or a timer does.
    local function becomes(phase, what)
      return worker:run(([[
        for _ = 1, 200 do
          if seen "%s %s" then return seen "%s %s" end
          ngx.sleep(0.01)
        end
      ]]):format(phase, what, phase, what))
    end

    local FINE = { send = "fine", start = "fine", sleep = "slept" }

    for phase, path in pairs { rewrite = "/rewrite", access = "/access", content = "/content" } do
      it("may wait: " .. phase, function()
        worker:visit(path)
        for what, result in pairs(FINE) do assert.equal(result, became(phase, what)) end
      end)
    end

    it("may wait: ssl_certificate", function()
      worker:run(([[nginx.new():send(request "https://localhost:%d/")]])
        :format(worker.phases_tls_port))
      for what, result in pairs(FINE) do assert.equal(result, became("ssl_cert", what)) end
    end)

    it("may wait: a timer", function()
      worker:run(([[
        ngx.timer.at(0, function()
          local answer = before_fork:send(request("%s", "answer 'fine'"))
          ngx.shared.seen:set("timer send", answer.body)
        end)
      ]]):format(fault.url))
      assert.equal("fine", becomes("timer", "send"))
    end)

    local function refuses(phase)
      for what in pairs(FINE) do
        local message = becomes(phase, what)
        assert.matches("phase " .. phase .. ":", message)
        assert.matches("ngx.timer.at(0, …)", message, 1, true)
      end
    end

    local WAITLESS = {
      set = "/set", header_filter = "/filters", body_filter = "/filters", log = "/filters",
      balancer = "/balancer",
    }
    for phase, path in pairs(WAITLESS) do
      it("refuse to wait: " .. phase, function()
        worker:visit(path)
        refuses(phase)
      end)
    end
  end)

  it("leaves nothing alarming in nginx's error log", function()
    local log = worker:error_log()
    assert.is_nil(log:match "%[alert%][^\n]*" or log:match "%[emerg%][^\n]*"
      or log:match "signal 11[^\n]*")
  end)

  it("loads no libcurl", function()
    assert.is_nil(worker:run [[
      for line in io.lines "/proc/self/maps" do
        if line:find "libcurl" then return line end
      end
    ]])
  end)
end)

describe("lmigrationhub.transport.nginx at nginx's start", function()
  local worker

  setup(function()
    local fault = faults.start_server()
    worker = server.start(fault.url, "/dev/null")
    worker.fault = fault
  end)

  teardown(function()
    worker:stop()
    worker.fault:stop()
  end)

  for _, phase in ipairs { "init", "init_worker" } do
    it("refuses to wait: " .. phase, function()
      for _, what in ipairs { "send", "start", "sleep" } do
        local message = worker:run(("return seen '%s %s'"):format(phase, what))
        assert.matches("phase " .. phase .. ": .*ngx%.timer%.at%(0, …%)", message)
      end
    end)
  end

  it("may wait in a timer of init_worker", function()
    local body = worker:run [[
      for _ = 1, 200 do
        if seen "timer sleep" then return seen "timer send" end
        ngx.sleep(0.01)
      end
    ]]
    assert.equal("fine", body)
  end)

  it("survives the fork when it was made before", function()
    local body = worker:run [[
      return before_fork:send(request(faults_url .. "/", "answer 'after'")).body
    ]]
    assert.equal("after", body)
  end)
end)
