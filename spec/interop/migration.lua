-- A whole migration as steps for a client: what a migration tool tells the hub, and what is to be
-- read back of it. Each listing has more than one page. Every step is
-- { how = "call" or "list", operation, parameters }; those that read have `expected` as well.

local STREAM, TASK = "Mover 2000", "db-ünï/1"
local FEW, MANY = 23, 103 -- of what is listed by tens, by hundreds
local START = 1733918400 -- seconds since 1970 UTC
local DROPPED = { [1] = true, [10] = true, [17] = true } -- attached first, detached later

local ATTRIBUTES = {
  { Type = "FQDN", Value = "db-1.example.com" },
  { Type = "IPV4_ADDRESS", Value = "192.0.2.1" },
  { Type = "IPV4_ADDRESS", Value = "192.0.2.2" },
  { Type = "VM_MANAGER_ID", Value = "vc-1" },
  { Type = "VM_NAME", Value = 'DB "one" – naïve' },
}

local function each(count, make)
  local list = {}
  for index = 1, count do list[index] = make(index) end
  return list
end

local function without_dropped(list)
  local kept = {}
  for index, item in ipairs(list) do
    if not DROPPED[index] then kept[#kept + 1] = item end
  end
  return kept
end

local function call(operation, parameters, expected)
  return {
    how = "call", operation = operation, parameters = parameters or {}, expected = expected,
  }
end

local function list(operation, parameters, expected)
  return {
    how = "list", operation = operation, parameters = parameters or {}, expected = expected,
  }
end

local function upon_task(members)
  local parameters = { ProgressUpdateStream = STREAM, MigrationTaskName = TASK }
  for name, value in pairs(members or {}) do parameters[name] = value end
  return parameters
end

local streams = each(MANY, function(index)
  return { ProgressUpdateStreamName = index == 1 and STREAM or "Stream " .. index }
end)

local tasks = each(MANY, function(index)
  return index == 1 and TASK or "task-" .. index
end)

local states = each(MANY, function(index)
  if index == 1 then return { Status = "NOT_STARTED" } end
  if index == MANY then
    return { Status = "COMPLETED", StatusDetail = "done ✅", ProgressPercent = 100 }
  end
  return {
    Status = "IN_PROGRESS", StatusDetail = ("Übertragung\t%d\\%d"):format(index, MANY),
    ProgressPercent = math.floor(index * 100 / MANY),
  }
end)

local artifacts = each(FEW, function(index)
  return {
    Name = ("arn:aws:ec2:us-west-2:123456789012:volume/vol-%d"):format(index),
    Description = index % 2 == 0 and ("volume %d, /dev/sd%d"):format(index, index) or nil,
  }
end)

local resources = each(FEW, function(index)
  return {
    ConfigurationId = ("d-server-%02d"):format(index),
    Description = index % 3 == 0 and "" or nil,
  }
end)

local sources = each(FEW, function(index)
  return {
    Name = "vcenter/vm:" .. index,
    Description = index % 2 == 0 and "サーバー" or nil,
    StatusDetail = index % 5 == 0 and "found" or nil,
  }
end)

-- Times end with `fraction`: AWS's clients read fractions of seconds, but write none.
local function applications_of(fraction)
  return each(MANY, function(index)
    return {
      ApplicationId = "app-" .. index,
      ApplicationStatus = index % 2 == 0 and "COMPLETED" or "IN_PROGRESS",
      LastUpdatedTime = START + index + fraction,
    }
  end)
end

local function updates_of(fraction)
  return each(MANY, function(index)
    return {
      UpdateDateTime = START + 60 * index + fraction,
      UpdateType = "MIGRATION_TASK_STATE_UPDATED",
      MigrationTaskState = states[index],
    }
  end)
end

local function append(steps, list_of_steps)
  for _, step in ipairs(list_of_steps) do steps[#steps + 1] = step end
end

local function attach(what, items, key, named_by)
  local steps = {}
  for _, item in ipairs(items) do
    steps[#steps + 1] = call("Associate" .. what, upon_task { [what] = item })
  end
  for index, item in ipairs(items) do
    local named = upon_task { [named_by] = item[key] }
    if DROPPED[index] then steps[#steps + 1] = call("Disassociate" .. what, named) end
  end
  return steps
end

local function notifications(fraction)
  local steps = {}
  for _, update in ipairs(updates_of(fraction)) do
    steps[#steps + 1] = call("NotifyMigrationTaskState", upon_task {
      UpdateDateTime = update.UpdateDateTime, NextUpdateSeconds = 300, DryRun = false,
      Task = update.MigrationTaskState,
    })
  end
  for _, state in ipairs(applications_of(fraction)) do
    steps[#steps + 1] = call("NotifyApplicationState", {
      ApplicationId = state.ApplicationId, Status = state.ApplicationStatus,
      UpdateDateTime = state.LastUpdatedTime,
    })
  end
  return steps
end

--- What a migration tool tells: every operation that changes something.
local function writing(fraction)
  local steps = {}
  for _, stream in ipairs(streams) do
    steps[#steps + 1] = call("CreateProgressUpdateStream", stream)
  end
  local gone = { ProgressUpdateStreamName = "a mistake" }
  append(steps, {
    call("CreateProgressUpdateStream", gone), call("DeleteProgressUpdateStream", gone),
  })
  for _, task in ipairs(tasks) do
    steps[#steps + 1] = call("ImportMigrationTask", upon_task { MigrationTaskName = task })
  end
  append(steps, attach("CreatedArtifact", artifacts, "Name", "CreatedArtifactName"))
  append(steps, attach("DiscoveredResource", resources, "ConfigurationId", "ConfigurationId"))
  append(steps, attach("SourceResource", sources, "Name", "SourceResourceName"))
  append(steps, notifications(fraction))
  append(steps, {
    call("PutResourceAttributes", upon_task { ResourceAttributeList = { ATTRIBUTES[1] } }),
    call("PutResourceAttributes", upon_task { ResourceAttributeList = ATTRIBUTES }),
  })
  return steps
end

local function summaries(latest)
  return each(MANY, function(index)
    local state = index == 1 and latest.MigrationTaskState or { Status = "NOT_STARTED" }
    return {
      ProgressUpdateStream = STREAM, MigrationTaskName = tasks[index], Status = state.Status,
      StatusDetail = state.StatusDetail, ProgressPercent = state.ProgressPercent,
      UpdateDateTime = index == 1 and latest.UpdateDateTime or nil,
    }
  end)
end

--- What is read back: every operation that changes nothing, with what it must give.
local function reading(fraction)
  local updates, applications = updates_of(fraction), applications_of(fraction)
  local latest = updates[MANY]
  local all = summaries(latest)
  return {
    call("DescribeMigrationTask", upon_task(), { MigrationTask = {
      ProgressUpdateStream = STREAM, MigrationTaskName = TASK, Task = latest.MigrationTaskState,
      UpdateDateTime = latest.UpdateDateTime, ResourceAttributeList = ATTRIBUTES,
    } }),
    call("DescribeApplicationState", { ApplicationId = "app-7" }, {
      ApplicationStatus = "IN_PROGRESS", LastUpdatedTime = applications[7].LastUpdatedTime,
    }),
    list("ListProgressUpdateStreams", nil, streams),
    list("ListMigrationTasks", nil, all),
    list("ListMigrationTasks", { ResourceName = resources[2].ConfigurationId }, { all[1] }),
    list("ListMigrationTaskUpdates", upon_task(), updates),
    list("ListCreatedArtifacts", upon_task(), without_dropped(artifacts)),
    list("ListDiscoveredResources", upon_task(), without_dropped(resources)),
    list("ListSourceResources", upon_task(), without_dropped(sources)),
    list("ListApplicationStates", nil, applications),
    list("ListApplicationStates", { ApplicationIds = { "app-2", "app-5", "none" } },
      { applications[2], applications[5] }),
  }
end

return { writing = writing, reading = reading }
