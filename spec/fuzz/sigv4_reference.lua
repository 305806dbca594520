-- AWS Signature Version 4 once more, slow and obvious: the AWS IAM User Guide, "Create a signed AWS
-- API request", step by step. What must be refused gives nil.

local sha256 = require("lmigrationhub.digest").sha256

local BLOCK = 64 -- bytes; RFC 2104

local function is_token(text)
  return text:find "^[A-Za-z0-9!#$%%&'*+.^_`|~-]+$" ~= nil
end

local function encode(text)
  return (text:gsub("[^A-Za-z0-9._~-]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function decode(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function normalize(path)
  local segments = {}
  for segment in path:gmatch "[^/]+" do
    if segment == ".." then
      segments[#segments] = nil
    elseif segment ~= "." then
      segments[#segments + 1] = segment
    end
  end
  local joined = "/" .. table.concat(segments, "/")
  return path:sub(-1) == "/" and joined ~= "/" and joined .. "/" or joined
end

local function canonical_path(request)
  local path = request.normalize == false and request.path or normalize(request.path)
  return (path:gsub("[^/]+", encode))
end

local function canonical_query(query)
  local pairs_of_it = {}
  for part in query:gmatch "[^&]+" do
    local name, value = part:match "^([^=]*)=?(.*)$"
    pairs_of_it[#pairs_of_it + 1] = { encode(decode(name)), encode(decode(value)) }
  end
  table.sort(pairs_of_it, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  for index, each in ipairs(pairs_of_it) do pairs_of_it[index] = each[1] .. "=" .. each[2] end
  return table.concat(pairs_of_it, "&")
end

-- nil if a value is one that cannot be sent.
local function canonical_value(values)
  if type(values) == "string" then values = { values } end
  local folded = {}
  for index, value in ipairs(values) do
    if value:find "[\r\n\0]" then return nil end
    folded[index] = value:gsub("[ \t]+", " "):gsub("^ ", ""):gsub(" $", "")
  end
  return table.concat(folded, ",")
end

local function canonical_headers(headers)
  local values, names = {}, {}
  for name, value in pairs(headers) do
    local lowered = name:lower()
    if not is_token(name) or values[lowered] then return nil end
    names[#names + 1] = lowered
    values[lowered] = canonical_value(value)
    if not values[lowered] then return nil end
  end
  table.sort(names)
  local time = values["x-amz-date"] or ""
  if not values.host or not time:find("^" .. ("%d"):rep(8) .. "T" .. ("%d"):rep(6) .. "Z$") then
    return nil
  end
  local lines = {}
  for index, name in ipairs(names) do lines[index] = name .. ":" .. values[name] .. "\n" end
  return table.concat(lines), table.concat(names, ";"), time
end

local function canonical_request(request)
  if not is_token(request.method) or not (request.path or ""):find "^/" then return nil end
  local headers, names, time = canonical_headers(request.headers)
  if not headers then return nil end
  return table.concat({
    request.method, canonical_path(request), canonical_query(request.query or ""), headers, names,
    sha256(request.body or ""),
  }, "\n"), names, time
end

local function scope(time, region, service)
  return table.concat({ time:sub(1, 8), region, service, "aws4_request" }, "/")
end

local function string_to_sign(canonical, time, region, service)
  if not is_token(region) or not is_token(service) then return nil end
  return table.concat({
    "AWS4-HMAC-SHA256", time, scope(time, region, service), sha256(canonical),
  }, "\n")
end

local function bytes(hex)
  return (hex:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function hexadecimal(text)
  return (text:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function hmac(key, message)
  if #key > BLOCK then key = bytes(sha256(key)) end
  key = key .. ("\0"):rep(BLOCK - #key)
  local function padded(with)
    return (key:gsub(".", function(byte) return string.char(byte:byte() ~ with) end))
  end
  return bytes(sha256(padded(0x5c) .. bytes(sha256(padded(0x36) .. message))))
end

local function authorization(text, names, key_id, secret, time, region, service)
  local key = "AWS4" .. secret
  for _, part in ipairs { time:sub(1, 8), region, service, "aws4_request" } do
    key = hmac(key, part)
  end
  return ("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s"):format(
    key_id, scope(time, region, service), names, hexadecimal(hmac(key, text)))
end

return {
  canonical_request = canonical_request,
  string_to_sign = string_to_sign,
  authorization = authorization,
}
