-- A busted helper (--helper): the collector never rests, and a full collection falls on one in so
-- many steps of the tests, 401 or what COLLECT_EVERY says: odd, so that it falls on another place
-- of a loop each time. LuaJIT counts only the steps that it interprets.
local STEPS = tonumber(os.getenv "COLLECT_EVERY" or 401) -- instructions

local function collect() collectgarbage() end

collectgarbage("setpause", 0)
collectgarbage("setstepmul", 1000)
debug.sethook(collect, "", STEPS)

if rawget(_G, "jit") then
  require("jit").off() -- there the hook is that of all coroutines
  return
end

local create = coroutine.create

local function take(ok, ...)
  if not ok then error(..., 0) end
  return ...
end

function coroutine.create(fn)
  local made = create(fn)
  debug.sethook(made, collect, "", STEPS)
  return made
end

function coroutine.wrap(fn)
  local made = coroutine.create(fn)
  return function(...) return take(coroutine.resume(made, ...)) end
end
