-- The handlers by operation name, one file for each family of operations.
--   paginated: handler(account, input, first, count) -> items (tables, or JSON), number of the next
--              item | nil; or nil, fault
--   others:    handler(account, input, context) -> result | nil, fault

local FAMILIES = { "streams", "tasks", "attachments", "applications" }

local handlers = {}
for _, family in ipairs(FAMILIES) do
  for name, handler in pairs(require("spec.hub.app.operations." .. family)) do
    handlers[name] = handler
  end
end
return handlers
