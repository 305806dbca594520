-- The examples as a person runs them, each against the local hub: in a pipe and in a terminal.

local migrationhub = require "lmigrationhub"
local server = require "spec.hub.server"

local unpack = table.unpack or unpack
-- PUC Lua 5.1 cannot leave an iterator to do something else meanwhile.
local HAS_CONCURRENCY = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil
local START = 1733907600 -- seconds: 2024-12-11 09:00:00 UTC
local EVIL = "\27[2J\194\155\7red\27[31m\226\128\174back\r\n!"

local function state(seconds, status, percent, detail)
  return {
    UpdateDateTime = START + seconds, UpdateType = "MIGRATION_TASK_STATE_UPDATED",
    MigrationTaskState = { Status = status, ProgressPercent = percent, StatusDetail = detail },
  }
end

local SEED = {
  region = "us-west-2",
  accounts = {
    {
      id = "123456789012",
      keys = { { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" } },
      streams = {
        {
          name = "SMS",
          tasks = {
            {
              name = "done",
              updates = {
                state(0, "NOT_STARTED", 0),
                state(600, "IN_PROGRESS", 25, "Copying"),
                state(7384, "COMPLETED", 100, "All there"),
              },
            },
            {
              name = "broken",
              updates = { state(0, "IN_PROGRESS", 10), state(60, "FAILED", 73, "Disk full") },
            },
            { name = "evil", updates = { state(0, "COMPLETED", 100, EVIL) } },
            { name = "wide", updates = { state(0, "COMPLETED", 100, ("複"):rep(50)) } },
            { name = "running", updates = { state(0, "IN_PROGRESS", 5, "Running") } },
            { name = "silent", updates = {} },
            { name = "long", generate = { updates = 321, start = START } },
          },
        },
      },
    },
  },
}

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function interpreter()
  local found, index = nil, -1
  while arg[index] do found, index = arg[index], index - 1 end
  return found
end

-- `{ …; echo status }` ends a command's output with its exit status.
local function with_status(command) return ("{ %s; } 2>&1; echo \"=$?\""):format(command) end

local function split_status(output)
  local text, status = output:match "^(.-)=(%d+)\n$"
  return text, tonumber(status)
end

-- `seen` and what else comes out, up to `text`.
local function read_until(pipe, seen, text)
  while not seen:find(text, 1, true) do seen = seen .. assert(pipe:read(1), seen) end
  return seen
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

local effects = {}

function effects.A(screen, count)
  screen.row = screen.row - tonumber(count)
  assert(screen.row >= 1, "above the first row")
end

function effects.B(screen, count) screen.row = screen.row + tonumber(count) end

function effects.K(screen, what)
  assert(what == "2", "erases less than the line")
  screen[screen.row] = ""
end

function effects.m(screen, color) screen.color = color end

local function put(screen, byte)
  if byte == "\r" then
    screen.column = 0
  elseif byte == "\n" then
    screen.row = screen.row + 1
  else
    assert(not byte:find "%c", "a control character")
    screen[screen.row] = (screen[screen.row] or ""):sub(1, screen.column) .. byte
    screen.column = screen.column + 1
  end
end

-- What a terminal shows after such output. It knows no sequence but those that may be used.
local function screen_of(output)
  local screen, place = { row = 1, column = 0, color = "0" }, 1
  while place <= #output do
    local parameter, name, after = output:match("^\27%[(%d*)([ABKm])()", place)
    if name then effects[name](screen, parameter) else put(screen, output:sub(place, place)) end
    place = after or place + 1
  end
  return screen
end

describe("the example", function()
  local hub, client, folder

  local function command(words, more)
    local settings = { "env -u NO_COLOR -u COLUMNS TERM=xterm" }
    for name, value in pairs(hub.environment) do
      settings[#settings + 1] = name .. "=" .. quote(value)
    end
    return ("%s %s timeout --foreground 60 %s examples/%s"):format(
      table.concat(settings, " "), more or "", interpreter(), words)
  end

  local function output_of(text)
    local pipe = assert(io.popen(with_status(text)))
    local output = pipe:read "*a"
    pipe:close()
    return split_status(output)
  end

  local function run(words, input) return output_of((input or "") .. command(words)) end

  -- In a terminal of its own, of unknown size.
  local function run_in_terminal(words, more)
    return output_of("script -qec " .. quote(command(words, more)) .. " /dev/null </dev/null")
  end

  local function tell(task, seconds, status, percent, detail)
    client:notify_migration_task_state {
      ProgressUpdateStream = "SMS", MigrationTaskName = task, NextUpdateSeconds = 60,
      UpdateDateTime = START + seconds,
      Task = { Status = status, ProgressPercent = percent, StatusDetail = detail },
    }
  end

  lazy_setup(function()
    hub = server.start { seed = SEED }
    client = migrationhub.new {
      region = hub.region, endpoint = hub.https_endpoint, ca_file = hub.ca_file,
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
    }
    folder = output_of "mktemp -d":match "%S+"
  end)
  lazy_teardown(function()
    client:close()
    hub:stop()
    os.execute("rm -rf " .. folder)
  end)
  before_each(function() hub:reset() end)

  for _, case in ipairs {
    "watch.lua", "watch.lua SMS", "watch.lua -n 1", "watch.lua SMS done SMS", "updates.lua SMS",
    "report_progress.lua SMS done", "resume.lua SMS done", "resume.lua SMS done file many",
  } do
    local name = case:match "%S+"
    it(case .. " says how it is used", function()
      local output, status = run(case)
      assert.truthy(output:find("^usage: lua5.4 examples/" .. name))
      assert.equal(2, status)
    end)
  end

  for _, case in ipairs { "watch.lua SMS no", "updates.lua SMS no", "resume.lua SMS no file" } do
    it(case .. " says that there is no such task", function()
      local output, status = run(case)
      assert.truthy(output:find("ListMigrationTaskUpdates: ResourceNotFoundException: ", 1, true))
      assert.equal(1, status)
    end)
  end

  describe("watch.lua", function()
    it("prints a line for each update where there is no terminal", function()
      local output, status = run "watch.lua SMS done"
      assert.same({
        "2024-12-11 09:00:00  SMS/done  NOT_STARTED  0:00:00  0.0 %/h  "
          .. "[....................]   0 %  ",
        "2024-12-11 09:10:00  SMS/done  IN_PROGRESS  0:10:00  2.5 %/min  "
          .. "[#####...............]  25 %  Copying",
        "2024-12-11 11:03:04  SMS/done  COMPLETED  2:03:04  48.8 %/h  "
          .. "[####################] 100 %  All there",
        "1 of 1 COMPLETED",
      }, lines_of(output))
      assert.equal(0, status)
    end)

    it("tells a failure by its exit status", function()
      local output, status = run "watch.lua SMS broken"
      assert.truthy(output:find "FAILED .* 73 %%  Disk full\n0 of 1 COMPLETED\n$")
      assert.equal(1, status)
    end)

    it("redraws in place in a terminal", function()
      local output, status = run_in_terminal "watch.lua SMS done"
      local screen = screen_of(output)
      assert.equal(0, status)
      assert.same({
        "SMS/done  COMPLETED  2:03:04  48.8 %/h",
        "[####################] 100 %  All there",
        "1 of 1 COMPLETED",
      }, { screen[1], screen[2], screen[3] })
      assert.equal(4, screen.row)
      assert.equal("0", screen.color)
      local _, redraws = output:gsub("\27%[2A", "")
      assert.equal(4, redraws)
      assert.truthy(output:find("waiting for its first update", 1, true))
      assert.truthy(output:find("\27[36m[#####...............]  25 %  Copying\27[0m", 1, true))
    end)

    it("uses no colors where NO_COLOR is set, and no redrawing where TERM is dumb", function()
      local output = run_in_terminal("watch.lua SMS done", "NO_COLOR=1")
      assert.falsy(output:find "\27%[%d*m")
      assert.truthy(output:find("\27[2K", 1, true))
      output = run_in_terminal("watch.lua SMS done", "TERM=dumb")
      assert.falsy(output:find "\27")
      assert.equal(4, #lines_of(output))
    end)

    it("prints no control characters of the service's text", function()
      for _, run_somewhere in ipairs { run_in_terminal, run } do
        local text = table.concat(screen_of((run_somewhere "watch.lua SMS evil")), "\n")
        assert.truthy(text:find(" 100 %   [2J  red [31m back  !", 1, true))
        assert.falsy(text:find "[\128-\255]")
      end
    end)

    it("cuts what is wider than the terminal, wide characters too", function()
      local output = run_in_terminal("watch.lua SMS wide", "COLUMNS=43")
      local screen = screen_of(output)
      assert.equal("[####################] 100 %  " .. ("複"):rep(6), screen[2])
      assert.equal("1 of 1 COMPLETED", screen[3])
    end)

    it("shows updates as they come, and ends with the task", function()
      local pipe = assert(io.popen(with_status(command "watch.lua -n 0.02 SMS silent")))
      local told = {
        { 0, "NOT_STARTED", 0, "Told first" }, { 60, "IN_PROGRESS", 40, "Told second" },
        { 120, "COMPLETED", 100, "Told last" },
      }
      for _, update in ipairs(told) do
        tell("silent", unpack(update))
        assert.truthy(pipe:read "*l":find(update[4] .. "$"))
      end
      local output, status = split_status(pipe:read "*a")
      pipe:close()
      assert.equal("1 of 1 COMPLETED\n", output)
      assert.equal(0, status)
    end)

    it("follows several tasks" .. (HAS_CONCURRENCY and " at once" or ""), function()
      local words = "watch.lua -n 0.02 SMS running SMS done SMS broken SMS silent"
      local pipe = assert(io.popen("script -qec " .. quote(command(words)) .. " /dev/null "
        .. "</dev/null; echo \"=$?\""))
      local order = HAS_CONCURRENCY and { "silent", "running" } or { "running", "silent" }
      local seen = ""
      for _, task in ipairs(order) do
        tell(task, 9, "COMPLETED", 100, "Told " .. task)
        seen = read_until(pipe, seen, "Told " .. task)
      end
      local output, status = split_status(seen .. pipe:read "*a")
      pipe:close()
      local screen = screen_of(output)
      assert.same({
        "SMS/running  COMPLETED  0:00:09  633.3 %/min",
        "[####################] 100 %  Told running",
        "SMS/done  COMPLETED  2:03:04  48.8 %/h", "[####################] 100 %  All there",
        "SMS/broken  FAILED  0:01:00  63.0 %/min", "[##############......]  73 %  Disk full",
        "SMS/silent  COMPLETED  0:00:00  0.0 %/h", "[####################] 100 %  Told silent",
        "3 of 4 COMPLETED",
      }, { unpack(screen) })
      assert.equal(1, status)
    end)

    it("leaves the terminal in order upon Ctrl-C", function()
      local inner = ("sh -c 'echo $$; exec %s'"):format(
        command("watch.lua SMS running"):gsub("timeout %S+ %d+ ", ""):gsub("'", "'\\''"))
      local pipe = assert(io.popen("script -qec " .. quote(inner) .. " /dev/null </dev/null; "
        .. "echo \"=$?\""))
      local process = pipe:read "*l":match "%d+"
      local seen = read_until(pipe, "", "Running\27[0m\r\n")
      os.execute("kill -INT " .. process)
      local output, status = split_status(seen .. pipe:read "*a")
      pipe:close()
      local screen = screen_of(output)
      assert.equal(130, status)
      assert.equal("[#...................]   5 %  Running", screen[2])
      assert.equal("0", screen.color)
      assert.same({ 4, 0 }, { screen.row, screen.column })
    end)
  end)

  describe("report_progress.lua", function()
    local WORDS = "report_progress.lua SMS2 moved orders.example.com arn:aws:ec2:::image/ami-1"
    local TASK = { ProgressUpdateStream = "SMS2", MigrationTaskName = "moved" }

    local function states()
      local list = {}
      for update in client:migration_task_updates(TASK) do
        local told = update.MigrationTaskState
        list[#list + 1] = ("%s %d %s"):format(told.Status, told.ProgressPercent, told.StatusDetail)
      end
      return list
    end

    it("registers a task, reports its states and what came of it", function()
      local output, status =
        run(WORDS, "printf '%s\\n' '10 Replicating' 'still at it' '100 Image made' | ")
      assert.same({
        "NOT_STARTED   0 %  Waiting for orders.example.com", "IN_PROGRESS  10 %  Replicating",
        "IN_PROGRESS  10 %  still at it", "COMPLETED   100 %  Image made",
      }, lines_of(output))
      assert.equal(0, status)
      assert.same({
        "NOT_STARTED 0 Waiting for orders.example.com", "IN_PROGRESS 10 Replicating",
        "IN_PROGRESS 10 still at it", "COMPLETED 100 Image made",
      }, states())
      assert.same({ { Name = "arn:aws:ec2:::image/ami-1", Description = "Image made" } },
        client:list_created_artifacts(TASK).CreatedArtifactList)
      assert.same({ { Type = "FQDN", Value = "orders.example.com" } },
        client:describe_migration_task(TASK).MigrationTask.ResourceAttributeList)
      assert.equal(300, hub:state().accounts[1].streams[2].tasks[1].next_update_seconds)
    end)

    it("reports a failure when the migration ends before its end", function()
      local output, status = run(WORDS, "echo '10 Replicating' | ")
      assert.truthy(output:find("The migration ended at 10 %\n", 1, true))
      assert.equal(1, status)
      local told = states()
      assert.equal("FAILED 10 The migration ended at 10 %", told[#told])
      assert.same({}, client:list_created_artifacts(TASK).CreatedArtifactList)
    end)

    it("can be run again, and takes more than 100 % for all", function()
      run(WORDS, "echo '10 Replicating' | ")
      local _, status = run(WORDS, "echo '101 Image made' | ")
      assert.equal(0, status)
      assert.equal(5, #states())
    end)
  end)

  describe("resume.lua", function()
    local path

    local function list(count)
      local output, status = run(("resume.lua SMS long %s %s"):format(path, count or ""))
      local lines = lines_of(output)
      return lines, status, table.remove(lines)
    end

    local function append(all, lines)
      for _, line in ipairs(lines) do all[#all + 1] = line end
    end

    before_each(function() path = folder .. "/position" end)
    after_each(function() os.remove(path) end)

    it("goes on without loss or repetition", function()
      local whole = list()
      assert.equal(321, #whole)
      os.remove(path)
      local joined = {}
      for _, count in ipairs { 1, 99, 100, 57, 64 } do
        local lines, status, last = list(count)
        assert.equal(count, #lines)
        assert.equal(0, status)
        assert.equal(("%d updates, position in %s"):format(count, path), last)
        append(joined, lines)
      end
      assert.same(whole, joined)
    end)

    it("lists what is new when it came to the end", function()
      list()
      assert.same({}, (list()))
      tell("long", 9e6, "COMPLETED", 100, "One more")
      local lines = list()
      assert.equal(1, #lines)
      assert.truthy(lines[1]:find "COMPLETED    100 %%  One more$")
      assert.same({}, (list()))
    end)

    it("keeps its position when a later page fails", function()
      local whole = list()
      os.remove(path)
      hub:misbehave {
        error = { code = "InvalidInputException", message = "No", status = 400 },
        after = 2, times = 1,
      }
      local joined, status, last = list()
      assert.equal(200, #joined)
      assert.equal(1, status)
      assert.truthy(last:find "InvalidInputException: No")
      append(joined, (list()))
      assert.same(whole, joined)
    end)

    it("says what to do about a position that is too old", function()
      hub:misbehave { token_age = 25 * 3600, times = 1 }
      list(100)
      local lines, status, last = list(1)
      assert.truthy(lines[1]:find "InvalidToken")
      assert.equal("The position is too old; remove " .. path .. " to begin again.", last)
      assert.equal(1, status)
    end)
  end)
end)
