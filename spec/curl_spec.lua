local count_descriptors = require "spec.descriptors"
local curl = require "lmigrationhub.curl"
local faults = require "spec.faults"
local socket = require "socket"

local TIMEOUTS = { connect = 5, total = 10 } -- for what ends well, also on a busy machine
local BRIEF = { connect = 1, total = 0.3 }

local server, tls

local function request(script, more)
  local made = { method = "POST", url = server.url .. "/", body = script, timeouts = TIMEOUTS }
  for name, value in pairs(more or {}) do
    made[name] = value
  end
  return made
end

local function finish(multi, transfer)
  while not transfer:finished() do
    multi:poll(1)
  end
  return transfer:result()
end

local function play(multi, script, more)
  return finish(multi, multi:start(request(script, more)))
end

local function get(multi, url, timeouts)
  return finish(multi, multi:start { method = "GET", url = url, timeouts = timeouts or TIMEOUTS })
end

local function collect()
  collectgarbage()
  collectgarbage()
end

local function descriptors()
  collect()
  return count_descriptors()
end

local function resident_kilobytes()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s+(%d+)"
    if size then
      return tonumber(size)
    end
  end
end

local function is_instrumented()
  return faults.read("grep -cE 'libasan|sanitized|vgpreload' /proc/$PPID/maps") ~= "0"
end

setup(function()
  server = faults.start_server()
  tls = faults.start_tls()
end)

teardown(function()
  server:stop()
  tls:stop()
end)

