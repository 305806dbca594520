-- The counter of coverage is counted on: a sample is instrumented, run, and its notes are read.

local SOURCE = [[
local function grade(a, b)
  if a and not b then return "one" end
  for _ = 1, 2 do if b == 2 then break end end
  return (a or "n" .. "one"), #"é"
end
return grade, function(...) return (...) or 1 end
]]

local function read(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function sorted_lines(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  table.sort(lines)
  return lines
end

describe("spec.coverage.instrument", function()
  local folder, copy, points

  setup(function()
    folder = read "mktemp -d":match "%S+"
    local file = assert(io.open(folder .. "/sample.lua", "wb"))
    file:write(SOURCE)
    file:close()
    points = read(("mkdir %s/to && root=$PWD && cd %s && "
      .. "env -u LUA_CPATH LUA_PATH=\"$root/?.lua;;\" lua5.1 $root/spec/coverage/instrument.lua "
      .. "%s/notes to sample.lua"):format(folder, folder, folder))
    copy = folder .. "/to/sample.lua"
  end)

  before_each(function() os.remove(folder .. "/notes") end)
  teardown(function() os.execute("rm -r " .. folder) end)

  local function notes() return sorted_lines(read(("cat %s/notes"):format(folder))) end

  it("finds statements, conditions, and what `and` and `or` decide by", function()
    local expected = {}
    for _, place in ipairs { "1:1", "2:3", "2:23", "3:3", "3:19", "3:34", "4:3", "6:1", "6:29" } do
      expected[#expected + 1] = "sample.lua reached " .. place
    end
    for _, place in ipairs { "2:6", "2:16", "3:22", "4:11", "6:37" } do
      expected[#expected + 1] = "sample.lua true " .. place
      expected[#expected + 1] = "sample.lua false " .. place
    end
    table.sort(expected)
    assert.same(expected, sorted_lines(points))
  end)

  it("notes what runs, once, and what it turns out to be", function()
    local grade = dofile(copy)
    grade(true, false)
    grade(true, false)
    assert.same({
      "sample.lua false 2:16", "sample.lua reached 1:1", "sample.lua reached 2:23",
      "sample.lua reached 2:3", "sample.lua reached 6:1", "sample.lua true 2:6",
    }, notes())
    grade(nil, 2)
    for _, value in ipairs { "nil", false, 3 } do grade(value, value) end
    select(2, dofile(copy))(nil)
    select(2, dofile(copy))(1)
    local all = {}
    for _, line in ipairs(notes()) do all[line] = true end
    for _, point in ipairs(sorted_lines(points)) do assert.is_true(all[point], point) end
  end)

  it("changes nothing of what the code gives", function()
    local grade, first = dofile(copy)
    assert.same({ "one" }, { grade(true) })
    assert.same({ "none", 2 }, { grade(false) })
    assert.same({ 5 }, { first(5, 6) })
  end)

  it("leaves every line where it was", function()
    local count = 0
    for line in io.lines(copy) do
      count = count + 1
      assert.truthy(#line >= #SOURCE:match("^" .. ("[^\n]*\n"):rep(count - 1) .. "([^\n]*)"))
    end
    assert.equal(select(2, SOURCE:gsub("\n", "")), count)
  end)
end)
