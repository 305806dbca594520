-- The states of applications. Any id is an application's: their repository is another service.

local store = require "spec.hub.app.store"

local function notify(account, input, context)
  account.applications:put(input.ApplicationId, {
    ApplicationId = input.ApplicationId,
    ApplicationStatus = input.Status,
    LastUpdatedTime = input.UpdateDateTime or context.now,
  })
  return {}
end

local function describe(account, input)
  local application = account.applications:get(input.ApplicationId)
  if not application then return nil, store.not_found("Application", input.ApplicationId) end
  return {
    ApplicationStatus = application.ApplicationStatus,
    LastUpdatedTime = application.LastUpdatedTime,
  }
end

local function list(account, input, first, count)
  if not input.ApplicationIds then return account.applications:slice(first, count) end
  local wanted = {}
  for _, id in ipairs(input.ApplicationIds) do wanted[id] = true end
  return account.applications:slice(first, count, function(application)
    return wanted[application.ApplicationId]
  end)
end

return {
  NotifyApplicationState = notify,
  DescribeApplicationState = describe,
  ListApplicationStates = list,
}
