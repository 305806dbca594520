-- Page tokens: position, time of issue and a number of its own, sealed for one operation, account
-- and listing: base64(position ":" time "#" number ":" HMAC), in the documented alphabet.

local LIFETIME = 24 * 60 * 60 -- seconds

local secret
local count = 0

local function mac(position, issued, scope)
  return ngx.hmac_sha1(secret, ("%s:%s:%s"):format(position, issued, scope))
end

local function issue(position, issued, scope)
  count = count + 1
  issued = ("%.3f#%d"):format(issued, count)
  return ngx.encode_base64(("%d:%s:%s"):format(position, issued, mac(position, issued, scope)))
end

--- open(token, now, scope) -> position | nil: the token is unknown, of another listing or too old
local function open(token, now, scope)
  local position, issued, seal =
    (ngx.decode_base64(token) or ""):match("^(%d+):(%-?[%d.]+#%d+):(.+)$")
  if not position or seal ~= mac(position, issued, scope) then return nil end
  if now - tonumber(issued:match "^[^#]+") > LIFETIME then return nil end
  return tonumber(position)
end

--- Tokens of an earlier hub are unknown to this one.
local function start()
  local file = assert(io.open("/dev/urandom", "rb"))
  secret = file:read(20)
  file:close()
end

return { start = start, issue = issue, open = open }
