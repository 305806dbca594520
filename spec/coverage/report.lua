-- What the specs reached: lua5.4 report.lua FOLDER. Writes report.txt there, prints the totals, and
-- fails when one has sunk below its floor.
-- Lua: a line is reached when every statement that begins on it is; a branch is an outcome of a
-- condition or of what `and` and `or` decide by. C: gcov's lines and branches.
local cjson = require "cjson"

-- Per cent: two points below what was measured.
local FLOORS = { C = { lines = 97, branches = 90 }, Lua = { lines = 97, branches = 93 } }

local folder = arg[1]

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- A line of a file: is it reached (nil: nothing begins on it), its branches, those not taken.
local function line_of(files, name, number)
  files[name] = files[name] or {}
  files[name][number] = files[name][number] or { branches = 0, lacking = {} }
  return files[name][number]
end

local function add_branch(line, taken, name)
  line.branches = line.branches + 1
  if not taken then table.insert(line.lacking, name) end
end

local function lua_files()
  local seen, files = {}, {}
  for note in io.lines(folder .. "/notes") do seen[note] = true end
  for point in io.lines(folder .. "/points") do
    local name, what, number = point:match "^(%S+) (%S+) (%d+):"
    local line = line_of(files, name, tonumber(number))
    if what == "reached" then
      line.reached = line.reached ~= false and seen[point] == true
    else
      add_branch(line, seen[point], what)
    end
  end
  return files
end

local function c_files()
  local files = {}
  for _, file in ipairs(cjson.decode(read(folder .. "/gcov.json")).files) do
    for _, counted in ipairs(file.lines) do
      local line = line_of(files, file.file, counted.line_number)
      if not counted["gcovr/noncode"] then line.reached = counted.count > 0 end
      for index, branch in ipairs(counted.branches) do
        add_branch(line, branch.count > 0, ("%d of %d"):format(index, #counted.branches))
      end
    end
  end
  return files
end

local function sorted(set)
  local keys = {}
  for key in pairs(set) do table.insert(keys, key) end
  table.sort(keys)
  return keys
end

local function add(counts, lines)
  for _, line in pairs(lines) do
    if line.reached ~= nil then counts.lines = counts.lines + 1 end
    if line.reached then counts.reached = counts.reached + 1 end
    counts.branches = counts.branches + line.branches
    counts.taken = counts.taken + line.branches - #line.lacking
  end
  return counts
end

local function no_counts() return { lines = 0, reached = 0, branches = 0, taken = 0 } end

local function percent(part, whole) return whole == 0 and 100 or 100 * part / whole end

local function row(name, counts)
  return ("%-43s%6.1f %% of %4d lines%7.1f %% of %4d branches"):format(name,
    percent(counts.reached, counts.lines), counts.lines,
    percent(counts.taken, counts.branches), counts.branches)
end

-- A file's lines and branches that were not reached, as text.
local function describe(name, lines)
  local unreached, untaken = {}, {}
  for _, number in ipairs(sorted(lines)) do
    local line = lines[number]
    if line.reached == false then table.insert(unreached, number) end
    if #line.lacking > 0 then
      table.insert(untaken, ("%d (%s)"):format(number, table.concat(line.lacking, ", ")))
    end
  end
  return ("%s\n  lines: %s\n  branches: %s"):format(
    name, table.concat(unreached, " "), table.concat(untaken, " "))
end

-- Writes a language's part of the report. Has it kept its floors?
local function report(out, language, files)
  local sum, details = no_counts(), {}
  for _, name in ipairs(sorted(files)) do
    add(sum, files[name])
    out:write(row(name, add(no_counts(), files[name])), "\n")
    table.insert(details, describe(name, files[name]))
  end
  local total = row("coverage of " .. language, sum)
  out:write(total, "\n\nnot reached:\n", table.concat(details, "\n"), "\n\n")
  print("# " .. total)
  local floor = FLOORS[language]
  return percent(sum.reached, sum.lines) >= floor.lines
    and percent(sum.taken, sum.branches) >= floor.branches
end

local out <close> = assert(io.open(folder .. "/report.txt", "w"))
local c_holds = report(out, "C", c_files())
local lua_holds = report(out, "Lua", lua_files())
local holds = c_holds and lua_holds
if not holds then print "coverage has sunk: see FLOORS in spec/coverage/report.lua" end
os.exit(holds, true)
