-- What goes wrong between client and server, and what every transport makes of it: called by
-- contract.lua. Each case runs over a kept connection of a transport with one place, and a plain
-- request right after it must find a place, a connection and its own answer.
local assert = require "luassert"
local count_descriptors = require "spec.descriptors"
local faults = require "spec.faults"
local socket = require "socket"

local OK = "HTTP/1.1 200 OK\r\n"
local COUNTED = OK .. "Content-Length: 5\r\n"
local CHUNKED = OK .. "Transfer-Encoding: chunked\r\n\r\n"
local EARLY = "HTTP/1.1 103 Early\r\n\r\n"

-- What zlib makes of four million zeros.
local BOMB = "\120\218\237\193\1\1\0\0\0\128\144\254\175\238\8\10" .. ("\0"):rep(4000)

local MAX_BODY = 4096 -- bytes
local TIMEOUTS = { connect = 5, total = 10 } -- for what ends by itself, also on a busy machine
local BRIEF = { connect = 0.3, total = 0.3 } -- for what does not
local LATE = 2 -- seconds after which nothing may have to wait

local function sends(bytes, ending) return ("send(%q) %s"):format(bytes, ending) end
local function closes(bytes) return sends(bytes, "close()") end
local function resets(bytes) return sends(bytes, "reset()") end
local function stalls(bytes) return sends(bytes, "stall()") end
local function lasts(bytes, rest) return sends(bytes, ("forever(%q)"):format(rest)) end
local function chunks(bytes) return stalls(CHUNKED .. bytes) end

local LENIENT = "libcurl reads it as it comes"
local UNCOUNTED = "nginx's transport takes no body that ends by closing: it may be a cut one"

