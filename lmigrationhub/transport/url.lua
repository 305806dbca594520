-- A URL as a transport inside nginx needs it.

local DEFAULT_PORTS = { http = 80, https = 443 }

---@class lmigrationhub.Destination
---@field scheme "http"|"https"
---@field authority string  host and port as they were written
---@field host string       lower case
---@field port integer
---@field is_address boolean of IPv4 or IPv6
---@field target string     path and query
---@field shown string      for messages: neither user nor query
---@field pool string       name of a pool of connections that may be taken for one another

local function parse_host(host)
  if host:find "^%[[%x:.]+%]$" or host:find "^%d+%.%d+%.%d+%.%d+$" then return host, true end
  return host:match "^[%w_][%w._-]*$", false
end

--- Takes a URL apart.
---@param url string
---@return lmigrationhub.Destination? nil when it is no URL of ours
local function parse(url)
  local scheme, authority, path, query = tostring(url):match "^(%a+)://([^/?#]+)([^?#]*)([^#]*)"
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then return nil end
  local name, digits = authority:match "^(.*):(%d+)$"
  local host, is_address = parse_host((name or authority):lower())
  local port = digits and tonumber(digits) or DEFAULT_PORTS[scheme]
  if not host or port < 1 or port > 65535 then return nil end
  return {
    scheme = scheme,
    authority = authority,
    host = host,
    port = port,
    is_address = is_address,
    target = (path == "" and "/" or path) .. query,
    shown = scheme .. "://" .. authority .. path,
    -- A connection out of the pool is not verified again, so the pool's name says all that the
    -- verification depends on: the host; with https always its name; the one trust that nginx has.
    pool = ("lmigrationhub|%s://%s:%d"):format(scheme, host, port),
  }
end

return { parse = parse }
