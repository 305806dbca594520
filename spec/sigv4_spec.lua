local cjson = require "cjson"
local digest = require "lmigrationhub.digest"
local faults = require "spec.faults"
local sigv4 = require "lmigrationhub.sigv4"

local CREDENTIALS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "hush-this-is-the-secret" }
local ALLOWED_SYMBOLS = { SHA256 = true, HMAC = true, EVP_sha256 = true, OPENSSL_cleanse = true }

-- Preloaded, it counts the calls of HMAC and prints their number at the end.
local HMAC_COUNTER = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
typedef void *hmac(const void *, const void *, int, const void *, size_t, void *, unsigned *);
static int calls;
void *HMAC(const void *a, const void *b, int c, const void *d, size_t e, void *f, unsigned *g) {
  calls++;
  return ((hmac *)dlsym(RTLD_NEXT, "HMAC"))(a, b, c, d, e, f, g);
}
__attribute__((destructor)) static void report(void) { printf("%d", calls); }
]]

local function request(changes)
  local made = {
    method = "POST", path = "/", body = "{}",
    headers = { Host = "mgh.us-west-2.amazonaws.com", ["X-Amz-Date"] = "20150830T123600Z" },
  }
  for name, value in pairs(changes or {}) do made[name] = value end
  return made
end

local function with_headers(changes)
  local made = request()
  for name, value in pairs(changes) do made.headers[name] = value end
  return made
end

