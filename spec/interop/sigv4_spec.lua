-- Random requests, signed by botocore and by us. Not made, as botocore has its own way with them:
-- headers that it never signs (user-agent, expect, transfer-encoding, x-amzn-trace-id),
-- x-amz-content-sha256 (which it takes for the body's hash), queries that are not percent-encoded
-- yet (it sorts what it finds), and blanks other than space and tab (it folds all of Unicode's).
local cjson = require "cjson"
local sigv4 = require "lmigrationhub.sigv4"

local SCRIPT = "spec/interop/sigv4_botocore.py"
local CASES = 200
local METHODS = { "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS" }
local REGIONS = { "us-east-1", "us-west-2", "eu-central-1", "cn-north-1", "us-gov-east-1" }
local SERVICES = { "mgh", "sts", "sso", "execute-api" }
local SEGMENTS = {
  "", "", ".", "..", "...", "a", "Example", "a b", "%20", "%2F", "%zz", "100%", "arn:aws:iam::1:x",
  "~-._", "'\"", "$delete", "a=b&c", "(*)!", "a;b,c", "plus+@", "[x]", "<>|\\^`{}",
  "ሴ", "naïve", "日本語", "😀",
}
local QUERY_PARTS = {
  "a", "A", "a-b", "ab", "a.b", "Param1", "Param-1", "%20", "%E1%88%B4", "%2B", "%3D", "~._-", "0",
}
local HEADER_NAMES = {
  "Content-Type", "X-Amz-Target", "My-Header", "My-Header1", "my-header-2", "MY_HEADER",
  "x-amz-security-token", "X-Amz-Meta", "Accept", "X", "x-y", "x.y", "A1", "Cache-Control",
}
local VALUES = {
  "", "value", " leading", "trailing  ", "  in   the\tmiddle\t ", "a,b", "\"a   b\"", "naïve",
  "x=y; z", "\t", "application/x-amz-json-1.1", "日本 語",
}

-- Park and Miller's generator: the same numbers under every Lua.
local seed = 20170531

local function roll(limit)
  seed = seed * 16807 % 2147483647
  return seed % limit + 1
end

local function pick(list) return list[roll(#list)] end

local function random_path()
  local segments = {}
  for i = 1, roll(7) - 1 do segments[i] = pick(SEGMENTS) end
  return "/" .. table.concat(segments, "/")
end

local function random_query()
  local pairs_of = {}
  for i = 1, roll(6) - 1 do
    local form = roll(3)
    pairs_of[i] = pick(QUERY_PARTS)
    if form > 1 then pairs_of[i] = pairs_of[i] .. "=" end
    if form > 2 then pairs_of[i] = pairs_of[i] .. pick(QUERY_PARTS) end
  end
  return table.concat(pairs_of, "&")
end

local function random_bytes(count)
  local bytes = {}
  for i = 1, count do bytes[i] = string.char(roll(256) - 1) end
  return table.concat(bytes)
end

local function random_headers()
  local headers = {}
  for _ = 1, roll(7) - 1 do
    local values = {}
    for i = 1, roll(3) do values[i] = pick(VALUES) end
    headers[pick(HEADER_NAMES)] = #values > 1 and values or values[1]
  end
  return headers
end

local function random_secret()
  local bytes = {}
  for i = 1, roll(80) do bytes[i] = string.char(32 + roll(94)) end
  return table.concat(bytes)
end

local function random_case()
  local request = {
    method = pick(METHODS), path = random_path(), query = random_query(),
    headers = random_headers(), body = random_bytes(roll(3) > 1 and roll(400) or 0),
  }
  request.headers.Host = "mgh.example.com"
  request.headers["X-Amz-Date"] = ("20%02d%02d%02dT%02d%02d%02dZ"):format(
    roll(99), roll(12), roll(28), roll(24) - 1, roll(60) - 1, roll(60) - 1)
  local credentials = { access_key_id = "AKID" .. roll(9999), secret_access_key = random_secret() }
  return { request, credentials, pick(REGIONS), pick(SERVICES) }
end

local function header_pairs(headers)
  local list = {}
  for name, value in pairs(headers) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      list[#list + 1] = { name, one }
    end
  end
  return list
end

local function to_hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function to_json(case)
  local request, credentials, region, service = case[1], case[2], case[3], case[4]
  return {
    method = request.method, host = request.headers.Host, path = request.path,
    query = request.query, headers = header_pairs(request.headers),
    time = request.headers["X-Amz-Date"],
    body_hex = to_hex(request.body),
    access_key_id = credentials.access_key_id, secret_access_key = credentials.secret_access_key,
    region = region, service = service,
  }
end

local function sign_by_botocore(cases)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(cjson.encode(cases))
  file:close()
  local pipe = assert(io.popen("/usr/bin/python3 " .. SCRIPT .. " <" .. name, "r"))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(name)
  return cjson.decode(output)
end

describe("lmigrationhub.sigv4 and botocore", function()
  it("sign random requests alike", function()
    local cases, as_json = {}, {}
    for i = 1, CASES do
      cases[i] = random_case()
      as_json[i] = to_json(cases[i])
    end
    local signed = sign_by_botocore(as_json)
    assert.equal(CASES, #signed)
    for i, case in ipairs(cases) do
      assert.equal(signed[i].canonical_request, (sigv4.canonical_request(case[1])))
      assert.equal(signed[i].authorization, sigv4.authorization(case[1], case[2], case[3], case[4]))
    end
  end)
end)
