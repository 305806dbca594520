-- What a user installs, by LuaRocks or by make, for the Lua that runs this.

local http = require "socket.http"
local hubs = require "spec.hub.server"
local nginx = require "spec.nginx"

local VERSION = _VERSION:match "%d%.%d"
local LUA = jit and "luajit" or "lua" .. VERSION
local BUILD = jit and "jit" or VERSION
-- nginx brings an HTTP client of its own.
local NOT_FOR_NGINX = {
  ["lmigrationhub/curl.c"] = true,
  ["lmigrationhub/transport/scheduler.lua"] = true,
  ["lmigrationhub/transport/script.lua"] = true,
}
local ROCKSPECS = {
  ["lmigrationhub-scm-1.rockspec"] = {},
  ["lmigrationhub-0.1.0-1.rockspec"] = {},
  ["lmigrationhub-nginx-scm-1.rockspec"] = NOT_FOR_NGINX,
  ["lmigrationhub-nginx-0.1.0-1.rockspec"] = NOT_FOR_NGINX,
}

-- Debian's lua-cjson is no rock, and nothing may be fetched.
local LUAROCKS_CONFIG = [[
rocks_provided = { ["lua-cjson"] = "2.1.0-1" }
rocks_servers = {}
]]

-- The compiler of a machine that has no libcurl.
local COMPILER = [[
#!/bin/sh
case " $* " in *curl*) echo "there is no libcurl here"; exit 1 ;; esac
exec gcc "$@"
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

local function without(paths, left_out)
  local rest = {}
  for _, path in ipairs(paths) do
    if not left_out[path] then table.insert(rest, path) end
  end
  return rest
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

  it("has a rockspec for each package and version", function()
    local found = must("ls rockspec"):gmatch "%S+"
    for rockspec in found do assert.truthy(ROCKSPECS[rockspec], rockspec) end
  end)

  for rockspec, left_out in pairs(ROCKSPECS) do
    it("takes every module that it should with " .. rockspec, function()
      local taken = list(read("rockspec/" .. rockspec), "\"(lmigrationhub/[^\"]+)\"")
      assert.same(without(paths, left_out), taken)
    end)
  end

  local function luarocks_make(tree, rockspec, variables)
    return run(("cd %s && LUAROCKS_CONFIG=luarocks.lua luarocks --lua-version=%s"
      .. " --tree=$PWD/%s make rockspec/%s %s"):format(
        folder, VERSION, tree, rockspec, variables or ""))
  end

  it("works with LuaRocks, offline, into an empty tree", function()
    assert(luarocks_make("tree", "lmigrationhub-scm-1.rockspec"))
    local ok, output = load_from(folder .. "/tree")
    assert(ok, output)
  end)

  if jit then
    describe("for nginx, by LuaRocks, where there is no libcurl,", function()
      local VARIABLES = "LUA_INCDIR=/usr/include/luajit-2.1 CC=$PWD/compiler LD=$PWD/compiler"
      local hub, server

      lazy_setup(function()
        write(folder .. "/compiler", COMPILER)
        must("chmod +x " .. folder .. "/compiler")
        hub = hubs.start()
        server = nginx.new "install"
      end)
      lazy_teardown(function()
        server:stop()
        hub:stop()
      end)

      it("needs the package for it", function()
        local ok, output = luarocks_make("none", "lmigrationhub-scm-1.rockspec", VARIABLES)
        assert.is_false(ok)
        assert.matches("there is no libcurl here", output)
      end)

      it("gives a worker all that a listing needs", function()
        assert(luarocks_make("nginx", "lmigrationhub-nginx-scm-1.rockspec", VARIABLES))
        server:listen "port"
        server:start("spec/install/nginx.conf", {
          tree = folder .. "/nginx", ca_file = hub.ca_file,
          endpoint = hub.https_endpoint:gsub("127%.0%.0%.1", "localhost"),
          key = hub.access_key_id, secret = hub.secret_access_key,
        }, "port", "/ready", "env -C " .. folder .. "/empty")
        local answer = http.request(("http://127.0.0.1:%d/updates"):format(server.ports.port))
        assert.equal("1284", answer, server:error_log())
      end)
    end)
  end

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
