-- Picks the transport that does not block its host.
local script = require "lmigrationhub.transport.script"

---@param options lmigrationhub.TransportOptions?
---@return lmigrationhub.ScriptTransport
local function new(options)
  local nginx = rawget(_G, "ngx")
  if nginx and nginx.get_phase then
    error("lmigrationhub does not run inside nginx yet; it would block the worker", 2)
  end
  return script.new(options)
end

return { new = new }
