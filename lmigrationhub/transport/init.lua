-- Picks the transport that does not block its host. Only the one that is used is loaded: nginx is
-- not to map libcurl.

local function is_in_nginx()
  local nginx = rawget(_G, "ngx")
  return type(nginx) == "table" and nginx.get_phase ~= nil
end

---@param options lmigrationhub.TransportOptions?
---@return lmigrationhub.Transport
local function new(options)
  if is_in_nginx() then return require("lmigrationhub.transport.nginx").new(options) end
  return require("lmigrationhub.transport.script").new(options)
end

return { new = new }
