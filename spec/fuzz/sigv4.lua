-- The signer against a slow, obvious one. An input is text: the parts of a request, a line "--"
-- between them, then its headers, each "name:value|value".

local reference = require "spec.fuzz.sigv4_reference"
local sigv4 = require "lmigrationhub.sigv4"

local FLAGS = { yes = true, no = false }
local KEY_ID = "AKIDEXAMPLE"

local function split(text, separator)
  local parts, from = {}, 1
  for first, last in function() return text:find(separator, from, true) end do
    parts[#parts + 1] = text:sub(from, first - 1)
    from = last + 1
  end
  parts[#parts + 1] = text:sub(from)
  return parts
end

local function values_of(text)
  local values = split(text, "|")
  return #values > 1 and values or text
end

local function headers_of(parts, first)
  local headers = {}
  for index = first, #parts do
    local name, values = parts[index]:match "^([^:]*):?(.*)$"
    headers[name] = values_of(values)
  end
  return headers
end

local function read(input)
  local parts = split(input, "\n--\n")
  local request = {
    method = parts[1], path = parts[2], query = parts[3], body = parts[4],
    normalize = FLAGS[parts[5]], headers = headers_of(parts, 9),
  }
  return request, parts[6] or "", parts[7] or "", parts[8] or ""
end

-- Both refuse, or both give the same.
local function compare(what, expected, ok, given)
  if ok ~= (expected ~= nil) then
    error(("%s: expected %s, got %s"):format(what, expected or "a refusal", given), 0)
  end
  if ok and given ~= expected then
    error(("%s: expected\n%s\ngot\n%s"):format(what, expected, given), 0)
  end
end

return function(input)
  local request, region, service, secret = read(input)
  local credentials = { access_key_id = KEY_ID, secret_access_key = secret }
  local canonical_ok, canonical, names = pcall(sigv4.canonical_request, request)
  local text_ok, text = pcall(sigv4.string_to_sign, request, region, service)
  local header_ok, header = pcall(sigv4.authorization, request, credentials, region, service)
  local expected, expected_names, time = reference.canonical_request(request)
  compare("canonical request", expected, canonical_ok, canonical)
  if canonical_ok then compare("signed headers", expected_names, true, names) end
  local signed = expected and reference.string_to_sign(expected, time, region, service)
  compare("string to sign", signed, text_ok, text)
  local authorization = signed and secret ~= "" and reference.authorization(
    signed, expected_names, KEY_ID, secret, time, region, service) or nil
  compare("authorization", authorization, header_ok, header)
end
