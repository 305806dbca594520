-- What the client says of itself, by the convention of AWS's SDKs (user agent 2.1): names of the
-- library, of system and language, settings, and short ids of the features in use.

local RETRY_MODES = { standard = "E", adaptive = "F" }
local PAGINATION, CUSTOM_ENDPOINT = "C", "N"

-- By the name of the provider that the credentials came from.
local SOURCES = {
  ["option credentials"] = "e", environment = "g", profile = "n", ["assume role"] = "i",
  ["web identity"] = "q", sso = "s", login = "AD", process = "w", container = "z", imds = "0",
}

-- RFC 9110 tokens only: a name of the user's must not break the header.
local function token(text)
  return (text:gsub("[^%w!#$%%&'*+.^_`|~-]", "-"))
end

local function language()
  local jit = rawget(_G, "jit")
  if jit then return "lang/luajit#" .. token(jit.version:match("%d.*")) end
  return "lang/lua#" .. _VERSION:match("%d.*")
end

local function features(settings, source, is_paginated)
  local ids = { RETRY_MODES[settings.retry_mode] }
  if is_paginated then ids[#ids + 1] = PAGINATION end
  if settings.endpoint then ids[#ids + 1] = CUSTOM_ENDPOINT end
  ids[#ids + 1] = SOURCES[source]
  return "m/" .. table.concat(ids, ",")
end

--- Makes the User-Agent of a client's requests.
---@param version string of the library
---@param settings table of config.lua
---@return fun(source: string?, is_paginated: boolean): string source: the credentials' provider
local function new(version, settings)
  local parts = {
    "lmigrationhub/" .. version, "ua/2.1", "os/" .. (settings.os or "other"), language(),
    "cfg/retry-mode#" .. settings.retry_mode,
  }
  if settings.app_id then parts[#parts + 1] = "app/" .. token(settings.app_id) end
  local fixed, made = table.concat(parts, " ") .. " ", {}
  return function(source, is_paginated)
    local key = (is_paginated and "pages " or "") .. (source or "")
    local text = made[key]
    if not text then
      text = fixed .. features(settings, source, is_paginated)
      made[key] = text
    end
    return text
  end
end

return { new = new }
