-- What is dropped, in any order and by the thousand, leaves nothing behind.

local curl = require "lmigrationhub.curl"
local descriptors = require "spec.descriptors"
local faults = require "spec.faults"
local migrationhub = require "lmigrationhub"
local transport = require "lmigrationhub.transport.script"

local CLIENTS = 2000
local GROWTH = 2048 -- kilobytes of noise
local REFERENCES = 10 -- noise: LuaJIT adds one now and then, whatever runs
local TIMEOUTS = { connect = 1, total = 5 }
local ANSWER = [[send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]]
local STALL = "stall()"
local PAGE = '{"ProgressUpdateStreamSummaryList":[],"NextToken":"a"}'

local server

setup(function() server = faults.start_server() end)
teardown(function() server:stop() end)

local function collect()
  for _ = 1, 4 do collectgarbage() end
end

local function resident_kilobytes()
  local file = assert(io.open "/proc/self/status")
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s+(%d+)")
end

local function registry_size()
  local count = 0
  for _ in next, debug.getregistry() do count = count + 1 end
  return count
end

-- Sanitizers and valgrind keep what is freed.
local function is_instrumented()
  return faults.read("grep -cE 'libasan|sanitized|vgpreload' /proc/$PPID/maps") ~= "0"
end

-- Park and Miller's generator: the same orders on each Lua.
local function dice(seed)
  return function(limit)
    seed = seed * 16807 % 2147483647
    return seed % limit + 1
  end
end

local function request(script)
  return { method = "POST", url = server.url .. "/", body = script, timeouts = TIMEOUTS }
end

local function new_client(own)
  return migrationhub.new {
    region = "us-west-2", endpoint = server.url, max_attempts = 1, transport = own,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
  }
end

-- A canned transport: its one page has a next one, for which a request is begun ahead.
local function canned()
  local made = {}
  function made:start() return self end
  function made.wait() return { status = 200, headers = {}, body = PAGE } end
  function made:send() return self:wait() end
  function made.sleep() end
  function made.close() end
  return made
end

local function drop(dropped, random)
  if random(4) == 1 and dropped.close then dropped:close() end
  if random(4) == 1 and dropped.cancel then dropped:cancel() end
end

-- Of four transfers the one that is not dropped.
local function start_four(multi, random)
  local transfers = {}
  for index = 1, 4 do transfers[index] = multi:start(request(ANSWER)) end
  return transfers[random(#transfers)]
end

local function drop_iterators(client)
  for _ = 1, 200 do
    local next_page = client:pages("list_progress_update_streams", {}, { prefetch = true })
    next_page()
  end
end

describe("what is dropped", function()
  it("may go in any order, while its requests are under way", function()
    collect()
    local before, random = descriptors(), dice(1)
    for _ = 1, 60 do
      local held = {}
      for _ = 1, 3 do
        local multi = curl.new()
        table.insert(held, multi)
        for _ = 1, random(3) do
          table.insert(held, multi:start(request(random(2) == 1 and ANSWER or STALL)))
        end
        if random(2) == 1 then multi:poll(0.001 * random(3)) end
      end
      while #held > 0 do
        drop(table.remove(held, random(#held)), random)
        collectgarbage()
      end
    end
    collect()
    assert.equal(before, descriptors())
  end)

  it("does not keep what stays from its work", function()
    local random = dice(2)
    for _ = 1, 20 do
      local multi = curl.new()
      local kept = start_four(multi, random)
      collectgarbage()
      while not kept:finished() do multi:poll(1) end
      assert.equal(200, (kept:result()))
      multi:close()
    end
  end)

  it("gives an error, not a crash, to whoever kept a part of it", function()
    local kept = curl.new():start(request(STALL))
    collect()
    assert.is_true(kept:finished())
    local status, message, kind = kept:result()
    assert.is_nil(status)
    assert.equal("connection", kind)
    assert.truthy(message:find("its client was closed", 1, true))
  end)

  it("is gone from a transport that stays", function()
    local stays = transport.new()
    for _ = 1, 50 do stays:start(request(STALL)) end
    collect()
    assert.equal(200, stays:send(request(ANSWER)).status)
    stays:close()
  end)

  it("is an iterator with a page on its way as well", function()
    collect()
    local before = registry_size()
    drop_iterators(new_client(canned()))
    collect()
    assert.is_true(registry_size() - before < REFERENCES)
  end)
end)

describe("two thousand clients", function()
  local function make(count, fn)
    for index = 1, count do
      if index % 50 == 0 then collectgarbage() end
      local own = transport.new()
      fn(new_client(own), own)
    end
    collect()
  end

  local function check(fn)
    make(100, fn) -- what libraries keep for the process
    local files, registry, size = descriptors(), registry_size(), resident_kilobytes()
    local words = collectgarbage "count"
    make(CLIENTS, fn)
    assert.equal(files, descriptors())
    assert.is_true(registry_size() - registry < REFERENCES)
    assert.is_true(collectgarbage "count" - words < GROWTH)
    if not is_instrumented() then
      assert.is_true(resident_kilobytes() - size < 4 * GROWTH, resident_kilobytes() - size)
    end
  end

  it("leave nothing when they were closed", function()
    check(function(client) client:close() end)
  end)

  it("leave nothing when they were dropped", function()
    check(function() end)
  end)

  it("leave nothing when they had connected", function()
    local count = 0
    check(function(client, own)
      count = count + 1
      if count % 10 == 0 then assert.equal(200, own:send(request(ANSWER)).status) end
      if count % 20 == 0 then client:close() end
      if count % 100 == 0 then collectgarbage() end
    end)
  end)
end)
