-- Credentials that the program gave as the option `credentials`: a table of them, or a function
-- that gives one. It is asked again only when its credentials end.

-- Name -> type, and whether it must be there.
local MEMBERS = {
  access_key_id = { "string", true },
  secret_access_key = { "string", true },
  session_token = { "string" },
  account_id = { "string" },
  expiration = { "number" },
}

local function copy(given)
  local credentials = {}
  for name, member in pairs(MEMBERS) do
    local value, form, is_required = given[name], member[1], member[2]
    if value == "" or type(value) ~= form and (value ~= nil or is_required) then
      return nil, ("they have no valid %s (a %s)"):format(name, form), true
    end
    credentials[name] = value
  end
  return credentials
end

local function load(settings)
  local given = settings.credentials
  if not given then return nil, "none given in code" end
  if type(given) == "table" then return copy(given) end
  local credentials, message = given()
  if type(credentials) == "table" then return copy(credentials) end
  if type(message) ~= "string" then message = "got " .. type(credentials) end
  return nil, "the function gave no credentials: " .. message, true, "CredentialsError"
end

return { name = "option credentials", load = load, is_late = true }
