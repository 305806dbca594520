-- README.md shows nothing that does not work. A ```sh block runs as printed, from the project's
-- root, with a new HOME and a local hub's settings; a ```lua block compiles, and one that begins
-- with `-- examples/<file>` goes on with that file's contents.
local http = require "socket.http"
local server = require "spec.hub.server"

-- Lines that other steps run: this run itself, the install spec, the test of `make hub` below.
local ELSEWHERE = { "^make test$", "^luarocks make ", "^make hub$" }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function blocks_of(language)
  local blocks = {}
  for tag, text in ("\n" .. read "README.md"):gmatch "\n```(%w*)\n(.-)\n```" do
    if tag == language then table.insert(blocks, text .. "\n") end
  end
  return blocks
end

local function runs_elsewhere(line)
  for _, pattern in ipairs(ELSEWHERE) do
    if line:find(pattern) then return true end
  end
  return false
end

local function without_elsewhere(block)
  return (block:gsub("[^\n]*\n", function(line)
    return runs_elsewhere(line:sub(1, -2)) and "" or line
  end))
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function settings(environment)
  local words = {}
  for name, value in pairs(environment) do table.insert(words, name .. "=" .. quote(value)) end
  return table.concat(words, " ")
end

local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo $?"))
  local output, status = pipe:read "*a":match "^(.-)(%d+)\n$"
  pipe:close()
  return status == "0", output
end

describe("README.md", function()
  local hub, home

  setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    home = select(2, run "mktemp -d"):match "%S+"
  end)

  teardown(function()
    hub:stop()
    run("rm -rf " .. home)
  end)

  local printed = table.concat(blocks_of "sh")
  for _, command in ipairs { "make demo", "make test" } do
    it("prints " .. command, function()
      assert.truthy(("\n" .. printed):find("\n" .. command .. "\n", 1, true))
    end)
  end

  for _, block in ipairs(blocks_of "sh") do
    local script = without_elsewhere(block)
    if script ~= "" then
      it("prints what works: " .. script:gsub("%s+", " "), function()
        local command = "env HOME=%s %s sh -ec %s </dev/null"
        local ok, output = run(command:format(home, settings(hub.environment), quote(script)))
        assert(ok, output)
      end)
    end
  end

  for _, block in ipairs(blocks_of "lua") do
    it("prints Lua: " .. block:match "[^\n]*", function()
      assert(load(block))
    end)

    local path, text = block:match "^%-%- (examples/%S+)\n(.*)$"
    if path then
      it("prints " .. path .. " as it is", function()
        assert.equal(read(path), text)
      end)
    end
  end
end)

describe("README.md's nginx.conf", function()
  local hub, folder

  setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    folder = select(2, run "mktemp -d"):match "%S+"
    local file = assert(io.open(folder .. "/nginx.conf", "w"))
    file:write(blocks_of "nginx"[1])
    file:close()
  end)

  teardown(function()
    run("kill -QUIT $(cat " .. folder .. "/nginx.pid)")
    run("rm -rf " .. folder)
    hub:stop()
  end)

  it("serves a task's updates as printed", function()
    local root = select(2, run "pwd"):match "%S+"
    local environment = settings {
      AWS_ENDPOINT_URL_MIGRATION_HUB = hub.endpoint, AWS_REGION = hub.region,
      AWS_ACCESS_KEY_ID = hub.access_key_id, AWS_SECRET_ACCESS_KEY = hub.secret_access_key,
      LUA_PATH = ("%s/?.lua;%s/?/init.lua;;"):format(root, root),
      LUA_CPATH = root .. "/build/jit/?.so;;", HOME = folder,
    }
    local ok, output = run(
      ("env -u AWS_CA_BUNDLE %s PATH=$PATH:/usr/sbin nginx -p %s -e error.log -c nginx.conf")
        :format(environment, folder))
    assert(ok, output)
    local body = assert(http.request(
      "http://127.0.0.1:8080/updates?stream=SMS&task=sms-12de3cf1a"))
    local _, lines = body:gsub("\n", "")
    assert.equal(1284, lines, body)
    assert.truthy(body:find "COMPLETED 100 %%\n$")
  end)
end)

describe("make hub", function()
  it("prints its settings and ends upon Ctrl-C", function()
    local pipe = assert(io.popen "exec setsid sh -c 'echo $$; exec make hub' 2>&1")
    local group, settings_seen = pipe:read "*l", false
    for line in pipe:lines() do
      settings_seen = settings_seen or line:find("AWS_ENDPOINT_URL_MIGRATION_HUB=", 1, true)
      if line:find("AWS_REGION=", 1, true) then break end
    end
    os.execute("kill -INT -" .. group)
    local rest = pipe:read "*a" -- ends when the last process of the hub has ended
    pipe:close()
    assert.truthy(settings_seen, rest)
  end)
end)
