-- DATA: the service's operations and the shapes of their parameters and results (API version
-- 2017-05-31). A shape has what a client checks before it sends: types, required members, minima.
-- Maxima, patterns and enumerations are left to the service, as AWS's own clients do: it may widen
-- them at any time.

local text = { type = "string" }
local non_empty = { type = "string", min = 1 }
local timestamp = { type = "timestamp" }

local function list(item) return { type = "list", item = item } end

local function structure(members, required)
  return { type = "structure", members = members, required = required or {} }
end

-- `known` are the values of today: what reads an answer is quicker on them, and takes any other.
local function enumeration(names)
  local known = {}
  for name in names:gmatch "%S+" do known[name] = true end
  return { type = "string", known = known }
end

local task = structure({
  Status = enumeration "NOT_STARTED IN_PROGRESS FAILED COMPLETED",
  StatusDetail = text,
  ProgressPercent = { type = "integer", min = 0 },
}, { "Status" })

-- key: the method's name. items: the member of the result that a paginated operation lists.
return {
  list_migration_task_updates = {
    name = "ListMigrationTaskUpdates",
    items = "MigrationTaskUpdateList",
    input = structure({
      ProgressUpdateStream = non_empty,
      MigrationTaskName = non_empty,
      NextToken = text,
      MaxResults = { type = "integer", min = 1 },
    }, { "ProgressUpdateStream", "MigrationTaskName" }),
    output = structure {
      NextToken = text,
      MigrationTaskUpdateList = list(structure {
        UpdateDateTime = timestamp,
        UpdateType = enumeration "MIGRATION_TASK_STATE_UPDATED",
        MigrationTaskState = task,
      }),
    },
  },
}
