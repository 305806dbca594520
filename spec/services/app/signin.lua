-- The sign-in service of `aws login`: new keys for a refresh token and a proof (DPoP, RFC 9449),
-- which the openssl command line verifies.

local cjson = require "cjson"
local issue = require "spec.services.app.issue"

local LIFETIME = 900 -- seconds
local MAX_AGE = 60 -- seconds of a proof
-- What stands before the point of a P-256 public key, in DER.
local KEY_HEAD = ngx.decode_base64 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"

local function decode_url(text)
  local base64 = text:gsub("-", "+"):gsub("_", "/") .. ("="):rep(-#text % 4)
  return ngx.decode_base64(base64)
end

local function public_key(jwk)
  local der = KEY_HEAD .. decode_url(jwk.x) .. decode_url(jwk.y)
  local lines = ngx.encode_base64(der):gsub(("."):rep(64), "%0\n")
  return ("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n"):format(lines)
end

local function der_integer(bytes)
  bytes = bytes:gsub("^%z+", "")
  if bytes:byte() >= 0x80 then bytes = "\0" .. bytes end
  return "\2" .. string.char(#bytes) .. bytes
end

local function der_signature(raw)
  local pair = der_integer(raw:sub(1, 32)) .. der_integer(raw:sub(33))
  return "\48" .. string.char(#pair) .. pair
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function verify(text, signature, key)
  local folder = ngx.config.prefix() .. "proof-"
  write(folder .. "key.pem", key)
  write(folder .. "text", text)
  write(folder .. "signature", signature)
  local pipe = assert(io.popen(("openssl dgst -sha256 -verify %skey.pem -signature %ssignature "
    .. "%stext 2>&1"):format(folder, folder, folder)))
  local verdict = pipe:read "*a"
  pipe:close()
  return verdict == "Verified OK\n"
end

-- A proof's parts, and whether its signature is right.
local function read_proof(proof)
  local text, head, claims, signature = tostring(proof):match "^(([^.]+)%.([^.]+))%.([^.]+)$"
  if not text then return nil end
  head, claims = cjson.decode(decode_url(head)), cjson.decode(decode_url(claims))
  local raw, key = decode_url(signature), public_key(head.jwk)
  if #raw ~= 64 or not verify(text, der_signature(raw), key) then return nil end
  return { head = head, claims = claims, key = key }
end

local function is_right(proof, request)
  return proof and proof.head.typ == "dpop+jwt" and proof.head.alg == "ES256"
    and proof.claims.htm == "POST" and proof.claims.htu == request.url
    and math.abs(proof.claims.iat - ngx.time()) < MAX_AGE and #proof.claims.jti == 36
end

local function describe(request)
  request.action = request.method .. " " .. request.path
  request.fields = cjson.decode(request.body)
end

local function refuse(code)
  return { status = 400, body = { error = code, message = "refused" } }
end

local function answer(request, plan)
  local fields, proof = request.fields, read_proof(request.headers.dpop)
  if not is_right(proof, request) then return refuse "INVALID_PROOF" end
  request.fields.public_key = proof.key
  local is_known = request.action == "POST /v1/token" and fields.grantType == "refresh_token"
    and fields.clientId and tostring(fields.refreshToken):find "^login%-refresh%-"
  if not is_known then return refuse "TOKEN_EXPIRED" end
  local lifetime = plan.lifetime or LIFETIME
  local key = issue.new("login", lifetime)
  return { status = 200, body = {
    accessToken = {
      accessKeyId = key.access_key_id, secretAccessKey = key.secret_access_key,
      sessionToken = key.session_token,
    },
    tokenType = "aws_sigv4", expiresIn = lifetime,
    refreshToken = "login-refresh-" .. ngx.md5(key.secret_access_key),
  } }
end

return { describe = describe, answer = answer }
