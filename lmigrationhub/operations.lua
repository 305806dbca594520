-- DATA: the service's operations and the shapes of their parameters and results (API version
-- 2017-05-31). A shape has what a client checks before it sends: types, required members, minima.
-- Maxima, patterns and enumerations are left to the service, as AWS's own clients do: it may widen
-- them at any time.

local text = { type = "string" }
local non_empty = { type = "string", min = 1 }
local count = { type = "integer", min = 0 }
local page_size = { type = "integer", min = 1 }
local boolean = { type = "boolean" }
local timestamp = { type = "timestamp" }

local function list(item, min) return { type = "list", item = item, min = min } end

local function structure(members, required)
  return { type = "structure", members = members, required = required or {} }
end

-- `known` are the values of today: what reads an answer is quicker on them, and takes any other.
local function enumeration(names)
  local known = {}
  for name in names:gmatch "%S+" do known[name] = true end
  return { type = "string", known = known }
end

-- The parameters of an operation upon one task; all that it has besides the task is required.
local function upon_task(members)
  local required = { "ProgressUpdateStream", "MigrationTaskName" }
  for name in next, members do required[#required + 1] = name end
  members.ProgressUpdateStream, members.MigrationTaskName = non_empty, non_empty
  return structure(members, required)
end

local function with_dry_run(input)
  input.members.DryRun = boolean
  return input
end

local function by_pages(input)
  input.members.NextToken, input.members.MaxResults = text, page_size
  return input
end

local function page(items, item)
  return structure { [items] = list(item), NextToken = text }
end

local nothing = structure {}

local stream = with_dry_run(structure({
  ProgressUpdateStreamName = non_empty,
}, { "ProgressUpdateStreamName" }))
local status = enumeration "NOT_STARTED IN_PROGRESS FAILED COMPLETED"
local task = structure({
  Status = status, StatusDetail = text, ProgressPercent = count,
}, { "Status" })
local application_status = enumeration "NOT_STARTED IN_PROGRESS COMPLETED"
local created_artifact = structure({ Name = non_empty, Description = text }, { "Name" })
local discovered_resource = structure({
  ConfigurationId = non_empty, Description = text,
}, { "ConfigurationId" })
local source_resource = structure({
  Name = non_empty, Description = text, StatusDetail = text,
}, { "Name" })
local resource_attribute = structure({
  Type = enumeration [[IPV4_ADDRESS IPV6_ADDRESS MAC_ADDRESS FQDN VM_MANAGER_ID
    VM_MANAGED_OBJECT_REFERENCE VM_NAME VM_PATH BIOS_ID MOTHERBOARD_SERIAL_NUMBER]],
  Value = non_empty,
}, { "Type", "Value" })

-- key: the method's name. items: the member of the result that a paginated operation lists.
return {
  associate_created_artifact = {
    name = "AssociateCreatedArtifact",
    input = with_dry_run(upon_task { CreatedArtifact = created_artifact }),
    output = nothing,
  },
  associate_discovered_resource = {
    name = "AssociateDiscoveredResource",
    input = with_dry_run(upon_task { DiscoveredResource = discovered_resource }),
    output = nothing,
  },
  associate_source_resource = {
    name = "AssociateSourceResource",
    input = with_dry_run(upon_task { SourceResource = source_resource }),
    output = nothing,
  },
  create_progress_update_stream = {
    name = "CreateProgressUpdateStream",
    input = stream,
    output = nothing,
  },
  delete_progress_update_stream = {
    name = "DeleteProgressUpdateStream",
    input = stream,
    output = nothing,
  },
  describe_application_state = {
    name = "DescribeApplicationState",
    input = structure({ ApplicationId = non_empty }, { "ApplicationId" }),
    output = structure { ApplicationStatus = application_status, LastUpdatedTime = timestamp },
  },
  describe_migration_task = {
    name = "DescribeMigrationTask",
    input = upon_task {},
    output = structure {
      MigrationTask = structure {
        ProgressUpdateStream = non_empty,
        MigrationTaskName = non_empty,
        Task = task,
        UpdateDateTime = timestamp,
        ResourceAttributeList = list(resource_attribute),
      },
    },
  },
  disassociate_created_artifact = {
    name = "DisassociateCreatedArtifact",
    input = with_dry_run(upon_task { CreatedArtifactName = non_empty }),
    output = nothing,
  },
  disassociate_discovered_resource = {
    name = "DisassociateDiscoveredResource",
    input = with_dry_run(upon_task { ConfigurationId = non_empty }),
    output = nothing,
  },
  disassociate_source_resource = {
    name = "DisassociateSourceResource",
    input = with_dry_run(upon_task { SourceResourceName = non_empty }),
    output = nothing,
  },
  import_migration_task = {
    name = "ImportMigrationTask",
    input = with_dry_run(upon_task {}),
    output = nothing,
  },
  list_application_states = {
    name = "ListApplicationStates",
    items = "ApplicationStateList",
    input = by_pages(structure { ApplicationIds = list(non_empty, 1) }),
    output = page("ApplicationStateList", structure {
      ApplicationId = non_empty,
      ApplicationStatus = application_status,
      LastUpdatedTime = timestamp,
    }),
  },
  list_created_artifacts = {
    name = "ListCreatedArtifacts",
    items = "CreatedArtifactList",
    input = by_pages(upon_task {}),
    output = page("CreatedArtifactList", created_artifact),
  },
  list_discovered_resources = {
    name = "ListDiscoveredResources",
    items = "DiscoveredResourceList",
    input = by_pages(upon_task {}),
    output = page("DiscoveredResourceList", discovered_resource),
  },
  list_migration_task_updates = {
    name = "ListMigrationTaskUpdates",
    items = "MigrationTaskUpdateList",
    input = by_pages(upon_task {}),
    output = page("MigrationTaskUpdateList", structure {
      UpdateDateTime = timestamp,
      UpdateType = enumeration "MIGRATION_TASK_STATE_UPDATED",
      MigrationTaskState = task,
    }),
  },
  list_migration_tasks = {
    name = "ListMigrationTasks",
    items = "MigrationTaskSummaryList",
    input = by_pages(structure { ResourceName = non_empty }),
    output = page("MigrationTaskSummaryList", structure {
      ProgressUpdateStream = non_empty,
      MigrationTaskName = non_empty,
      Status = status,
      ProgressPercent = count,
      StatusDetail = text,
      UpdateDateTime = timestamp,
    }),
  },
  list_progress_update_streams = {
    name = "ListProgressUpdateStreams",
    items = "ProgressUpdateStreamSummaryList",
    input = by_pages(structure {}),
    output = page("ProgressUpdateStreamSummaryList", structure {
      ProgressUpdateStreamName = non_empty,
    }),
  },
  list_source_resources = {
    name = "ListSourceResources",
    items = "SourceResourceList",
    input = by_pages(upon_task {}),
    output = page("SourceResourceList", source_resource),
  },
  notify_application_state = {
    name = "NotifyApplicationState",
    input = with_dry_run(structure({
      ApplicationId = non_empty, Status = application_status, UpdateDateTime = timestamp,
    }, { "ApplicationId", "Status" })),
    output = nothing,
  },
  notify_migration_task_state = {
    name = "NotifyMigrationTaskState",
    input = with_dry_run(upon_task {
      Task = task, UpdateDateTime = timestamp, NextUpdateSeconds = count,
    }),
    output = nothing,
  },
  put_resource_attributes = {
    name = "PutResourceAttributes",
    input = with_dry_run(upon_task { ResourceAttributeList = list(resource_attribute, 1) }),
    output = nothing,
  },
}
