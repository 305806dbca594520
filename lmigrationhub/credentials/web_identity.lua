-- A role's credentials for a token that somebody else signed, as Kubernetes does for service
-- accounts: AssumeRoleWithWebIdentity. The file is read at each fetch, because its token changes,
-- and sent as it is.

local function read(path, context)
  local file, message = context.open(path, "rb")
  if not file then return nil, message end
  local token
  token, message = file:read "*a"
  file:close()
  if token and token ~= "" then return token end
  return nil, path .. ": " .. (message or "empty")
end

local function load(settings, context)
  local path, role = settings.web_identity_token_file, settings.role_arn
  if not path then return nil, "no web identity token file is set" end
  if not role then return nil, "the web identity token file is set, but no role_arn", true end
  local token, message = read(path, context)
  if not token then return nil, "web identity token file: " .. message, true end
  return context.sts("AssumeRoleWithWebIdentity", {
    { "RoleArn", role },
    { "RoleSessionName", settings.role_session_name or context.session_name() },
    { "WebIdentityToken", token },
  })
end

return { name = "web identity", load = load }
