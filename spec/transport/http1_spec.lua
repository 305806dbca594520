local http1 = require "lmigrationhub.transport.http1"

local OK = "HTTP/1.1 200 OK\r\n"
local COUNTED = OK .. "Content-Length: 3\r\n"
local CHUNKED = OK .. "Transfer-Encoding: chunked\r\n\r\n"
local EARLY = "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"

-- What a reader made of bytes, as one table.
local function outcome(reader, done, message, kind)
  if done ~= "done" then return { done = done, message = message, kind = kind } end
  return {
    status = reader.status,
    headers = reader.headers,
    body = reader:body(),
    reusable = reader:reusable(),
  }
end

-- Feeds pieces until the reader fails; `next_size` gives the size of the next one.
local function read(bytes, next_size, limits)
  local reader = http1.new(limits)
  local from, done, message, kind = 1, nil, nil, nil
  while from <= #bytes and not message do
    local size = next_size()
    done, message, kind = reader:feed(bytes:sub(from, from + size - 1))
    from = from + size
  end
  return outcome(reader, done, message, kind)
end

local function whole() return 2 ^ 30 end
local function bytewise() return 1 end

-- Sizes below 64 that are the same in every run (Park and Miller's generator).
local function dice(seed)
  return function()
    seed = seed * 16807 % 2147483647
    return seed % 64
  end
end

local function read_in_every_way(bytes, limits)
  local expected = read(bytes, whole, limits)
  assert.same(expected, read(bytes, bytewise, limits))
  for seed = 1, 10 do assert.same(expected, read(bytes, dice(seed), limits)) end
  return expected
end

local GOOD = {
  { "a counted body", COUNTED .. "\r\nabc", body = "abc", reusable = true },
  { "an empty body", OK .. "Content-Length: 0\r\n\r\n", body = "", reusable = true },
  { "bytes of every kind", OK .. "Content-Length: 4\r\n\r\n\0\r\n\255", body = "\0\r\n\255",
    reusable = true },
  { "a status without a reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", body = "",
    reusable = true },
  { "another status", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", status = 503, body = "",
    reusable = true },
  { "no body after 204", "HTTP/1.1 204 No\r\n\r\n", status = 204, body = "", reusable = true },
  { "no body after 304, whatever length it says",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", status = 304, body = "",
    reusable = true },
  { "a 100 before the response", "HTTP/1.1 100 Continue\r\n\r\n" .. COUNTED .. "\r\nabc",
    body = "abc", reusable = true },
  { "a 103 before the response", EARLY .. COUNTED .. "\r\nabc", body = "abc", reusable = true },
  { "eight interim responses", EARLY:rep(8) .. COUNTED .. "\r\nabc", body = "abc",
    reusable = true },
  { "chunks", CHUNKED .. "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n", body = "abc0123456789",
    reusable = true },
  { "chunks in spite of capitals", OK .. "transfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    body = "a", reusable = true },
  { "a chunk extension", CHUNKED .. "5;a=b\r\nabcde\r\n0 ; c\r\n\r\n", body = "abcde",
    reusable = true },
  { "eight digits of a chunk size", CHUNKED .. "00000001\r\na\r\n00000000\r\n\r\n", body = "a",
    reusable = true },
  { "trailers", CHUNKED .. "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n", body = "a", reusable = true },
  { "very many small chunks", CHUNKED .. ("1\r\na\r\n"):rep(9000) .. "0\r\n\r\n",
    body = ("a"):rep(9000), reusable = true },
  { "bytes after a counted body", COUNTED .. "\r\nabcd", body = "abc", reusable = false },
  { "bytes after an empty body", OK .. "Content-Length: 0\r\n\r\n\n", body = "", reusable = false },
  { "bytes after chunks", CHUNKED .. "0\r\n\r\n\r\n", body = "", reusable = false },
  { "Connection: close", COUNTED .. "Connection: close\r\n\r\nabc", body = "abc",
    reusable = false },
  { "Connection: close in a list", COUNTED .. "Connection: a\r\nConnection: b , CLOSE\r\n\r\nabc",
    body = "abc", reusable = false },
  { "another word in Connection", COUNTED .. "Connection: closed\r\n\r\nabc", body = "abc",
    reusable = true },
  { "HTTP/1.0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
    body = "a", reusable = false },
}

local PROTOCOL = {
  { "HTTP/0.9", "hello", "status line" },
  { "HTTP/2", "HTTP/2 200\r\n", "status line" },
  { "HTTP/1.2", "HTTP/1.2 200 OK\r\n", "status line" },
  { "a status of four digits", "HTTP/1.1 2000 OK\r\n", "status line" },
  { "a status of two digits", "HTTP/1.1 20 OK\r\n", "status line" },
  { "a status above 599", "HTTP/1.1 600 Much\r\n", "status line" },
  { "a blank line before the status line", "\r\n" .. COUNTED, "status line" },
  { "a switched protocol", "HTTP/1.1 101 Up\r\n", "switched" },
  { "nine interim responses", EARLY:rep(9), "interim" },
  { "a body without a length", OK .. "\r\n", "length" },
  { "a line that ends in LF alone", "HTTP/1.1 200 OK\n", "CR LF" },
  { "an empty line of LF alone", COUNTED .. "\n", "CR LF" },
  { "a CR inside a line", OK .. "A: b\rc\r\n", "control" },
  { "a NUL inside a line", OK .. "A: \0\r\n", "control" },
  { "a folded header", OK .. "A: b\r\n c\r\n", "bad header line" },
  { "a space before the colon", OK .. "A : b\r\n", "bad header line" },
  { "a header without a colon", OK .. "A\r\n", "bad header line" },
  { "a header without a name", OK .. ": b\r\n", "bad header line" },
  { "two lengths", COUNTED .. "Content-Length: 4\r\n\r\n", "Content%-Length" },
  { "the same length twice", COUNTED .. "Content-Length: 3\r\n\r\n", "Content%-Length" },
  { "a length in words", OK .. "Content-Length: abc\r\n\r\n", "Content%-Length" },
  { "a negative length", OK .. "Content-Length: -5\r\n\r\n", "Content%-Length" },
  { "a signed length", OK .. "Content-Length: +5\r\n\r\n", "Content%-Length" },
  { "a hexadecimal length", OK .. "Content-Length: 0x5\r\n\r\n", "Content%-Length" },
  { "no length where one is named", OK .. "Content-Length:\r\n\r\n", "Content%-Length" },
  { "a length with chunks", COUNTED .. "Transfer-Encoding: chunked\r\n\r\n", "both" },
  { "gzip, chunked", OK .. "Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer%-Encoding" },
  { "chunked twice", OK .. ("Transfer-Encoding: chunked\r\n"):rep(2) .. "\r\n",
    "Transfer%-Encoding" },
  { "identity", OK .. "Transfer-Encoding: identity\r\n\r\n", "Transfer%-Encoding" },
  { "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "Transfer%-Encoding" },
  { "a chunk size with 0x", CHUNKED .. "0x5\r\n", "chunk size" },
  { "a chunk size of nine digits", CHUNKED .. "000000005\r\n", "chunk size" },
  { "a chunk size of sixteen digits", CHUNKED .. "ffffffffffffffff\r\n", "chunk size" },
  { "a negative chunk size", CHUNKED .. "-5\r\n", "chunk size" },
  { "no chunk size", CHUNKED .. "\r\n", "chunk size" },
  { "words after a chunk size", CHUNKED .. "5 a\r\n", "chunk size" },
  { "a blank before a chunk size", CHUNKED .. " 5\r\n", "chunk size" },
  { "a chunk longer than its size", CHUNKED .. "1\r\nab\r\n", "a chunk exceeds" },
  { "a chunk shorter than its size", CHUNKED .. "3\r\na\r\n0\r\n\r\n", "a chunk exceeds" },
  { "a chunk of CR that ends in LF alone", CHUNKED .. "1\r\n\r\n", "CR LF" },
  { "a bad trailer", CHUNKED .. "0\r\nA b\r\n", "bad header line" },
}

local TOO_LARGE = {
  { "a status line of 8 KB", "HTTP/1.1 200 " .. ("a"):rep(8192), "a line exceeds 8192" },
  { "a header line of 16 KB", OK .. "A: " .. ("b"):rep(16384), "a line exceeds 16384" },
  { "a complete header line of 16 KB", OK .. "A: " .. ("b"):rep(16384) .. "\r\n", "line exceeds" },
  { "headers of 64 KB", OK .. ("A: " .. ("b"):rep(9000) .. "\r\n"):rep(8), "the headers exceed" },
  { "129 headers", OK .. ("A: b\r\n"):rep(129), "more than 128" },
  { "129 headers of several responses", EARLY:rep(8) .. OK .. ("A: b\r\n"):rep(121),
    "more than 128" },
  { "a chunk extension of 1 KB", CHUNKED .. "1;" .. ("a"):rep(1024), "a line exceeds 1024" },
  { "trailers of 16 KB", CHUNKED .. "0\r\n" .. ("A: " .. ("b"):rep(5000) .. "\r\n"):rep(4),
    "the headers exceed" },
  { "129 trailers", CHUNKED .. "0\r\n" .. ("A: b\r\n"):rep(128), "more than 128" },
  { "a body announced too long", OK .. "Content-Length: 16777217\r\n\r\n",
    "the body exceeds 16777216" },
  { "a body announced much too long", OK .. "Content-Length: " .. ("9"):rep(400) .. "\r\n\r\n",
    "the body exceeds" },
  { "a chunk too long", CHUNKED .. "01000001\r\n", "the body exceeds" },
  { "a chunk much too long", CHUNKED .. "ffffffff\r\n", "the body exceeds" },
}

local CUT = {
  { "nothing", "", "status line" },
  { "a part of a status line", "HTTP/1.1 20", "status line" },
  { "a part of the headers", OK .. "A: b\r\n", "inside the headers" },
  { "interim responses", EARLY, "status line" },
  { "a part of a counted body", COUNTED .. "\r\nab", "inside the body" },
  { "a part of a chunk", CHUNKED .. "3\r\nab", "inside the body" },
  { "a chunk without its end", CHUNKED .. "1\r\na", "inside the body" },
  { "all chunks but the last", CHUNKED .. "1\r\na\r\n", "inside the body" },
  { "a part of the trailers", CHUNKED .. "0\r\nA: b\r\n", "inside the trailers" },
}

describe("lmigrationhub.transport.http1", function()
  describe("reads, in any split,", function()
    for _, case in ipairs(GOOD) do
      it(case[1], function()
        local result = read_in_every_way(case[2])
        assert.equal(case.status or 200, result.status)
        assert.equal(case.body, result.body)
        assert.equal(case.reusable, result.reusable)
      end)
    end
  end)

  describe("refuses, in any split,", function()
    for kind, cases in pairs { protocol = PROTOCOL, too_large = TOO_LARGE } do
      for _, case in ipairs(cases) do
        it(case[1] .. " as " .. kind, function()
          local result = read_in_every_way(case[2])
          assert.equal(kind, result.kind)
          assert.matches(case[3], result.message)
        end)
      end
    end
  end)

  it("needs all bytes of a response and no more", function()
    for _, case in ipairs(GOOD) do
      if case.reusable then
        assert.same({}, read(case[2]:sub(1, -2), whole), case[1])
      end
    end
  end)

  for _, case in ipairs(CUT) do
    it("names where a connection ended after " .. case[1], function()
      local reader = http1.new()
      assert.is_nil(reader:feed(case[2]))
      local done, message, kind = reader:eof()
      assert.is_nil(done)
      assert.matches(case[3] .. "$", message)
      assert.equal("connection", kind)
    end)
  end

  it("is content with an end after the end", function()
    local reader = http1.new()
    reader:feed(COUNTED .. "\r\nabc")
    assert.equal("done", reader:eof())
    assert.is_true(reader:reusable())
  end)

  it("stays with its first failure", function()
    local reader = http1.new()
    local failure = { reader:feed "SSH-2.0\r\n" }
    assert.same(failure, { reader:feed(COUNTED .. "\r\nabc") })
    assert.same(failure, { reader:eof() })
    assert.is_false(reader:reusable())
  end)

  it("is not reusable before the end", function()
    local reader = http1.new()
    reader:feed(COUNTED .. "\r\nab")
    assert.is_false(reader:reusable())
  end)

  it("lowers header names, trims values and joins what is repeated", function()
    local result = read_in_every_way(
      COUNTED .. "X-A:1\r\nx-a: \t2 \t \r\nX-Empty:  \r\nB: c  d:e \r\n\r\nabc")
    assert.same(
      { ["content-length"] = "3", ["x-a"] = "1, 2", ["x-empty"] = "", b = "c  d:e" },
      result.headers)
  end)

  it("forgets the headers of interim responses, and keeps trailers out", function()
    local result = read_in_every_way(EARLY .. CHUNKED .. "0\r\nA: b\r\n\r\n")
    assert.same({ ["transfer-encoding"] = "chunked" }, result.headers)
  end)

  it("allows exactly as much as the limits say", function()
    local counted = COUNTED .. "\r\nabc" -- 21 bytes of headers, the empty line included
    assert.equal("abc", read_in_every_way(counted, { max_header = 21, max_body = 3 }).body)
    assert.equal("too_large", read_in_every_way(counted, { max_header = 20 }).kind)
    assert.equal("too_large", read_in_every_way(counted, { max_body = 2 }).kind)
    local chunks = CHUNKED .. "2\r\nab\r\n1\r\nc\r\n%s0\r\n\r\n"
    assert.equal("abc", read_in_every_way(chunks:format "", { max_body = 3 }).body)
    assert.equal("too_large", read_in_every_way(chunks:format "1\r\nd\r\n", { max_body = 3 }).kind)
  end)

  it("allows 128 headers, and lines up to their caps", function()
    local headers = ("A: b\r\n"):rep(126) .. "C:" .. ("d"):rep(16380) .. "\r\n"
    local result = read_in_every_way(
      "HTTP/1.1 200 " .. ("a"):rep(8177) .. "\r\n" .. headers .. "Content-Length: 0\r\n\r\n")
    assert.equal(16380, #result.headers.c)
  end)
end)

describe("lmigrationhub.transport.http1.request", function()
  local function lines(...)
    local bytes = assert(http1.request(...))
    local head, body = bytes:match "^(.-\r\n)\r\n(.*)$"
    local list = {}
    for line in head:gmatch "(.-)\r\n" do list[#list + 1] = line end
    local first = table.remove(list, 1)
    table.sort(list)
    table.insert(list, 1, first)
    return list, body
  end

  it("makes a request line, the headers as they are, and a length", function()
    local head, body = lines("POST", "/a?b=c", { Host = "h", ["X-A"] = "1" }, "text")
    assert.same({ "POST /a?b=c HTTP/1.1", "Content-Length: 4", "Host: h", "X-A: 1" }, head)
    assert.equal("text", body)
  end)

  it("repeats a header that has several values", function()
    assert.same({ "GET / HTTP/1.1", "A: 1", "A: 2" }, (lines("GET", "/", { A = { "1", "2" } })))
  end)

  it("says that there is no body, unless the method is GET", function()
    assert.same({ "PUT / HTTP/1.1", "Content-Length: 0" }, (lines("PUT", "/", {})))
    assert.same({ "GET / HTTP/1.1" }, (lines("GET", "/", {})))
  end)

  for _, value in ipairs { "a\r\nB: c", "a\nb", "a\rb", "a\0b", "a\r", 5, {{}}, true } do
    it(("refuses the header value %q by the header's name"):format(tostring(value)), function()
      local bytes, message = http1.request("GET", "/", { ["X-Token"] = value })
      assert.is_nil(bytes)
      assert.equal("header 'X-Token' must be text of one line", message)
    end)
  end

  it("refuses one bad value among others", function()
    assert.is_nil(http1.request("GET", "/", { A = { "1", "2\r\n" } }))
  end)

  for _, name in ipairs { "", "a b", "a:", "a\r\nb", "a\0", "é" } do
    it(("refuses the header name %q"):format(name), function()
      local bytes, message = http1.request("GET", "/", { [name] = "b" })
      assert.is_nil(bytes)
      assert.matches("^bad header name '[%w]*'$", message)
    end)
  end

  it("refuses another framing than its own", function()
    for _, name in ipairs { "content-length", "Transfer-Encoding" } do
      local bytes, message = http1.request("POST", "/", { [name] = "3" }, "abc")
      assert.is_nil(bytes)
      assert.matches("'" .. name:gsub("%-", "%%-") .. "'", message)
    end
  end)

  for _, method in ipairs { "", "G T", "GET\r\n", "HEAD", 5 } do
    it(("refuses the method %q"):format(method), function()
      local bytes, message = http1.request(method, "/", {})
      assert.is_nil(bytes)
      assert.matches("'method'", message)
    end)
  end

  for _, target in ipairs { "", "a", "/a b", "/\r\n", "/\0", 5 } do
    it(("refuses the target %q"):format(target), function()
      local bytes, message = http1.request("GET", target, {})
      assert.is_nil(bytes)
      assert.matches("'target'", message)
    end)
  end
end)