describe("lmigrationhub.curl", function()
  local multi

  before_each(function()
    multi = curl.new()
  end)

  after_each(function()
    multi:close()
  end)

  describe("failures", function()
    -- What spec/transport/faults_contract.lua says of kinds holds here too; these are the words.
    local CASES = {
      { "closed before the answer", "close()", "connection", "^the connection to http" },
      { "reset before the answer", "reset()", "connection", "reset by peer$" },
      { "closed before the blank line", [[send "HTTP/1.1 200 OK\r\nA: b\r\n" close()]],
        "connection", "inside the headers$" },
      { "stalled before the answer", "stall()", "timeout", "^no answer from .* within 0.3 s$" },
      { "stalled inside the body",
        [[send "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab" stall()]],
        "timeout", "^no complete answer from .* within 0.3 s$" },
      { "a second length",
        [[send "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n" stall()]],
        "protocol", "bad Content%-Length$" },
      { "nine interim responses", [[send(rep("HTTP/1.1 103 Early\r\n\r\n", 9)) stall()]],
        "protocol", "interim" },
      { "headers without end", [[send "HTTP/1.1 200 OK\r\n" forever "A: b\r\n"]],
        "too_large", "exceed 65536 bytes$" },
      { "a header line above 100 KB",
        [[send("HTTP/1.1 200 OK\r\nA: " .. rep("b", 200000)) stall()]],
        "too_large", "header line" },
      { "a body without end", [[send "HTTP/1.1 200 OK\r\n\r\n" forever "ab"]],
        "too_large", "exceeds 33554432 bytes$" },
      { "too long a body announced", [[send "HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\n\r\n"
          stall()]], "too_large", "exceeds 33554432 bytes$" },
    }

    for _, case in ipairs(CASES) do
      local what, script, expected, pattern = case[1], case[2], case[3], case[4]
      it("names " .. what .. " as " .. expected, function()
        local timeouts = expected == "timeout" and BRIEF or TIMEOUTS
        local status, message, kind = play(multi, script, { timeouts = timeouts })
        assert.is_nil(status)
        assert.equal(expected, kind)
        assert.matches(pattern, message)
      end)
    end

    it("reports a refused connection with host and port", function()
      local port = faults.free_ports(1)[1]
      local _, message, kind = get(multi, "http://127.0.0.1:" .. port .. "/a?b")
      assert.equal("could not connect to 127.0.0.1:" .. port .. ": Connection refused", message)
      assert.equal("connection", kind)
    end)

    it("reports a name that does not resolve", function()
      local _, message, kind = get(multi, "http://name.invalid/")
      assert.matches("^could not connect to name%.invalid: ", message)
      assert.equal("connection", kind)
    end)

    it("reports a URL that makes no sense", function()
      local _, _, kind = get(multi, "http://127.0.0.1:99999/")
      assert.equal("protocol", kind)
    end)

    it("keeps userinfo, query and fragment out of messages", function()
      local url = server.url:gsub("//", "//user:secret@") .. "/path?secret#secret"
      local _, message = play(multi, "close()", { url = url })
      assert.matches(server.url:gsub("%p", "%%%0") .. "/path broke", message)
      assert.is_nil(message:find "secret")
    end)

    it("holds the deadline for connecting", function()
      local full = assert(socket.bind("127.0.0.1", 0, 0))
      local _, port = full:getsockname()
      local waiting = {}
      for i = 1, 4 do
        waiting[i] = socket.tcp()
        waiting[i]:settimeout(0)
        waiting[i]:connect("127.0.0.1", port)
      end
      local timeouts = { connect = 0.2, total = 3 }
      local _, message, kind = get(multi, "http://127.0.0.1:" .. port .. "/", timeouts)
      assert.equal("no connection to 127.0.0.1:" .. port .. " within 0.2 s", message)
      assert.equal("timeout", kind)
      for _, client in ipairs(waiting) do
        client:close()
      end
      full:close()
    end)

    it("holds the deadline for a handshake", function()
      local silent = assert(socket.bind("127.0.0.1", 0))
      local _, port = silent:getsockname()
      local timeouts = { connect = 0.2, total = 3 }
      local _, message, kind = get(multi, "https://127.0.0.1:" .. port .. "/", timeouts)
      assert.matches("within 0.2 s$", message)
      assert.equal("timeout", kind)
      silent:close()
    end)

    it("tells a peer that speaks no TLS from one that hangs up", function()
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      for kind, answer in pairs { tls = "HTTP/1.1 400 Bad\r\n\r\n", connection = "" } do
        local transfer = multi:start {
          method = "GET", url = "https://127.0.0.1:" .. port .. "/", timeouts = TIMEOUTS,
        }
        multi:poll(0) -- so that libcurl sends its part
        local client = assert(listener:accept())
        client:send(answer)
        client:close()
        assert.equal(kind, select(3, finish(multi, transfer)))
      end
      listener:close()
    end)

    it("takes a deadline that never comes", function()
      local forever = { connect = 1e300, total = 1e300 }
      assert.equal(200, (play(multi, "answer(1)", { timeouts = forever })))
    end)
  end)

  describe("responses", function()
    it("accepts line feeds alone, and a status without a reason", function()
      local status, headers, body = play(multi,
        [[send "HTTP/1.1 204\nA: b\n\n" answer "a"]])
      assert.same({ 204, "b", "" }, { status, headers.a, body })
    end)

    it("gives a body without length up to its end", function()
      local status, _, body = play(multi, [[send "HTTP/1.0 200 OK\r\n\r\nabc" close()]])
      assert.same({ 200, "abc" }, { status, body })
    end)

    it("joins chunks and drops trailers", function()
      local _, headers, body = play(multi, [[
        send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        send "2;a=b\r\nab\r\n1\r\nc\r\n0\r\nX-Late: yes\r\n\r\n"
      ]])
      assert.equal("abc", body)
      assert.is_nil(headers["x-late"])
    end)

    it("keeps empty and strange header values", function()
      local _, headers = play(multi,
        [[send "HTTP/1.1 200 OK\r\nA:\r\nb: \255:\t\r\nContent-Length: 0\r\n\r\n"]])
      assert.same({ a = "", b = "\255:", ["content-length"] = "0" }, headers)
    end)

    it("has no body after HEAD, and one after the next GET", function()
      local head = request(nil, { method = "HEAD", url = tls:url "good", body = false })
      head.body = nil
      local trusting = curl.new { ca_file = tls.ca }
      local status, _, body = finish(trusting, trusting:start(head))
      assert.same({ 200, "" }, { status, body })
      assert.matches("^%d+ ", select(3, get(trusting, tls:url "good")))
      trusting:close()
    end)

    local HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    local CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    local CAPS = {
      { "headers", "max_header", #HEAD, "answer 'abcde'" },
      { "headers with interim ones and trailers", "max_header",
        #"HTTP/1.1 100 Continue\r\n\r\n" + #CHUNKED + #"A: b\r\n",
        [[send "HTTP/1.1 100 Continue\r\n\r\n"
          send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n"]] },
      { "a body with a length", "max_body", 5, "answer 'abcde'" },
      { "a body of chunks", "max_body", 5, [[
          send "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          send "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        ]] },
      { "a body up to the end", "max_body", 5, [[send "HTTP/1.1 200 OK\r\n\r\nabcde" close()]] },
    }
    for _, case in ipairs(CAPS) do
      local what, option, size, script = case[1], case[2], case[3], case[4]
      it("caps " .. what .. " exactly", function()
        local enough, short = curl.new { [option] = size }, curl.new { [option] = size - 1 }
        assert.equal(200, (play(enough, script)))
        assert.equal("too_large", select(3, play(short, script)))
        enough:close()
        short:close()
      end)
    end
  end)

  describe("requests", function()
    it("carry the given headers, and no others but Host and framing", function()
      local _, _, text = play(multi, "answer(request)", {
        headers = { ["X-A"] = "b", ["X-Many"] = { "1", "2" }, ["X-None"] = "" },
      })
      local lines = {}
      for line in text:gmatch "\r\n(%S+:[^\r]*)" do
        lines[#lines + 1] = line
      end
      table.sort(lines)
      assert.same({
        "Content-Length: 15", "Host: 127.0.0.1:" .. server.port, "X-A: b",
        "X-Many: 1", "X-Many: 2", "X-None:",
      }, lines)
    end)

    it("may say their own Content-Type", function()
      local _, _, text = play(multi, "answer(request)", { headers = { ["content-type"] = "a/b" } })
      assert.matches("\r\ncontent%-type: a/b\r\n", text)
    end)

    it("expect no 100 for a long body", function()
      local script = "answer(request)" .. (" "):rep(2000000)
      local _, _, text = play(multi, script)
      assert.is_nil(text:lower():find("expect:", 1, true))
      assert.equal(#script, #text:match "\r\n\r?\n?(answer.*)$")
    end)

    it("without a body say so, unless they are GET", function()
      local _, _, answer = play(multi, "answer(1) read() answer(2) stall()")
      assert.equal("1", answer)
      local transfer = multi:start { method = "PUT", url = server.url .. "/", timeouts = TIMEOUTS }
      assert.equal("2", select(3, finish(multi, transfer)))
    end)

    local VALUES = { "a\rb", "a\nb", "a\0b", "secret\r\nX-Evil: yes", false }
    for _, value in ipairs(VALUES) do
      it(("refuse the header value %q"):format(tostring(value)), function()
        local bad = request("", { headers = { ["X-A"] = value } })
        local ok, message = pcall(multi.start, multi, bad)
        assert.is_false(ok)
        assert.matches("header 'X%-A'", message)
        assert.is_nil(message:find "secret")
      end)
    end

    for _, name in ipairs { "", "X A", "X:A", "X-A\r\nX-Evil", "X\0", "Ä", 1 } do
      it(("refuse the header name %q"):format(name), function()
        local ok, message = pcall(multi.start, multi, request("", { headers = { [name] = "a" } }))
        assert.is_false(ok)
        assert.matches("header name '[^\r\n]*'", message)
      end)
    end

    local WRONG = {
      { "method", { "", "GET /", "G\0", false } },
      { "url", {
        "", "ftp://a/", "file:///etc/passwd", "a", "http://a b/", "http://a\n", "http://a\127",
        false,
      } },
      { "body", { 1, {} } },
      { "headers", { 1, "A: b" } },
      { "timeouts", { 1, false } },
    }
    for _, case in ipairs(WRONG) do
      for _, value in ipairs(case[2]) do
        it(("refuse the %s %q"):format(case[1], tostring(value)), function()
          local ok, message = pcall(multi.start, multi, request("", { [case[1]] = value }))
          assert.is_false(ok)
          assert.matches("'" .. case[1] .. "' must be", message)
        end)
      end
    end

    for _, name in ipairs { "method", "url", "timeouts" } do
      it("need the field " .. name, function()
        local made = request ""
        made[name] = nil
        local ok, message = pcall(multi.start, multi, made)
        assert.is_false(ok)
        assert.matches("'" .. name .. "' must be", message)
      end)
    end

    for _, seconds in ipairs { 0, -1, 1 / 0, 0 / 0, "1", false } do
      it("refuse a timeout of " .. tostring(seconds), function()
        for _, name in ipairs { "connect", "total" } do
          local timeouts = { connect = 1, total = 1, [name] = seconds }
          local ok, message = pcall(multi.start, multi, request("", { timeouts = timeouts }))
          assert.is_false(ok)
          assert.matches("'" .. name .. "' must be", message)
        end
      end)
    end
  end)

  describe("options", function()
    local WRONG = {
      { ca_file = 1 }, { ca_path = "a\0" }, { proxy = {} }, { no_proxy = 1 },
      { max_header = 0 }, { max_body = -1 }, { max_body = 1 / 0 }, { max_body = "1" },
      { ca_file = "a", ca_path = "b" },
    }
    for _, options in ipairs(WRONG) do
      local name = next(options)
      it("refuse " .. name .. " = " .. tostring(options[name]):gsub("0x.*", ""), function()
        assert.has_error(function()
          curl.new(options)
        end)
      end)
    end

    it("send plain requests through the proxy", function()
      local through = curl.new { proxy = server.url, no_proxy = "other.test" }
      local _, _, text = play(through, "answer(request)", { url = "http://some.test/a" })
      assert.matches("^POST http://some.test/a HTTP/1.1\r\n", text)
      through:close()
    end)

    it("name the proxy that refuses, without its password", function()
      for _, scheme in ipairs { "http", "weird" } do
        local lost = curl.new { proxy = scheme .. "://user:secret@127.0.0.1:1" }
        local _, message, kind = get(lost, "http://some.test/")
        assert.equal("connection", kind)
        assert.matches("^no way through the proxy to some%.test: [^:]+$", message)
        assert.is_nil(message:find "secret")
        lost:close()
      end
    end)

    it("go past the proxy where no_proxy says so", function()
      local past = curl.new { proxy = "http://127.0.0.1:1", no_proxy = "127.0.0.1" }
      assert.equal(200, (play(past, "answer(1)")))
      past:close()
    end)
  end)

  describe("connections", function()
    it("are kept", function()
      local _, _, first = play(multi, "answer(connection)")
      local _, _, second = play(multi, "answer(connection)")
      assert.equal(first, second)
    end)

    it("are kept with their TLS session, which also outlives them", function()
      local trusting = curl.new { ca_file = tls.ca }
      local _, _, first = get(trusting, tls:url "good")
      local _, _, second = get(trusting, tls:url "good")
      local leaving = {
        method = "GET", url = tls:url "good", headers = { Connection = "close" },
        timeouts = TIMEOUTS,
      }
      finish(trusting, trusting:start(leaving))
      local _, _, third = get(trusting, tls:url "good")
      assert.equal(first, second)
      assert.are_not.equal(first, third)
      assert.matches(" r$", third)
      trusting:close()
    end)

    it("are not inherited by programs that the host starts", function()
      local function inherited()
        return faults.read "ls -l /proc/self/fd | grep -c socket"
      end
      multi:poll(0)
      local before = inherited()
      play(multi, "answer(1)")
      assert.equal(before, inherited())
    end)
  end)

  describe("trust", function()
    local CASES = {
      { "wrong_name", "target host name" },
      { "expired", "expired" },
      { "self_signed", "self%-signed" },
    }
    for _, case in ipairs(CASES) do
      it("refuses the certificate " .. case[1], function()
        local trusting = curl.new { ca_file = tls.ca }
        local _, message, kind = get(trusting, tls:url(case[1]))
        assert.equal("tls", kind)
        assert.matches("^no secure connection to https://127.*" .. case[2], message)
        trusting:close()
      end)
    end

    it("is no matter of a handshake that the peer breaks off", function()
      local listener = assert(socket.bind("127.0.0.1", 0))
      local url = ("https://127.0.0.1:%d/"):format((select(2, listener:getsockname())))
      local transfer = multi:start { method = "GET", url = url, timeouts = TIMEOUTS }
      multi:poll(0.05) -- the connection stands in the listener's queue
      listener:close()
      assert.equal("connection", select(3, finish(multi, transfer)))
    end)

    it("refuses an authority that nobody named", function()
      assert.equal("tls", select(3, get(multi, tls:url "good")))
    end)

    it("accepts the user's file or folder only", function()
      for options, expected in pairs {
        [{ ca_file = tls.ca }] = 200,
        [{ ca_path = tls.folder .. "/hashed" }] = 200,
        [{ ca_file = tls.folder .. "/strange-ca.pem" }] = "tls",
        [{ ca_path = tls.folder }] = "tls",
      } do
        local choosy = curl.new(options)
        local status, _, kind = get(choosy, tls:url "good")
        assert.equal(expected, status or kind)
        choosy:close()
      end
    end)

    for _, path in ipairs { "/nowhere/ca.pem", "/etc/passwd" } do
      it("names the file that holds no certificates: " .. path, function()
        local blind = curl.new { ca_file = path }
        local _, message, kind = get(blind, tls:url "good")
        assert.equal("tls", kind)
        assert.matches(path, message)
        blind:close()
      end)
    end
  end)

  describe("transfers", function()
    it("are polled as they finish", function()
      local slow = multi:start(request [[drip("H", 0.2) send "TTP/1.1 204 No\r\n\r\n"]])
      local quick = multi:start(request "answer(1)")
      assert.equal(quick, multi:poll(2))
      assert.is_false(slow:finished())
      assert.equal(slow, multi:poll(2))
      assert.is_nil(multi:poll(0))
    end)

    it("give their result once, and not before they finish", function()
      local transfer = multi:start(request "answer(1)")
      assert.has_error(function() transfer:result() end, "the transfer has not finished")
      finish(multi, transfer)
      assert.has_error(function() transfer:result() end, "the result was taken already")
    end)

    it("may be cancelled, twice", function()
      local transfer = multi:start(request "stall()")
      transfer:cancel()
      transfer:cancel()
      assert.is_true(transfer:finished())
      local _, message, kind = transfer:result()
      assert.matches("cancelled$", message)
      assert.equal("connection", kind)
      assert.is_nil(multi:poll(0.05))
    end)

    it("keep their result when they are cancelled too late", function()
      local transfer = multi:start(request "answer(1)")
      assert.equal(transfer, multi:poll(2))
      transfer:cancel()
      assert.equal(200, (transfer:result()))
    end)

    it("are cancelled when they are collected", function()
      multi:poll(0)
      local before = descriptors()
      local function hold()
        local held = {}
        for i = 1, 10 do
          held[i] = multi:start(request "stall()")
        end
        assert.equal(before + 10, descriptors())
        assert.is_false(held[10]:finished())
      end
      hold()
      assert.equal(before, descriptors())
      assert.equal(200, (play(multi, "answer(1)")))
    end)

    it("end with the multi", function()
      local transfer = multi:start(request "stall()")
      multi:close()
      local status, message, kind = transfer:result()
      assert.is_nil(status)
      assert.matches("closed$", message)
      assert.equal("connection", kind)
    end)
  end)

  describe("multis", function()
    it("open nothing before they are used", function()
      local before = descriptors()
      local idle = curl.new()
      assert.equal(before, descriptors())
      idle:close()
    end)

    it("sleep when nothing runs", function()
      local begin = curl.now()
      assert.is_nil(multi:poll(0.1))
      assert.is_true(curl.now() - begin >= 0.1)
    end)

    it("close twice and are of no use then", function()
      multi:close()
      multi:close()
      assert.has_error(function() multi:poll(0) end)
      assert.has_error(function() multi:start(request "") end)
    end)

    for _, seconds in ipairs { -1, 1 / 0, 0 / 0 } do
      it("refuse to wait for " .. tostring(seconds), function()
        assert.has_error(function() multi:poll(seconds) end)
      end)
    end

    -- A multi, or its transfers.
    local function start_half(round)
      local owner = curl.new()
      local transfers = {}
      for i = 1, 4 do
        transfers[i] = owner:start(request(i % 2 == 0 and "stall()" or "answer(1)"))
      end
      owner:poll(round % 3 / 100)
      return round % 2 == 0 and owner or transfers
    end

    it("may be collected in any order", function()
      for round = 1, 20 do
        local kept = { start_half(round) }
        collect()
        assert(table.remove(kept))
        collect()
      end
      assert.equal(200, (play(multi, "answer(1)")))
    end)

    it("leak neither descriptors nor memory #slow", function()
      local function work(count)
        for i = 1, count do
          assert(play(multi, "answer(rep('a', 5000))"))
          if i % 10 == 0 then
            assert.is_nil((play(multi, "close()")))
            multi:start(request "stall()"):cancel()
            curl.new { max_body = i }:close()
          end
        end
        collect()
      end
      work(1000)
      local before, memory = descriptors(), resident_kilobytes()
      work(2000)
      -- One more or less is a connection that the peer has closed and nobody has used since.
      assert.is_true(math.abs(descriptors() - before) <= 2)
      if not is_instrumented() then
        local grown = resident_kilobytes() - memory
        assert(grown < 8192, grown .. " KiB more") -- the bodies alone are 10 MB
      end
    end)
  end)

  describe("the host process", function()
    local library, folder

    setup(function()
      library = faults.compile "preload"
      folder = tls.folder
    end)

    teardown(function()
      os.remove(library)
    end)

    local SCRIPT = [[
      local curl = require "lmigrationhub.curl"
      local function signals()
        local found = {}
        for line in io.lines "/proc/self/status" do
          found[#found + 1] = line:match "^Sig[BIP].*(%%x%%x%%x%%x)$" -- 1 to 16
        end
        return table.concat(found)
      end
      local before, begin = signals(), curl.now()
      local multi = curl.new { %s }
      local transfer = multi:start {
        method = "POST", url = "%s", body = "answer(1)", timeouts = { connect = 0.3, total = 0.5 },
      }
      multi:poll(5)
      local status, message, kind = transfer:result()
      print(status or kind)
      multi:close()
      print(signals() == before and "same signals", curl.now() - begin < 2 and "in time")
    ]]

    local function run(settings, options, url)
      return faults.run_in(library, settings, SCRIPT:format(options, url))
    end

    it("survives a broken pipe, with its signals as they were", function()
      assert.equal("connection\nsame signals\tin time\nexit 0",
        run("BREAK_PIPE=1", "", server.url .. "/"))
    end)

    it("is not held up by a resolver that hangs", function()
      assert.equal("timeout\nsame signals\tin time\nexit 0", run("", "", "http://slow.test/"))
    end)

    it("trusts the system's folder, unless the user names a file", function()
      local trust, url = "TRUST=" .. folder .. "/hashed", tls:url "good"
      local strange = ("ca_file = %q"):format(folder .. "/strange-ca.pem")
      assert.matches("^200\n", run(trust, "", url))
      assert.matches("^tls\n", run(trust, strange, url))
    end)

    it("trusts the system's file where its folder is not hashed, or not there", function()
      local plain = folder .. "/plain"
      faults.read(("mkdir %s && cp %s %s/ca-certificates.crt"):format(plain, tls.ca, plain))
      assert.matches("^200\n", run("TRUST=" .. plain, "", tls:url "good"))
      assert.matches("^tls\n", run("TRUST=" .. folder .. "/none", "", tls:url "good"))
    end)

    it("does not choose the proxy by its environment", function()
      local environment = "http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1"
      assert.matches("^200\n", run(environment, "", server.url .. "/"))
      local proxy = ("proxy = %q"):format(server.url)
      assert.matches("^200\n", run("no_proxy=*", proxy, "http://some.test/"))
    end)
  end)

  describe("where libcurl refuses", function()
    local library
    setup(function() library = faults.compile "refusals" end)
    teardown(function() os.remove(library) end)

    -- Two transfers, of which the second must not suffer from what became of the first.
    local SCRIPT = [[
      local curl = require "lmigrationhub.curl"
      local multi = curl.new()
      local function play()
        local transfer = multi:start {
          method = "POST", url = "%s/", headers = { a = "b" },
          body = [=[drip("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0.01)]=],
          timeouts = { connect = 5, total = 10 },
        }
        while not transfer:finished() do multi:poll(1) end
        return (transfer:result())
      end
      for _ = 1, 2 do
        local _, result = pcall(play)
        print((tostring(result):gsub("^.*:%%d+: ", "")))
      end
      multi:close()
    ]]
    -- A multi has an easy handle of its own; options 1 to 20 are the same for all requests.
    for refusal, message in pairs {
      ["curl_multi_init 1"] = "libcurl could not be started",
      ["curl_easy_init 2"] = "libcurl refused the request",
      ["curl_easy_setopt 1"] = "libcurl refused the request",
      ["curl_easy_setopt 25"] = "libcurl refused the request",
      ["curl_multi_add_handle 1"] = "libcurl refused the request",
      ["curl_multi_perform 1"] = "Internal error",
      ["curl_multi_poll 1"] = "Internal error",
      ["curl_slist_append 1"] = "out of memory",
      ["curl_slist_append 4"] = "out of memory",
    } do
      it("raises, and serves the next: " .. refusal, function()
        assert.equal(message .. "\n200\nexit 0", faults.run_in(
          library, ("REFUSE='%s'"):format(refusal), SCRIPT:format(server.url)))
      end)
    end

    it("raises as long as it cannot be started", function()
      local sentence = "libcurl could not be started\n"
      assert.equal(sentence .. sentence .. "exit 0", faults.run_in(
        library, "REFUSE=curl_global_init", SCRIPT:format(server.url)))
    end)
  end)

  describe("after a fork", function()
    local library, fork

    setup(function()
      library = faults.compile "process"
      fork = assert(package.loadlib(library, "luaopen_process"))().fork
    end)

    teardown(function()
      os.remove(library)
    end)

    it("a child starts afresh and leaves the parent's connection alone", function()
      local trusting = curl.new { ca_file = tls.ca }
      local _, _, first = get(trusting, tls:url "good")
      assert.equal(0, fork(function()
        local status, _, own = get(trusting, tls:url "good")
        trusting:close()
        collectgarbage()
        return status == 200 and own ~= first
      end))
      assert.equal(0, fork(function()
        trusting:close()
        return true
      end))
      assert.equal(first, select(3, get(trusting, tls:url "good")))
      trusting:close()
    end)

    it("a transfer of before is lost to the child only", function()
      local transfer = multi:start(request("answer(1)"))
      assert.equal(0, fork(function()
        local polled = multi:poll(1)
        local status, message, kind = transfer:result()
        return polled == transfer and not status and message:find "fork" and kind == "connection"
      end))
      assert.equal(0, fork(function()
        return transfer:finished() and select(3, transfer:result()) == "connection"
      end))
      assert.equal(200, (finish(multi, transfer)))
    end)

    it("a child may close what has lost a transfer", function()
      local transfer = multi:start(request "answer(1)")
      assert.equal(0, fork(function()
        transfer:finished()
        multi:close()
        return select(3, transfer:result()) == "connection"
      end))
      assert.equal(200, (finish(multi, transfer)))
    end)

    it("a child may collect everything", function()
      local transfer = multi:start(request "answer(1)")
      assert.equal(0, fork(function()
        transfer = nil
        multi = nil
        collect()
        return true
      end))
      assert.equal(200, (finish(multi, transfer)))
    end)
  end)
end)
