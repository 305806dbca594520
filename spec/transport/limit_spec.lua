-- The limit, alone in a worker. Its work among requests is the matter of nginx_spec.

local server = require "spec.transport.nginx.server"

-- What each run begins with: a limit of two, its holders, and who of them is gone.
local PRELUDE = [[
local limits = require "lmigrationhub.transport.limit"
local gone = {}
local limit = limits.new("place", 2, function(holder) return gone[holder] == true end)
local function new_holder(name)
  return setmetatable({}, { __tostring = function() return name end })
end
local a, b, c, d = new_holder "a", new_holder "b", new_holder "c", new_holder "d"
local function soon() ngx.update_time() return ngx.now() + 0.05 end
local function names()
  local list = {}
  for _, holder in ipairs(limit.holders) do list[#list + 1] = tostring(holder) end
  table.sort(list)
  return table.concat(list)
end
]]

describe("lmigrationhub.transport.limit", function()
  local worker

  lazy_setup(function() worker = server.start("http://127.0.0.1:1", "/dev/null") end)
  lazy_teardown(function() worker:stop() end)

  local function run(text) return worker:run(PRELUDE .. text) end

  it("lets as many in as there are places, and no more in time", function()
    assert.same({ true, true, false, "ab" }, { run [[
      return limit:enter(a, soon()), limit:enter(b, soon()), limit:enter(c, soon()), names()
    ]] })
  end)

  it("takes a place back once, whoever leaves first", function()
    assert.same({ "b", true, "bc", false, "", true }, { run [[
      limit:enter(a, soon()) limit:enter(b, soon())
      limit:leave(a) limit:leave(a)
      local after = names()
      local third, holders = limit:enter(c, soon()), names()
      local fourth = limit:enter(d, soon())
      limit:leave(b) limit:leave(c)
      return after, third, holders, fourth, names(), limit:enter(d, soon())
    ]] })
  end)

  it("hands a place over in the order of who waits, not to who comes again", function()
    assert.equal("cdab", (run [[
      local order = {}
      limit:enter(a, soon()) limit:enter(b, soon())
      local threads = {}
      for index, holder in ipairs { c, d } do
        threads[index] = ngx.thread.spawn(function()
          assert(limit:enter(holder, soon()))
          order[#order + 1] = tostring(holder)
          ngx.sleep(0.01)
          limit:leave(holder)
        end)
      end
      limit:leave(a) limit:leave(b)
      for _, holder in ipairs { a, b } do
        assert(limit:enter(holder, ngx.now() + 1))
        order[#order + 1] = tostring(holder)
      end
      for _, thread in ipairs(threads) do ngx.thread.wait(thread) end
      return table.concat(order)
    ]]))
  end)

  it("finds the places of those who are gone", function()
    assert.same({ true, "bc" }, { run [[
      limit:enter(a, soon()) limit:enter(b, soon())
      gone[a] = true
      return limit:enter(c, ngx.now() + 1), names()
    ]] })
  end)

  it("loses no place to one who was ended while waiting", function()
    assert.same({ true, true, "cd" }, { run [[
      limit:enter(a, soon()) limit:enter(b, soon())
      local waiting = ngx.thread.spawn(function() limit:enter(new_holder "e", ngx.now() + 5) end)
      limit:leave(a) -- the place is on its way
      ngx.thread.kill(waiting)
      limit:leave(b)
      return limit:enter(c, ngx.now() + 1), limit:enter(d, ngx.now() + 1), names()
    ]] })
  end)
end)
