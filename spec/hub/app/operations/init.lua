-- The handlers by operation name, one file for each family of operations.
--   paginated: handler(account, input, first, count) -> items as JSON, more follow? | nil, fault
--   others:    handler(account, input) -> result | nil, fault

local FAMILIES = { "updates" }

local handlers = {}
for _, family in ipairs(FAMILIES) do
  for name, handler in pairs(require("spec.hub.app.operations." .. family)) do
    handlers[name] = handler
  end
end
return handlers
