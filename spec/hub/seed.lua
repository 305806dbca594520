-- The updates that a seed stands for. Pure and deterministic: the hub and the specs make the same
-- updates from the same rule, in every Lua.

local DETAILS = {
  'Replicating volume /dev/sda%d',
  'Snapshot "snap-0a%04d" was created',
  'Réplication du serveur « paris-db-%02d » en cours',
  'サーバー tokyo-app-%02d を複製しています',
  'Copying C:\\Data\\Orders\\%04d.mdf',
  'Übertragung läuft – noch etwa %d min 🚚',
  'Verified block group %d\tof volume "vol/data"',
}

local LAST_DETAILS = {
  COMPLETED = "AMI created; the server was migrated ✅",
  FAILED = 'Replication stopped: "not enough space" on D:\\ (0x80070070)',
  IN_PROGRESS = "Waiting for the next replication run",
}

-- Park and Miller's generator: every product stays below 2^53, so each Lua draws the same numbers.
local function dice(start)
  local state = start
  return function(sides)
    state = state * 16807 % 2147483647
    return math.floor(state % sides)
  end
end

-- Every 97th update leaves the optional percentage out.
local function percent(index, count, top)
  if index % 97 == 0 then return nil end
  if index == count then return top end
  return math.floor(math.min(top - 1, (index - 1) * top / (count - 1)))
end

local function state_at(index, rule, draw)
  local ends = rule.ends or "COMPLETED"
  if index == rule.updates then
    local top = rule.reaches or 100
    return { Status = ends, StatusDetail = LAST_DETAILS[ends], ProgressPercent = math.floor(top) }
  end
  if index == 1 then return { Status = "NOT_STARTED", ProgressPercent = 0 } end
  return {
    Status = "IN_PROGRESS",
    StatusDetail = DETAILS[draw(#DETAILS) + 1]:format(draw(1000)),
    ProgressPercent = percent(index, rule.updates, rule.reaches or 100),
  }
end

-- Milliseconds are counted as integers, so that a time is the number nearest to its decimal form.
local function generate(rule)
  local draw = dice(rule.seed or 1)
  local milliseconds = rule.start * 1000
  local updates = {}
  for index = 1, rule.updates do
    milliseconds = milliseconds + 1 + draw(math.floor(2000 * (rule.every or 20)))
    updates[index] = {
      UpdateDateTime = milliseconds / 1000,
      UpdateType = "MIGRATION_TASK_STATE_UPDATED",
      MigrationTaskState = state_at(index, rule, draw),
    }
  end
  return updates
end

--- A task's updates, in order.
local function updates(task)
  if task.generate then return generate(task.generate) end
  return task.updates or {}
end

local function named(list, name)
  for _, item in ipairs(list) do
    if item.name == name then return item end
  end
end

--- The task of that name, in the seed's first account.
local function task(seed, stream, name)
  local found = named(seed.accounts[1].streams, stream)
  return found and named(found.tasks or {}, name)
end

return { updates = updates, task = task }
