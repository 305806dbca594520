-- A file requires only files on lower floors, and the world is touched only where it may be.

local FLOORS = {
  { "sigv4", "utf8", "curl", "digest", "posix", "transport.clock", "transport.failure" },
  { "errors", "json", "operations", "settings", "endpoint", "reader", "timestamp",
    "shared_config", "rate_limiter", "user_agent", "transport.http1", "transport.url",
    "transport.limit", "transport.scheduler", "transport.light_threads",
    "transport.shared_dict" },
  { "sign_in", "transport.exchange" },
  { "request", "response", "retry", "clock_skew", "config", "tokens", "credentials.*",
    "transport.script", "transport.nginx" },
  { "call", "pagination", "concurrency", "follow", "credentials", "transport" },
  { "client" },
  { "init" },
}

-- Of others: lua-cjson, and what comes with nginx's Lua module.
local BUNDLED = { cjson = true, ["ngx.semaphore"] = true }

-- Who may name what: Lua patterns of the name, and of the modules.
local BORDERS = {
  { "require[%s(]*[\"']cjson", "^json$" },
  { "%f[%w_]ngx%f[^%w_]", "^transport%f[^%w_]" },
  { "os%.getenv", "^config$", "^shared_config$", "^credentials%f[^%w_]" },
  { "io%.open", "^config$", "^shared_config$", "^credentials%f[^%w_]" },
  { "io%.popen", "^config$", "^shared_config$", "^credentials%f[^%w_]" },
}

local function lines(command)
  local pipe = assert(io.popen(command))
  local found = {}
  for line in pipe:lines() do table.insert(found, line) end
  pipe:close()
  return found
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function module_of(path)
  local name = path:match "^lmigrationhub/(.*)%.lua$":gsub("/init$", ""):gsub("/", ".")
  return name
end

local function without_comments(text)
  return (text:gsub("%-%-%[(=*)%[.-%]%1%]", ""):gsub("%-%-[^\n]*", ""))
end

local function floor_of(name)
  for height, floor in ipairs(FLOORS) do
    for _, module in ipairs(floor) do
      local any = module:match "^(.*%.)%*$"
      if module == name or any and name:sub(1, #any) == any then return height end
    end
  end
end

local function problems_of(path, text)
  local name, problems = module_of(path), {}
  local own = floor_of(name)
  if not own then return { name .. " is on no floor" } end
  local _, mentions = text:gsub("%f[%w_]require%f[^%w_]", "")
  for _, required in text:gmatch "%f[%w_]require%s*%(?%s*([\"'])([^\"']+)%1" do
    mentions = mentions - 1
    local module = required == "lmigrationhub" and "init" or required:match "^lmigrationhub%.(.+)$"
    local height = module and floor_of(module)
    if module and not (height and height < own) then
      table.insert(problems, name .. " requires " .. module)
    elseif not module and not BUNDLED[required] then
      table.insert(problems, name .. " requires " .. required)
    end
  end
  if mentions > 0 then table.insert(problems, name .. " computes what it requires") end
  return problems
end

local function may(name, border)
  for i = 2, #border do
    if name:find(border[i]) then return true end
  end
  return false
end

local function crossings_of(path, text)
  local name, problems = module_of(path), {}
  for _, border in ipairs(BORDERS) do
    if text:find(border[1]) and not may(name, border) then
      table.insert(problems, name .. " names " .. text:match(border[1]))
    end
  end
  return problems
end

describe("the floors", function()
  local paths = lines "find lmigrationhub -name '*.lua' ! -name types.lua | sort"

  it("hold at least the door", function()
    assert.truthy(table.concat(paths, " "):find("lmigrationhub/init.lua", 1, true))
  end)

  for _, path in ipairs(paths) do
    it("carry " .. path, function()
      assert.same({}, problems_of(path, without_comments(read(path))))
    end)

    it("keep " .. path .. " within its borders", function()
      assert.same({}, crossings_of(path, without_comments(read(path))))
    end)
  end

  local VIOLATIONS = {
    ["lmigrationhub/json.lua"] = "local request = require \"lmigrationhub.request\"",
    ["lmigrationhub/retry.lua"] = "local response = require('lmigrationhub.response')",
    ["lmigrationhub/client.lua"] = "local init = require \"lmigrationhub\"",
    ["lmigrationhub/nowhere.lua"] = "return {}",
    ["lmigrationhub/config.lua"] = "require(\"lmigrationhub.\" .. name)",
    ["lmigrationhub/errors.lua"] = "require \"socket.core\"",
  }
  for path, text in pairs(VIOLATIONS) do
    it("refuse " .. text .. " in " .. path, function()
      assert.equal(1, #problems_of(path, text))
    end)
  end

  local CROSSINGS = {
    ["lmigrationhub/response.lua"] = "require \"cjson.safe\"",
    ["lmigrationhub/client.lua"] = "return ngx and ngx.now",
    ["lmigrationhub/retry.lua"] = "os.getenv \"HOME\"",
    ["lmigrationhub/endpoint.lua"] = "io.open(path)",
  }
  for path, text in pairs(CROSSINGS) do
    it("refuse " .. text .. " in " .. path, function()
      assert.equal(1, #crossings_of(path, text))
    end)
  end
end)