local function line(made, number)
  local lines = {}
  local canonical = sigv4.canonical_request(made)
  for text in canonical:gmatch("([^\n]*)\n") do lines[#lines + 1] = text end
  return lines[number]
end

local function header_line(value)
  return line(with_headers { a = value }, 4)
end

local function signature(changes, region, service)
  local credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" }
  for name, value in pairs(changes or {}) do credentials[name] = value end
  return sigv4.signature(request(), credentials, region or "us-west-2", service or "mgh")
end

local function error_of(...)
  local ok, message = pcall(...)
  assert.is_false(ok)
  return message
end

local function output_of(command)
  local pipe = assert(io.popen(command, "r"))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

local function write_file(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

local function module_path()
  for pattern in package.cpath:gmatch("[^;]+") do
    local name = pattern:gsub("%?", "lmigrationhub/sigv4")
    local file = io.open(name, "rb")
    if file then
      file:close()
      return name
    end
  end
end

local function interpreter()
  local first = 0
  while arg[first - 1] do first = first - 1 end
  return arg[first]
end

-- How often a fresh interpreter that runs the chunk calls HMAC.
local function count_hmac(chunk)
  local base = os.tmpname()
  write_file(base .. ".c", HMAC_COUNTER)
  write_file(base .. ".lua", ("package.cpath = %q\n"):format(package.cpath) .. chunk)
  local compile = "cc -shared -fPIC -Wl,--no-as-needed -o %s.so %s.c -lcrypto 2>&1"
  assert.equal("", output_of(compile:format(base, base)))
  local output = output_of(("LD_PRELOAD=$LD_PRELOAD:%s.so %s %s.lua"):format(
    base, interpreter(), base))
  for _, extension in ipairs { "", ".c", ".lua", ".so" } do os.remove(base .. extension) end
  return tonumber(output)
end

local SIGN_CHUNK = [[
  local sigv4 = require "lmigrationhub.sigv4"
  local headers = { Host = "h", ["X-Amz-Date"] = "20150830T123600Z" }
  local function sign(region)
    sigv4.signature({ method = "POST", path = "/", headers = headers },
      { access_key_id = "A", secret_access_key = "S" }, region, "mgh")
  end
]]

describe("lmigrationhub.sigv4 headers", function()
  it("are lower-cased and sorted by name", function()
    local made = with_headers { B = "2", ["A-b"] = "1", a = "0" }
    local canonical, names = sigv4.canonical_request(made)
    assert.equal("a;a-b;b;host;x-amz-date", names)
    assert.truthy(canonical:find("\na:0\na-b:1\nb:2\nhost:", 1, true))
  end)

  for value, expected in pairs {
    [""] = "a:",
    [" \t "] = "a:",
    ["  a  \t b\t"] = "a:a b",
    ['"a   b"'] = 'a:"a b"',
  } do
    it(("fold blanks in %q"):format(value), function()
      assert.equal(expected, header_line(value))
    end)
  end

  it("join repeated values in their order", function()
    assert.equal("a:2,1,,2 2", header_line { "2", " 1 ", "", "2  2" })
  end)

  it("may outgrow every buffer", function()
    local headers, names, lines = {}, {}, {}
    for i = 1, 300 do
      names[i] = ("x-%04d"):format(i)
      headers[names[i]] = ("v"):rep(i * 7)
      lines[i] = names[i] .. ":" .. headers[names[i]]
    end
    local canonical, signed = sigv4.canonical_request(with_headers(headers))
    assert.equal("host;" .. table.concat(names, ";") .. ";x-amz-date", signed)
    assert.truthy(canonical:find("\n" .. table.concat(lines, "\n") .. "\nx-amz-date:", 1, true))
  end)
end)

describe("lmigrationhub.sigv4 paths", function()
  for path, expected in pairs {
    ["/"] = "/",
    ["//"] = "/",
    ["/."] = "/",
    ["/.."] = "/",
    ["/../../a"] = "/a",
    ["/a/../"] = "/",
    ["/a/."] = "/a",
    ["/a//b/./c/../"] = "/a/b/",
    ["/.a/..b/..."] = "/.a/..b/...",
    ["/a/../../b/"] = "/b/",
    ["/a b%20"] = "/a%20b%2520",
    ["/~-._$"] = "/~-._%24",
  } do
    it(("normalize %q"):format(path), function()
      assert.equal(expected, line(request { path = path }, 2))
    end)
  end

  it("encode every byte that is not unreserved", function()
    assert.equal("/%00%7F%80%FF%3F", line(request { path = "/\0\127\128\255?" }, 2))
  end)

  it("stay as they are without normalize", function()
    assert.equal("//a/../%252F/.", line(request { path = "//a/../%2F/.", normalize = false }, 2))
  end)
end)

describe("lmigrationhub.sigv4 queries", function()
  for query, expected in pairs {
    [""] = "",
    ["a"] = "a=",
    ["&&b=1&&a&"] = "a=&b=1",
    ["a=b=c"] = "a=b%3Dc",
    ["a-b=1&a=2"] = "a=2&a-b=1",
    ["a=2&a=10&a="] = "a=&a=10&a=2",
    ["b=%41%7e&a=%e1"] = "a=%E1&b=A~",
    ["a=%&b=%4&c=%4g&d=%00"] = "a=%25&b=%254&c=%254g&d=%00",
    ["a=1+1 /"] = "a=1%2B1%20%2F",
    ["%3d=1&a=2"] = "%3D=1&a=2",
  } do
    it(("become canonical: %q"):format(query), function()
      assert.equal(expected, line(request { query = query }, 3))
    end)
  end
end)

describe("lmigrationhub.sigv4 signatures", function()
  it("take a nil body for an empty one", function()
    local without = request()
    without.body = nil
    assert.equal(sigv4.canonical_request(request { body = "" }), sigv4.canonical_request(without))
  end)

  it("stand in the header with their scope and the signed names", function()
    assert.equal("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/mgh/aws4_request, "
      .. "SignedHeaders=host;x-amz-date, Signature=" .. signature(), sigv4.authorization(request(),
      { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" }, "us-west-2", "mgh"))
  end)

  it("differ by secret, region and service, whatever keys are cached", function()
    local function all()
      local made = {}
      for _, secret in ipairs { "a", "b", ("long"):rep(2000) } do
        for _, region in ipairs { "us-west-2", "eu-west-1" } do
          for _, service in ipairs { "mgh", "sts" } do
            made[#made + 1] = signature({ secret_access_key = secret }, region, service)
          end
        end
      end
      return made
    end
    local first, seen = all(), {}
    for _, made in ipairs(first) do
      assert.is_nil(seen[made])
      seen[made] = true
    end
    assert.same(first, all())
  end)

  it("derive a key once", function()
    assert.equal(5 + 1 + 1, count_hmac(SIGN_CHUNK .. "sign 'r' sign 'r' sign 'r'"))
  end)

  it("derive again for another region, and keep both keys", function()
    assert.equal(5 + 5 + 1 + 1, count_hmac(SIGN_CHUNK .. "sign 'r' sign 's' sign 'r' sign 's'"))
  end)

  it("drop the oldest key when the cache is full", function()
    assert.equal(5 * 5 + 1 + 5,
      count_hmac(SIGN_CHUNK .. "for i = 1, 5 do sign('r' .. i) end sign 'r5' sign 'r1'"))
  end)
end)

describe("lmigrationhub.sigv4 refuses", function()
  local HIDDEN = "hush"

  local function refused(made)
    local message = error_of(sigv4.authorization, made, CREDENTIALS, "us-west-2", "mgh")
    assert.is_nil(message:find(HIDDEN, 1, true))
    return message
  end

  for name, case in pairs {
    ["a header given twice"] = { { A = "hush", a = "hush" }, "header 'a' is given twice" },
    ["CR in a value"] = { { ["X-A"] = "hush\rx" }, "header 'X%-A' holds CR, LF or a zero byte" },
    ["LF in a value"] = { { ["X-A"] = "hush\n x" }, "header 'X%-A' holds CR, LF or a zero byte" },
    ["LF at a value's end"] = { { ["X-A"] = "hush \n" }, "header 'X%-A' holds CR" },
    ["a zero byte in a value"] = { { ["X-A"] = "hush\0" }, "header 'X%-A' holds CR" },
    ["LF in one of the values"] = { { ["X-A"] = { "hush", "\nhush" } }, "header 'X%-A' holds CR" },
    ["a number as a value"] = { { ["X-A"] = 1 }, "header 'X%-A' is neither" },
    ["a header without values"] = { { ["X-A"] = {} }, "header 'X%-A' is neither" },
    ["a list in a list"] = { { ["X-A"] = { { "hush" } } }, "header 'X%-A' is neither" },
    ["an empty name"] = { { [""] = "hush" }, "a header's name is not a token" },
    ["a blank in a name"] = { { ["hush hush"] = "x" }, "a header's name is not a token" },
    ["a zero byte in a name"] = { { ["hush\0"] = "x" }, "a header's name is not a token" },
    ["a number as a name"] = { { [1] = "hush" }, "a header's name is not a token" },
  } do
    it(name, function() assert.matches(case[2], refused(with_headers(case[1]))) end)
  end

  it("headers without Host", function()
    local headers = { ["x-amz-date"] = "20150830T123600Z" }
    assert.matches("header 'host' is missing", refused(request { headers = headers }))
  end)

  for _, date in ipairs {
    "", "hush", "20150830", "2015-08-30T12:36:00Z", "20150830T123600", "20150830t123600Z",
    "20150830T123600ZZ", "2015083OT123600Z", "20150830T1236000",
  } do
    it(("the time %q"):format(date), function()
      local made = request { headers = { host = "h", ["x-amz-date"] = date } }
      assert.matches("header 'x%-amz%-date' is not YYYYMMDDTHHMMSSZ", refused(made))
    end)
  end

  it("a request without a time", function()
    assert.matches("header 'x%-amz%-date' is not", refused(request { headers = { host = "h" } }))
  end)

  for name, case in pairs {
    ["a missing method"] = { { method = "" }, "method is missing" },
    ["a method with a line break"] = { { method = "GET\nhush" }, "method is not a token" },
    ["a relative path"] = { { path = "hush" }, "path does not begin with '/'" },
    ["an empty path"] = { { path = "" }, "path is missing" },
    ["a query that is no string"] = { { query = {} }, "query is not a string" },
    ["a body that is no string"] = { { body = 12 }, "body is not a string" },
    ["headers that are no table"] = { { headers = "hush" }, "headers is not a table" },
  } do
    it(name, function() assert.matches(case[2], refused(request(case[1]))) end)
  end

  for name, case in pairs {
    ["no key id"] = { { secret_access_key = "hush" }, "access_key_id is missing" },
    ["a key id with a slash"] = {
      { access_key_id = "hush/hush", secret_access_key = "hush" }, "access_key_id is not a token",
    },
    ["no secret"] = { { access_key_id = "hush" }, "secret_access_key is missing" },
    ["an empty secret"] = {
      { access_key_id = "hush", secret_access_key = "" }, "secret_access_key is missing",
    },
    ["a secret that is no string"] = {
      { access_key_id = "hush", secret_access_key = 1 }, "secret_access_key is not a string",
    },
  } do
    it(name, function()
      local message = error_of(sigv4.authorization, request(), case[1], "us-west-2", "mgh")
      assert.matches("#2.*" .. case[2], message)
      assert.is_nil(message:find(HIDDEN, 1, true))
    end)
  end

  for _, region in ipairs { "", "us/west", "us\nwest", "us west", "us,west", "us\0west" } do
    it(("the region %q"):format(region), function()
      assert.matches("#3", error_of(sigv4.authorization, request(), CREDENTIALS, region, "mgh"))
      assert.matches("#2", error_of(sigv4.string_to_sign, request(), region, "mgh"))
    end)
  end

  it("arguments of the wrong type", function()
    assert.matches("#1", error_of(sigv4.canonical_request, "x"))
    assert.matches("#1", error_of(sigv4.authorization, nil, CREDENTIALS, "us-west-2", "mgh"))
    assert.matches("#2", error_of(sigv4.signature, request(), "x", "us-west-2", "mgh"))
    assert.matches("#4", error_of(sigv4.signature, request(), CREDENTIALS, "us-west-2"))
  end)
end)

describe("lmigrationhub.sigv4.string_to_sign", function()
  it("names algorithm, time, scope and the canonical request", function()
    local canonical = sigv4.canonical_request(request())
    assert.equal(table.concat({
      "AWS4-HMAC-SHA256", "20150830T123600Z", "20150830/us-west-2/mgh/aws4_request",
      digest.sha256(canonical),
    }, "\n"), sigv4.string_to_sign(request(), "us-west-2", "mgh"))
  end)

  it("refuses wrong arguments by their place", function()
    assert.matches("#1", error_of(sigv4.string_to_sign, "x", "us-west-2", "mgh"))
    assert.matches("#2", error_of(sigv4.string_to_sign, request(), "us west", "mgh"))
    assert.matches("#3", error_of(sigv4.string_to_sign, request(), "us-west-2"))
  end)
end)

describe("lmigrationhub.sigv4, where OpenSSL refuses,", function()
  local library
  setup(function() library = faults.compile "refusals" end)
  teardown(function() os.remove(library) end)

  -- One that fails must leave no half-made key to the one after it.
  local SCRIPT = [[
    local sigv4 = require "lmigrationhub.sigv4"
    local function sign()
      return select(2, pcall(sigv4.signature, {
        method = "POST", path = "/", body = "{}",
        headers = { Host = "mgh.us-west-2.amazonaws.com", ["X-Amz-Date"] = "20150830T123600Z" },
      }, { secret_access_key = "secret" }, "us-west-2", "mgh"))
    end
    print(sign())
    print(sign())
  ]]
  -- Hashes are made of the body, of the canonical request, of what a cached key is known by; a key
  -- is derived in four steps and then signs.
  for refusal, message in pairs {
    ["SHA256 1"] = "OpenSSL refuses SHA-256",
    ["SHA256 2"] = "OpenSSL refuses SHA-256",
    ["SHA256 3"] = "OpenSSL refuses HMAC-SHA-256",
    ["HMAC 1"] = "OpenSSL refuses HMAC-SHA-256",
    ["HMAC 4"] = "OpenSSL refuses HMAC-SHA-256",
    ["HMAC 5"] = "OpenSSL refuses HMAC-SHA-256",
  } do
    it("says so and signs the next: " .. refusal, function()
      assert.equal(("%s\n%s\nexit 0"):format(message, signature()),
        faults.run_in(library, ("REFUSE='%s'"):format(refusal), SCRIPT))
    end)
  end
end)

describe("lmigrationhub.sigv4 the module", function()
  it("needs nothing but Lua, libc and the four calls of OpenSSL", function()
    local symbols = output_of("nm -D --undefined-only " .. module_path())
    if symbols:find("__asan_init", 1, true) then pending("a build with sanitizers") end
    local found = {}
    for kind, symbol in symbols:gmatch("(%a) ([^\n]+)") do
      local name = symbol:match("^[^@]+")
      local is_libc = kind == "w" or symbol:find("@GLIBC_", 1, true)
      if ALLOWED_SYMBOLS[name] then
        found[name] = true
      elseif not is_libc then
        assert.matches("^luaL?_", name)
      end
    end
    assert.same(ALLOWED_SYMBOLS, found)
  end)

  it("exports nothing but its door", function()
    local symbols = output_of("nm -D --defined-only " .. module_path())
    assert.matches("^%x+ T luaopen_lmigrationhub_sigv4\n$", symbols)
  end)
end)

local folder = os.getenv("CONFORMANCE")

local function read_cases()
  local file = assert(io.open(folder .. "/sigv4/cases.json", "rb"))
  local cases = cjson.decode(file:read("*a")).cases
  file:close()
  return cases
end

local function from_base64(text)
  local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local bytes, bits, held = {}, 0, 0
  for letter in text:gmatch("[%w+/]") do
    bits, held = bits * 64 + ALPHABET:find(letter, 1, true) - 1, held + 6
    if held >= 8 then
      held = held - 8
      bytes[#bytes + 1] = string.char(math.floor(bits / 2 ^ held))
      bits = bits % 2 ^ held
    end
  end
  return table.concat(bytes)
end

-- The list of pairs with what the signer's caller adds. A folded value is unfolded as a server
-- does before it looks at it (RFC 9112, section 5.2): the signer itself refuses line breaks.
local function case_headers(case)
  local headers = { ["X-Amz-Date"] = case.context.timestamp_basic }
  local token = case.context.session_token
  if token ~= cjson.null and not case.context.omit_session_token then
    headers["X-Amz-Security-Token"] = token
  end
  if case.context.sign_body then headers["x-amz-content-sha256"] = case.expect.payload_hash end
  for _, pair in ipairs(case.request.headers) do
    local name, value = pair[1], pair[2]:gsub("\n%s+", " ")
    headers[name] = headers[name] or {}
    table.insert(headers[name], value)
  end
  return headers
end

local function case_request(case)
  local query = case.request.query
  return {
    method = case.request.method,
    path = case.request.path,
    query = query ~= cjson.null and query or nil,
    headers = case_headers(case),
    body = from_base64(case.request.body_base64),
    normalize = case.context.normalize,
  }
end

describe("lmigrationhub.sigv4 conformance", function()
  if not folder then
    pending("set CONFORMANCE to the folder with the public cases")
    return
  end

  for _, case in ipairs(read_cases()) do
    it(case.name, function()
      local made, context, expect = case_request(case), case.context, case.expect
      local region, service = context.region, context.service
      local canonical, names = sigv4.canonical_request(made)
      assert.equal(expect.canonical_request, canonical)
      assert.equal(expect.signed_headers, names)
      assert.equal(expect.string_to_sign, sigv4.string_to_sign(made, region, service))
      assert.equal(expect.signature, sigv4.signature(made, context, region, service))
      assert.equal(expect.authorization, sigv4.authorization(made, context, region, service))
    end)
  end
end)
