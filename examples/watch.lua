-- Follows migration tasks in the terminal, a live progress bar for each, until all have ended:
--
--   lua5.4 examples/watch.lua [-n SECONDS] STREAM TASK [STREAM TASK ...]
--
-- It asks every 10 seconds, or as -n says. Where its output is no terminal, it prints a plain line
-- for each update. Exit status: 0 all COMPLETED, 1 one FAILED or an error, 2 usage, 130 Ctrl-C.
-- PUC Lua 5.1 follows one task after the other.

local migrationhub = require "lmigrationhub"

local BAR_WIDTH = 20
local COLORS = { COMPLETED = "\27[32m", FAILED = "\27[31m", IN_PROGRESS = "\27[36m" }
local PLAIN = "\27[0m"
local HEIGHT = 2 -- lines of a task
-- What a terminal would obey: C0 and DEL, C1, line ends and changes of the writing direction.
local CONTROLS = { "%c", "\194[\128-\159]", "\226\128[\168-\174]", "\226\129[\166-\169]" }

local function clean(text)
  for _, control in ipairs(CONTROLS) do text = text:gsub(control, " ") end
  return text
end

-- As much of a UTF-8 text as fits into so many columns. From U+1000 on characters may be wide.
local function cut(text, columns)
  local kept = {}
  for character in text:gmatch "[^\128-\191][\128-\191]*" do
    columns = columns - (character:byte() < 0xE1 and 1 or 2)
    if columns < 0 then break end
    kept[#kept + 1] = character
  end
  return table.concat(kept)
end

-- By the updates' own times: of the service's progress, not of our watching.
local function duration(seconds)
  local minutes = math.floor(seconds / 60)
  return ("%d:%02d:%02d"):format(math.floor(minutes / 60), minutes % 60, math.floor(seconds % 60))
end

local function rate(view)
  local hours = (view.time - view.start) / 3600
  local per_hour = hours > 0 and (view.percent - view.start_percent) / hours or 0
  if per_hour >= 60 then return ("%.1f %%/min"):format(per_hour / 60) end
  return ("%.1f %%/h"):format(per_hour)
end

local function lines_of(view)
  if not view.time then return view.name, "waiting for its first update" end
  local filled = math.floor(view.percent * BAR_WIDTH / 100)
  local bar = ("#"):rep(filled) .. ("."):rep(BAR_WIDTH - filled)
  return ("%s  %s  %s  %s"):format(view.name, view.status, duration(view.time - view.start),
    rate(view)), ("[%s] %3d %%  %s"):format(bar, view.percent, view.detail)
end

-- The newest update is what counts; false for one that comes late.
local function take(view, update)
  local time, state = update.UpdateDateTime or 0, update.MigrationTaskState or {}
  if view.time and time < view.time then return false end
  view.time, view.status = time, clean(state.Status or "?")
  view.percent = math.min(state.ProgressPercent or view.percent or 0, 100)
  view.detail = clean(state.StatusDetail or "")
  view.start, view.start_percent = view.start or time, view.start_percent or view.percent
  return true
end

-- Rows and columns; nothing when there is no terminal to draw on.
local function terminal_size()
  local is_terminal = os.execute "test -t 1"
  if is_terminal ~= true and is_terminal ~= 0 or os.getenv "TERM" == "dumb" then return nil end
  local pipe = io.popen "stty size 2>/dev/null </dev/tty"
  local rows, columns = pipe:read "*a":match "([1-9]%d*) ([1-9]%d*)"
  pipe:close()
  return tonumber(rows) or 24, tonumber(os.getenv "COLUMNS" or columns) or 80
end

local function print_line(view)
  local time = os.date("!%Y-%m-%d %H:%M:%S", math.floor(view.time))
  print(("%s  %s  %s"):format(time, lines_of(view)))
end

-- The cursor rests below the last task, and is back there after each write: whatever ends the
-- script leaves nothing to repair.
local function redrawer(count, columns)
  local has_colors = (os.getenv "NO_COLOR" or "") == ""
  return function(view)
    local below = HEIGHT * (count - view.place)
    local color = has_colors and COLORS[view.status]
    local parts = { ("\27[%dA"):format(below + HEIGHT) }
    for _, line in ipairs { lines_of(view) } do
      line = cut(line, columns)
      parts[#parts + 1] = "\r\27[2K" .. (color and color .. line .. PLAIN or line) .. "\n"
    end
    if below > 0 then parts[#parts + 1] = ("\27[%dB"):format(below) end
    io.write(table.concat(parts))
    io.flush()
  end
end

local function open_screen(views)
  local rows, columns = terminal_size()
  if not rows or HEIGHT * #views >= rows then
    io.stdout:setvbuf "line"
    return print_line
  end
  io.write(("\n"):rep(HEIGHT * #views))
  local redraw = redrawer(#views, columns)
  for _, view in ipairs(views) do redraw(view) end
  return redraw
end

-- true when every task has COMPLETED
local function watch(views, interval)
  local hub, show, completed = migrationhub.new(), open_screen(views), 0
  local function follow(view)
    for update in hub:follow(view.parameters, { interval = interval }) do
      if take(view, update) then show(view) end
    end
    if view.status == "COMPLETED" then completed = completed + 1 end
  end
  if #views == 1 then follow(views[1]) else hub:concurrently(views, #views, follow) end
  hub:close()
  print(("%d of %d COMPLETED"):format(completed, #views))
  return completed == #views
end

local function parse(words)
  local interval = words[1] == "-n" and (tonumber(words[2]) or 0) or nil -- 0 will be refused
  local views, first = {}, interval and 3 or 1
  for index = first, #words - 1, 2 do
    views[#views + 1] = {
      place = #views + 1, name = clean(words[index] .. "/" .. words[index + 1]),
      parameters = { ProgressUpdateStream = words[index], MigrationTaskName = words[index + 1] },
    }
  end
  local are_pairs = #views > 0 and #words == first - 1 + 2 * #views
  return are_pairs and views, interval
end

local views, interval = parse(arg)
if not views then
  io.stderr:write("usage: lua5.4 examples/watch.lua [-n SECONDS] STREAM TASK [STREAM TASK ...]\n")
  os.exit(2)
end

local ok, result = pcall(watch, views, interval)
if ok then os.exit(result and 0 or 1) end
local is_interrupted = tostring(result):find "interrupted!$" -- what the interpreter makes of Ctrl-C
io.stderr:write(is_interrupted and "" or tostring(result), "\n")
os.exit(is_interrupted and 130 or 1)
