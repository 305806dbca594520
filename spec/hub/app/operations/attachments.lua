-- What is attached to a task: created artifacts, discovered and source resources. The three differ
-- in names alone.

local store = require "spec.hub.app.store"

-- what: in the operations' names, and the member of the input that attaches. key: its member that
-- names it. named_by: the member of the input that detaches. list: in the store's task.
local KINDS = {
  {
    what = "CreatedArtifact", key = "Name", named_by = "CreatedArtifactName",
    list = "created_artifacts",
  },
  {
    what = "DiscoveredResource", key = "ConfigurationId", named_by = "ConfigurationId",
    list = "discovered_resources",
  },
  {
    what = "SourceResource", key = "Name", named_by = "SourceResourceName",
    list = "source_resources",
  },
}

local function attach(kind)
  return function(account, input)
    local task, fault = store.find_task(account, input)
    if not task then return nil, fault end
    local item = input[kind.what]
    task[kind.list]:put(item[kind.key], item)
    return {}
  end
end

local function detach(kind)
  return function(account, input)
    local task, fault = store.find_task(account, input)
    if not task then return nil, fault end
    local name = input[kind.named_by]
    if task[kind.list]:remove(name) then return {} end
    return nil, store.not_found(kind.what, name)
  end
end

local function list(kind)
  return function(account, input, first, count)
    local task, fault = store.find_task(account, input)
    if not task then return nil, fault end
    return task[kind.list]:slice(first, count)
  end
end

local handlers = {}
for _, kind in ipairs(KINDS) do
  handlers["Associate" .. kind.what] = attach(kind)
  handlers["Disassociate" .. kind.what] = detach(kind)
  handlers["List" .. kind.what .. "s"] = list(kind)
end
return handlers
