-- busted output that a program can count. busted's own TAP output dies of a file that does not
-- load, and hides why.
local base = require "busted.outputHandlers.base"
local busted = require "busted"

-- Inside nginx `print` writes to its log.
local function write(line)
  io.write(line, "\n")
  io.flush()
end

return function()
  local handler = base()
  local count = 0

  local function report(verdict, name)
    count = count + 1
    write(("%s %d - %s"):format(verdict, count, (name:gsub("%s+", " "))))
  end

  local function test_end(element, _, status)
    if status == "success" then report("ok", handler.getFullName(element)) end
    if status == "pending" then report("ok", "# SKIP " .. handler.getFullName(element)) end
    return nil, true
  end

  local function broken(element, _, message, trace)
    report("not ok", handler.getFullName(element))
    local place = trace and trace.traceback or ""
    write("  " .. (tostring(message) .. "\n" .. place):gsub("%s+$", ""):gsub("\n", "\n  "))
    return nil, true
  end

  local function suite_end()
    write("1.." .. count)
    return nil, true
  end

  busted.subscribe({ "test", "end" }, test_end)
  busted.subscribe({ "failure" }, broken)
  busted.subscribe({ "error" }, broken)
  busted.subscribe({ "suite", "end" }, suite_end)
  return handler
end
