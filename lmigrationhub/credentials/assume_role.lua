-- A role that a profile names, assumed with the credentials of another profile (source_profile) or
-- of another provider (credential_source).

-- Lower case, as they are compared.
local SOURCES = { environment = true, ecscontainer = true, ec2instancemetadata = true }

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function from_profile(settings, context, name)
  local visited = {}
  for index, earlier in ipairs(settings.visited or {}) do visited[index] = earlier end
  visited[#visited + 1] = settings.profile or "default"
  local credentials, message, _, code = context.of_profile(name, visited)
  if credentials then return credentials end
  return nil, ("source_profile %s: %s"):format(name, message), true, code
end

local function from_source(context, name)
  if not SOURCES[name:lower()] then
    return nil, "credential_source must be Environment, EcsContainer or Ec2InstanceMetadata", true
  end
  local credentials, message, _, code = context.of_source(name:lower())
  if credentials then return credentials end
  return nil, ("credential_source %s: %s"):format(name, message), true, code
end

-- The credentials to assume the role with.
local function base(settings, context, profile)
  local other, source = text(profile.source_profile), text(profile.credential_source)
  if other and source then return nil, "both source_profile and credential_source are set", true end
  if other then return from_profile(settings, context, other) end
  if source then return from_source(context, source) end
  return nil, "role_arn needs source_profile or credential_source", true
end

-- The code that the role's trust may ask for; nil when it asks for none.
local function mfa_code(settings, serial)
  if not serial then return nil end
  if not settings.mfa_code then
    return nil, "mfa_serial is set: give the option mfa_code, a function(serial) that returns the "
      .. "current code"
  end
  local code, message = settings.mfa_code(serial)
  if type(code) == "string" and code:find "^%d+$" then return code end
  return nil, "the function mfa_code gave no code"
    .. (type(message) == "string" and ": " .. message or "")
end

-- Whole seconds; what is no number counts as not set.
local function duration(value)
  local digits = text(value)
  return digits and digits:match "^%d+$"
end

local function load(settings, context)
  local profile = settings.files.profiles[settings.profile or "default"]
  local role, serial = text(profile.role_arn), text(profile.mfa_serial)
  if not role then return nil, "no role_arn" end
  local credentials, message, is_broken, error_code = base(settings, context, profile)
  if not credentials then return nil, message, is_broken, error_code end
  local code, problem = mfa_code(settings, serial)
  if problem then return nil, problem, true end
  return context.sts("AssumeRole", {
    { "RoleArn", role },
    { "RoleSessionName", text(profile.role_session_name) or context.session_name() },
    { "ExternalId", text(profile.external_id) },
    { "DurationSeconds", duration(profile.duration_seconds) },
    { "SerialNumber", serial },
    { "TokenCode", code },
  }, credentials)
end

return { name = "assume role", load = load }
