-- The pages that the benchmark's server gives: 200 of 100 updates each, about 28 kB, or of 20,
-- about 6 kB, for a request with MaxResults 20; the same in every run. Statuses, lengths and
-- escapes are as a service that moves servers would send them.

local PAGES, UPDATES, FEW_UPDATES = 200, 100, 20
local TOKEN_SIZE = 200 -- bytes; longer ones than the service's are not known
local STATUSES = { "NOT_STARTED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "FAILED" }
local WORDS = {
  "replicating", "volume", "snapshot", "converted", "waiting", "for", "server", "block", "copied",
  "agent", "verified", "cutover", "network", "launch", "template", "checksum",
}
-- Every 20th text has something to escape, every 50th something beyond ASCII.
local ESCAPED, FOREIGN = [[ path \"C:\\data\"\n]], " Größe läuft –"
local FIRST_TIME = 1700000000 -- seconds since 1970 UTC

-- Park and Miller's generator: the same numbers on every Lua.
local function dice()
  local state = 42
  return function(sides)
    state = state * 16807 % 2147483647
    return state % sides + 1
  end
end

local function detail(roll, number)
  local text = ("%d GiB"):format(roll(900))
  if number % 20 == 0 then text = text .. ESCAPED end
  if number % 50 == 0 then text = text .. FOREIGN end
  while #text < 105 do text = text .. " " .. WORDS[roll(#WORDS)] end
  return text
end

local function state_of(roll, number)
  return ('"Status":"%s","StatusDetail":"%s","ProgressPercent":%d'):format(
    STATUSES[roll(#STATUSES)], detail(roll, number), roll(101) - 1)
end

-- The updates of a task, and tasks of the same size for clients that know no updates.
local FORMS = {
  ListMigrationTaskUpdates = {
    member = "MigrationTaskUpdateList",
    item = '{"UpdateDateTime":%d.%03d,"UpdateType":"MIGRATION_TASK_STATE_UPDATED",'
      .. '"MigrationTaskState":{%s}}',
  },
  ListMigrationTasks = {
    member = "MigrationTaskSummaryList",
    item = '{"UpdateDateTime":%d.%03d,"ProgressUpdateStream":"SMS",'
      .. '"MigrationTaskName":"sms-12de3cf1a",%s}',
  },
}

local function page(form, roll, first, size)
  local items = {}
  for index = 1, size do
    local number = first + index
    items[index] = form.item:format(FIRST_TIME + number, roll(1000) - 1, state_of(roll, number))
  end
  return ('{"%s":[%s]'):format(form.member, table.concat(items, ","))
end

-- -> operation -> list of pages without their last member, the token
local function make(size)
  local made = {}
  for operation, form in pairs(FORMS) do
    local roll, pages = dice(), {}
    for number = 1, PAGES do pages[number] = page(form, roll, (number - 1) * size, size) end
    made[operation] = pages
  end
  return made
end

local function token(number, total)
  local text = ("%d.%d."):format(number, total)
  return text .. ("x"):rep(TOKEN_SIZE - #text)
end

--- Makes the server's answers. A listing has as many pages as its request says ("-P200" in a
--- name); a token says which of them it stands for.
---@return fun(operation: string, request: string): string, string, string the parts of a page
local function new()
  local full, short = make(UPDATES), make(FEW_UPDATES)
  return function(operation, request)
    local pages = request:find('"MaxResults":' .. FEW_UPDATES, 1, true) and short or full
    local number, total = request:match '"NextToken":%s*"(%d+)%.(%d+)%.'
    if not number then number, total = 1, request:match "%-P(%d+)" end
    number, total = tonumber(number), tonumber(total)
    local head = pages[operation][(number - 1) % PAGES + 1]
    if number >= total then return head, "", "}" end
    return head, ',"NextToken":"' .. token(number + 1, total), '"}'
  end
end

return { new = new, UPDATES = UPDATES, FEW_UPDATES = FEW_UPDATES }
