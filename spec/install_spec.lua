-- What a user installs, by LuaRocks or by make, for the Lua that runs this.

local VERSION = _VERSION:match "%d%.%d"
local LUA = jit and "luajit" or "lua" .. VERSION
local BUILD = jit and "jit" or VERSION
local ROCKSPECS = { "lmigrationhub-scm-1.rockspec", "lmigrationhub-0.1.0-1.rockspec" }

-- Debian's lua-cjson is no rock, and nothing may be fetched.
local LUAROCKS_CONFIG = [[
rocks_provided = { ["lua-cjson"] = "2.1.0-1" }
rocks_servers = {}
]]

local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo $?"))
  local output, status = pipe:read "*a":match "^(.-)(%d+)\n$"
  pipe:close()
  return status == "0", output
end

local function must(command)
  local ok, output = run(command)
  assert(ok, output)
  return output
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function list(text, pattern)
  local found = {}
  for item in text:gmatch(pattern) do table.insert(found, item) end
  table.sort(found)
  return found
end

local function sources()
  local found = must [[find lmigrationhub -name '*.lua' -o -name '*.c']]
  return list(found:gsub("%S*/types%.lua", ""), "%S+")
end

local function loader_of(paths)
  local lines = {}
  for _, path in ipairs(paths) do
    local name = path:gsub("%.%w+$", ""):gsub("/init$", ""):gsub("/", ".")
    table.insert(lines, ("assert(type(require %q) == 'table', %q)"):format(name, name))
  end
  return table.concat(lines, "\n")
end

describe("installing", function()
  local folder, paths

  setup(function()
    folder = must "mktemp -d":match "%S+"
    paths = sources()
    write(folder .. "/luarocks.lua", LUAROCKS_CONFIG)
    write(folder .. "/load.lua", loader_of(paths))
    must("mkdir " .. folder .. "/empty && cp -r lmigrationhub rockspec " .. folder)
  end)

  teardown(function()
    must("rm -rf " .. folder)
  end)

  -- Loads every module from `prefix`, far from the checkout.
  local function load_from(prefix)
    local share = ("%s/share/lua/%s/?"):format(prefix, VERSION)
    local path = ("LUA_PATH='%s.lua;%s/init.lua'"):format(share, share)
    local cpath = ("LUA_CPATH='%s/lib/lua/%s/?.so;;'"):format(prefix, VERSION)
    return run(("cd %s/empty && env -i PATH=\"$PATH\" %s %s %s ../load.lua")
      :format(folder, path, cpath, LUA))
  end

  for _, rockspec in ipairs(ROCKSPECS) do
    it("takes every module with " .. rockspec, function()
      assert.same(paths, list(read("rockspec/" .. rockspec), "\"(lmigrationhub/[^\"]+)\""))
    end)
  end

  it("works with LuaRocks, offline, into an empty tree", function()
    must(("cd %s && LUAROCKS_CONFIG=luarocks.lua luarocks --lua-version=%s"
      .. " --tree=$PWD/tree make rockspec/%s"):format(folder, VERSION, ROCKSPECS[1]))
    local ok, output = load_from(folder .. "/tree")
    assert(ok, output)
  end)

  it("works with make install", function()
    must(("make -s install LUA=%s PREFIX=%s/prefix"):format(BUILD, folder))
    local ok, output = load_from(folder .. "/prefix")
    assert(ok, output)
  end)

  it("is needed: from an empty folder nothing loads", function()
    local ok, output = load_from(folder .. "/empty")
    assert.is_false(ok)
    assert.truthy(output:find("module 'lmigrationhub", 1, true))
  end)
end)
