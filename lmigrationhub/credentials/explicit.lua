-- Credentials that the program gave as the option `credentials`.

local function load(settings)
  if settings.credentials then return settings.credentials end
  return nil, "none given in code"
end

return { name = "option credentials", load = load }
