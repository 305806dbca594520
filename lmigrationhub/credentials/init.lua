-- The chain: asks one provider after the other, at the first call, and keeps what the first one
-- had. A provider takes the settings and gives credentials; or nil and why it has none; or nil,
-- what is wrong and true, which ends the search: half of a key pair is a mistake, not an absence.

local environment = require "lmigrationhub.credentials.environment"
local errors = require "lmigrationhub.errors"
local explicit = require "lmigrationhub.credentials.explicit"

local CHAIN = { explicit, environment }

local function failure(code, message)
  return errors.new { kind = "credentials", code = code, message = message }
end

local function search(settings)
  local reasons = {}
  for _, provider in ipairs(CHAIN) do
    local credentials, reason, is_broken = provider.load(settings)
    if credentials then return credentials end
    reason = provider.name .. ": " .. reason
    if is_broken then return nil, failure("InvalidCredentials", reason) end
    reasons[#reasons + 1] = reason
  end
  local all = table.concat(reasons, "; ")
  return nil, failure("NoCredentials", "unable to locate credentials (" .. all .. ")")
end

--- Makes the source of a client's credentials. It is a function, so that no dump of a client shows
--- a secret.
---@param settings table of config.lua
---@return fun(): lmigrationhub.Credentials?, lmigrationhub.Error?
local function new(settings)
  local kept
  return function()
    if kept then return kept end
    local credentials, problem = search(settings)
    kept = credentials
    return credentials, problem
  end
end

return { new = new }
