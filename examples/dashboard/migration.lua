-- A migration to look at: nine servers and databases move, none of them for real, and this reports
-- how they go, to a local Migration Hub: demo.lua runs it.

local migrationhub = require "lmigrationhub"
local socket = require "socket"

local STEP = 1 -- seconds between two reports
local PAST_STEP = 10 -- seconds between two reports of what was before this began

-- began: seconds before now, or after it when negative; speed: percent a second; fails: the
-- percentage at which it does.
local MOVES = {
  { stream = "SMS", name = "orders.example.com", began = 1500, speed = 0.15, gibibytes = 48 },
  { stream = "SMS", name = "intranet.example.com", began = 1140, speed = 0.2, gibibytes = 32 },
  { stream = "SMS", name = "mail-01.example.com", began = 520, speed = 0.11, gibibytes = 91 },
  { stream = "SMS", name = "build-07.example.com", began = -75, speed = 0.5, gibibytes = 16 },
  { stream = "SMS", name = "archive.example.com", began = 900, speed = 0.12, gibibytes = 220,
    fails = 64, problem = 'Replication stopped: "not enough space" on D:\\ (0x80070070)' },
  { stream = "DMS", name = "orders-db/eu-west", began = 800, speed = 0.25, tables = 48 },
  { stream = "DMS", name = "ledger-db/eu-west", began = 240, speed = 0.13, tables = 212 },
  { stream = "DMS", name = "sessions-db", began = 190, speed = 0.3, tables = 17,
    fails = 78, problem = 'Table "carts": value too long for column "note" (22001)' },
  { stream = "DMS", name = "warehouse-db", began = -30, speed = 0.4, tables = 96 },
}

-- Now faster, now slower, but never back. moment: seconds after now
local function percent_of(move, moment)
  local steady = math.min((moment + move.began) * move.speed, 100)
  return math.min(steady - 5 * math.sin(steady / 100 * 4 * math.pi), move.fails or 100)
end

local function detail_of(move, percent)
  if move.tables then
    return ("Full load: %d of %d tables"):format(percent * move.tables // 100, move.tables)
  end
  return ("Replicating volume /dev/sda1: %d of %d GiB"):format(
    percent * move.gibibytes // 100, move.gibibytes)
end

-- What there is to say of a move at a moment.
local function state_of(move, moment)
  if moment + move.began < 0 then return { Status = "NOT_STARTED", ProgressPercent = 0 } end
  local percent = percent_of(move, moment)
  local state = {
    Status = "IN_PROGRESS", ProgressPercent = math.floor(percent),
    StatusDetail = detail_of(move, percent),
  }
  if percent == move.fails then
    state.Status, state.StatusDetail = "FAILED", move.problem
  elseif percent == 100 then
    state.Status, state.StatusDetail = "COMPLETED", "Moved, and verified"
  end
  return state
end

local function report(hub, move, now, moment)
  if move.is_over then return end
  local state = state_of(move, moment)
  if state.Status == move.status and state.ProgressPercent == move.percent then return end
  move.status, move.percent = state.Status, state.ProgressPercent
  move.is_over = state.Status == "COMPLETED" or state.Status == "FAILED"
  hub:notify_migration_task_state {
    ProgressUpdateStream = move.stream, MigrationTaskName = move.name, Task = state,
    UpdateDateTime = now + moment, NextUpdateSeconds = 60,
  }
end

local function begin(hub, move, now)
  hub:create_progress_update_stream { ProgressUpdateStreamName = move.stream }
  hub:import_migration_task { ProgressUpdateStream = move.stream, MigrationTaskName = move.name }
  for moment = -math.max(move.began, 0), -1, PAST_STEP do report(hub, move, now, moment) end
end

local function go_on(hub, now)
  while true do
    for _, move in ipairs(MOVES) do report(hub, move, now, socket.gettime() - now) end
    socket.sleep(STEP)
  end
end

local hub, now = migrationhub.new(), os.time()
for _, move in ipairs(MOVES) do begin(hub, move, now) end
io.write "The migration goes.\n"
io.flush()
go_on(hub, now)
