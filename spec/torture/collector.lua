-- A busted helper (--helper): the collector never rests, and a full collection falls on one in so
-- many steps of the tests. LuaJIT counts only the steps that it interprets.
local STEPS = 401 -- instructions; odd, so that it falls on another place of a loop each time

if rawget(_G, "jit") then require("jit").off() end
collectgarbage("setpause", 0)
collectgarbage("setstepmul", 1000)
debug.sethook(function() collectgarbage() end, "", STEPS)