-- What the server does -> what comes of it: the kind of the failure, or status and body. Where the
-- transports differ, both and why.
local CASES = {
  { "closed before an answer", "close()", "connection" },
  { "reset before an answer", "reset()", "connection" },
  { "a head that is cut inside its first line", closes "HTTP/1.1 20", "connection" },
  { "a head that is cut before its blank line", closes(OK .. "A: b\r\n"), "connection" },
  { "a head that is reset", resets(OK .. "A: b\r\n"), "connection" },
  { "nothing after an interim response", closes "HTTP/1.1 100 Continue\r\n\r\n", "connection" },
  { "a body that is reset", resets(COUNTED .. "\r\nab"), "connection" },
  { "a body shorter than announced", closes(COUNTED .. "\r\nab"), "connection" },
  { "a chunk that is cut", closes(CHUNKED .. "5\r\nab"), "connection" },
  { "chunks without an end", closes(CHUNKED .. "1\r\na\r\n"), "connection" },
  { "trailers without an end", closes(CHUNKED .. "0\r\nA: b\r\n"), "connection" },

  { "an answer that never comes", "stall()", "timeout" },
  { "a head that stalls", stalls(OK .. "A: b\r\n"), "timeout" },
  { "a body that stalls", stalls(COUNTED .. "\r\nab"), "timeout" },
  { "a head that drips", ("drip(%q, 0.1)"):format(OK .. "\r\n"), "timeout" },
  { "a body that drips", sends(COUNTED .. "\r\n", "drip('abcde', 0.1)"), "timeout" },
  { "a byte a second", ("drip(%q, 1)"):format(COUNTED), "timeout" },

  { "a body longer than announced", sends(COUNTED .. "\r\nabcdefgh", ""), { 200, "abcde" } },
  { "an answer and another one", sends((COUNTED .. "\r\nabcde"):rep(2), ""), { 200, "abcde" } },
  { "204 with a body", stalls "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nabcde", { 204, "" } },
  { "304 with a body", stalls "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nabcde", { 304, "" } },
  { "Connection: close with a length", closes(COUNTED .. "Connection: close\r\n\r\nabcde"),
    { 200, "abcde" } },
  { "Connection: close without a length", closes(OK .. "Connection: close\r\n\r\nabcde"),
    script = { 200, "abcde" }, nginx = "protocol", why = UNCOUNTED },
  { "HTTP/1.0 without a length", closes "HTTP/1.0 200 OK\r\n\r\nabcde",
    script = { 200, "abcde" }, nginx = "protocol", why = UNCOUNTED },
  { "a compressed body", closes(COUNTED .. "Content-Encoding: gzip\r\n\r\n\31\139\8\0a"),
    { 200, "\31\139\8\0a" } },
  { "a compressed body that would grow without end", sends(OK .. "Content-Encoding: deflate\r\n"
      .. "Content-Length: " .. #BOMB .. "\r\n\r\n" .. BOMB, ""), { 200, BOMB } },
  { "eight interim responses", sends(EARLY:rep(8) .. COUNTED .. "\r\nabcde", ""),
    { 200, "abcde" } },

  { "two lengths", stalls(COUNTED .. "Content-Length: 4\r\n\r\nabcde"), "protocol" },
  { "the same length twice", stalls(COUNTED .. "Content-Length: 5\r\n\r\nabcde"), "protocol" },
  { "a list of lengths", stalls(OK .. "Content-Length: 5, 4\r\n\r\nabcde"), "protocol" },
  { "a length with a sign", stalls(OK .. "Content-Length: +5\r\n\r\nabcde"), "protocol" },
  { "a negative length", stalls(OK .. "Content-Length: -5\r\n\r\nabcde"), "protocol" },
  { "a hexadecimal length", stalls(OK .. "Content-Length: 0x5\r\n\r\nabcde"), "protocol" },
  { "a length that is a word", stalls(OK .. "Content-Length: five\r\n\r\nabcde"), "protocol" },
  { "a length of nothing", stalls(OK .. "Content-Length:\r\n\r\nabcde"), "protocol" },
  { "a length, then chunks", stalls(COUNTED .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "protocol" },
  { "chunks, then a length",
    stalls(OK .. "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), "protocol" },
  { "chunks that are compressed",
    stalls(OK .. "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "protocol" },
  { "chunks inside chunks",
    stalls(OK .. "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), "protocol" },
  { "a coding that is none", stalls(OK .. "Transfer-Encoding: identity\r\n\r\n"), "protocol" },
  { "an unknown coding", stalls(OK .. "Transfer-Encoding: xchunked\r\n\r\n"), "protocol" },
  { "chunks in HTTP/1.0",
    stalls "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "protocol" },

  { "a chunk size that is a word", chunks "zz\r\n", "protocol" },
  { "a chunk size with a sign", chunks "-5\r\n", "protocol" },
  { "a chunk size with a blank before it", chunks " 5\r\n", "protocol" },
  { "no chunk size", chunks "\r\n", "protocol" },
  { "a chunk size of twenty digits", chunks(("f"):rep(20) .. "\r\n"), "protocol" },
  { "a chunk size with 0x", chunks "0x5\r\nabcde\r\n0\r\n\r\n", "protocol" },
  { "a chunk longer than its size", chunks "1\r\nab\r\n0\r\n\r\n", "protocol" },
  { "words after a chunk size", closes(CHUNKED .. "5 a\r\nabcde\r\n0\r\n\r\n"),
    script = { 200, "abcde" }, nginx = "protocol", why = LENIENT },
  { "a trailer that is none", chunks "1\r\na\r\n0\r\nA b\r\n\r\n", "protocol" },
  { "trailers", sends(CHUNKED .. "5\r\nabcde\r\n0\r\nContent-Length: 9\r\n\r\n", ""),
    { 200, "abcde" } },

  { "HTTP/0.9", closes "hello", "protocol" },
  { "another protocol", stalls "SSH-2.0-OpenSSH_9.2\r\n", "protocol" },
  { "garbage", closes(("\0\255\22\3\1"):rep(9)), "protocol" },
  { "a TLS alert", closes "\21\3\3\0\2\2\70", "protocol" },
  { "HTTP/2 that nobody asked for", closes "HTTP/2 200\r\n\r\n", "protocol" },
  { "HTTP/1.2", closes "HTTP/1.2 200 OK\r\n\r\n", "protocol" },
  { "a status of two digits", closes "HTTP/1.1 20 OK\r\n\r\n", "protocol" },
  { "a status without digits", closes "HTTP/1.1 2xx OK\r\n\r\n", "protocol" },
  { "a status beyond 599", closes "HTTP/1.1 600 OK\r\n\r\n", "protocol" },
  { "a status of four digits", closes "HTTP/1.1 2000 OK\r\n\r\n", "protocol" },
  { "a status that goes on in letters", closes "HTTP/1.1 200OK\r\n\r\n", "protocol" },
  { "an impossible status", closes "HTTP/1.1 099 OK\r\n\r\n", "protocol" },
  { "a switched protocol", stalls "HTTP/1.1 101 Up\r\n\r\n", "protocol" },
  { "a header without a colon", closes(OK .. "nothing\r\n\r\n"), "protocol" },
  { "a header without a name", closes(OK .. ": b\r\n\r\n"), "protocol" },
  { "a folded header", closes(OK .. "A: b\r\n c\r\n\r\n"), "protocol" },
  { "a space before the colon", closes(OK .. "A : b\r\n\r\n"), "protocol" },
  { "a zero byte in a header", closes(COUNTED .. "A: b\0c\r\n\r\nabcde"), "protocol" },
  { "a CR inside a header", closes(COUNTED .. "A: b\rc\r\n\r\nabcde"), "protocol" },
  { "lines that end in LF alone", closes "HTTP/1.1 200 OK\nContent-Length: 5\n\nabcde",
    script = { 200, "abcde" }, nginx = "protocol", why = LENIENT },
  { "nine interim responses", stalls(EARLY:rep(9)), "protocol" },
  { "interim responses without end", lasts("", EARLY), "protocol" },

  { "headers without end", lasts(OK, "A: b\r\n"), "too_large" },
  { "a header line without end", lasts(OK .. "A: ", "b"), "too_large" },
  { "a header line of 200 KB", ("send(%q .. rep('b', 200000)) stall()"):format(OK .. "A: "),
    "too_large" },
  { "a first line without end", lasts("HTTP/1.1 200 ", "b"), "too_large" },
  { "trailers without end", lasts(CHUNKED .. "0\r\n", "A: b\r\n"), "too_large" },
  { "chunks without end", lasts(CHUNKED, "2\r\nab\r\n"), "too_large" },
  { "a body without end", lasts(OK .. "\r\n", "ab"), script = "too_large", nginx = "protocol",
    why = UNCOUNTED },
  { "too long a body announced", stalls(OK .. "Content-Length: 4097\r\n\r\n"), "too_large" },
  { "a body announced beyond all numbers",
    stalls(OK .. "Content-Length: " .. ("9"):rep(400) .. "\r\n\r\n"), "too_large" },
}

-- Server of spec/faults -> what comes of asking it.
local TLS_CASES = {
  { "a certificate for another name", "wrong_name", "tls" },
  { "an expired certificate", "expired", "tls" },
  { "a self-signed certificate", "self_signed", "tls" },
  { "an authority that nobody named", "unknown", "tls" },
  { "TLS 1.0 and 1.1 alone", "old", "tls" },
  { "a head that TLS does not end", "abrupt", "connection", path = "head" },
  { "a counted body that TLS does not end", "abrupt", "connection", path = "short" },
  { "an open body that TLS does not end", "abrupt", "protocol", path = "open" },
  { "a whole body, and no end of TLS", "abrupt", { 200, "abc" }, path = "whole" },
}

local function outcome_of(case, transport) return case[3] or case[transport] end

local function describe(case, outcome)
  local made = type(outcome) == "table" and "is answered" or "is of kind " .. outcome
  return ("%s %s"):format(case[1], made)
end

-- Those of a peer that is gone may go any time.
local function descriptors()
  collectgarbage()
  return count_descriptors()
end

local function check(outcome, url, response, message, kind)
  if type(outcome) == "table" then
    assert.same(outcome, response and { response.status, response.body } or { kind, message })
    return
  end
  assert.is_nil(response)
  assert.equal(outcome, kind)
  assert.matches("^[^\r\n]*" .. url:gsub("%p", "%%%0") .. "[^\r\n]*$", message)
end

---@param new function
---@param words table as contract.lua has them
---@param server fun(): table of spec/faults
return function(new, words, server)
  local it = words.it

  local function request(script, path, timeouts)
    return {
      method = "POST", url = server().url .. (path or "/"), body = script,
      headers = { Authorization = "hidden", ["X-Amz-Security-Token"] = "hidden" },
      timeouts = timeouts or TIMEOUTS,
    }
  end

  local function plain(transport)
    assert.equal("plain", assert(transport:send(request "answer 'plain'")).body)
  end

  -- Runs `fn(transport)`, which must leave it as it was.
  local function between_plain_calls(fn)
    local transport = new { max_body = MAX_BODY, max_connections = 1, max_handshakes = 1 }
    plain(transport)
    local before, begin = descriptors(), socket.gettime()
    fn(transport)
    assert.is_true(socket.gettime() - begin < LATE)
    plain(transport)
    assert.is_true(descriptors() <= before)
    if words.check_idle then words.check_idle(transport) end
    transport:close()
  end

  for _, case in ipairs(CASES) do
    local outcome = outcome_of(case, words.transport)
    it(describe(case, outcome), function()
      local timeouts = outcome == "timeout" and BRIEF or TIMEOUTS
      between_plain_calls(function(transport)
        check(outcome, server().url, transport:send(request(case[2], "/", timeouts)))
      end)
    end)
  end

  local function get(url, timeouts)
    return { method = "GET", url = url, timeouts = timeouts or TIMEOUTS }
  end

  for _, case in ipairs(TLS_CASES) do
    local outcome = outcome_of(case, words.transport)
    it(describe(case, outcome), function()
      local url = ("https://localhost:%d/%s"):format(words.tls_ports()[case[2]], case.path or "")
      local transport = words.new_trusting { max_body = MAX_BODY, max_connections = 1 }
      check(outcome, "https://localhost", transport:send(get(url)))
      plain(transport)
      if words.check_idle then words.check_idle(transport) end
      transport:close()
    end)
  end

  it("a refused connection is of kind connection", function()
    local authority = "127.0.0.1:" .. faults.free_ports(1)[1]
    between_plain_calls(function(transport)
      check("connection", authority, transport:send(get("http://" .. authority .. "/")))
    end)
  end)

  -- Listens, and has no room for another connection: calls `fn(authority)`.
  local function with_full(fn)
    local full = assert(socket.bind("127.0.0.1", 0, 0))
    local _, port = full:getsockname()
    local waiting = {}
    for i = 1, 4 do
      waiting[i] = socket.tcp()
      waiting[i]:settimeout(0)
      waiting[i]:connect("127.0.0.1", port)
    end
    fn("127.0.0.1:" .. port)
    for _, client in ipairs(waiting) do client:close() end
    full:close()
  end

  it("a connection that stalls is of kind timeout", function()
    between_plain_calls(function(transport)
      with_full(function(authority)
        local timeouts = { connect = 0.2, total = 10 }
        check("timeout", authority, transport:send(get("http://" .. authority .. "/", timeouts)))
      end)
    end)
  end)

  it("a handshake that stalls is of kind timeout", function()
    local silent = assert(socket.bind("127.0.0.1", 0))
    local authority = "localhost:" .. select(2, silent:getsockname())
    between_plain_calls(function(transport)
      local timeouts = { connect = 0.2, total = 10 }
      check("timeout", authority, transport:send(get("https://" .. authority .. "/", timeouts)))
    end)
    silent:close()
  end)

  -- Until the server has come to where its script says so.
  local function await(transport, mark)
    while server():seen(mark) == 0 do transport:sleep(0.01) end
    transport:sleep(0.01) -- nginx looks at its sockets
  end

  it("a kept connection that the server half closed is not used, nor the effect doubled", function()
    between_plain_calls(function(transport)
      assert(transport:send(request "answer 'first' half_close() mark '/is-half' read()"))
      await(transport, "/is-half")
      assert.equal(200, assert(transport:send(request("answer(1)", "/after-half"))).status)
      assert.equal(1, server():seen "/after-half")
    end)
  end)

  it("an answer that came before its request is nobody's", function()
    between_plain_calls(function(transport)
      local late = sends(COUNTED .. "\r\nwrong", "mark '/is-late' read() answer 'wrong'")
      assert(transport:send(request("answer 'first' sleep(0.02) " .. late)))
      await(transport, "/is-late")
      assert.equal("right", assert(transport:send(request "answer 'right'")).body)
    end)
  end)

  it("a request that is sent again goes to the same server, as it was", function()
    between_plain_calls(function(transport)
      assert(transport:send(request "answer 'first' read() close()"))
      local response = assert(transport:send(request("answer(request)", "/again")))
      assert.matches("\r\nHost: 127%.0%.0%.1:" .. server().port .. "\r\n", response.body)
      assert.equal(2, server():seen "/again")
    end)
  end)

  it("a redirect brings nothing to another server", function()
    local other = faults.start_server()
    between_plain_calls(function(transport)
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        local head = ("HTTP/1.1 %d Go\r\nLocation: %s/stolen\r\nContent-Length: 0\r\n\r\n")
          :format(status, other.url)
        check({ status, "" }, "", transport:send(request(sends(head, ""))))
      end
    end)
    assert.equal("", other:last())
    other:stop()
  end)
end
