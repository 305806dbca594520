local cjson = require "cjson"
local operations = require "lmigrationhub.operations"

local SCALARS = { string = true, integer = true, timestamp = true, boolean = true }

local ITERATORS = {
  "application_states", "created_artifacts", "discovered_resources", "migration_task_updates",
  "migration_tasks", "progress_update_streams", "source_resources",
}

local function service()
  local file = assert(io.open "spec/hub/service.json")
  local facts = cjson.decode(file:read "*a")
  file:close()
  return facts
end

local function snake_case(name)
  return (name:gsub("(%l)(%u)", "%1_%2"):lower())
end

local function set(names)
  local found = {}
  for _, name in ipairs(names or {}) do found[name] = true end
  return found
end

-- A text or a list of at least 0 has no minimum; a number of at least 0 has.
local function minimum(shape)
  if shape.min == 0 and shape.type ~= "integer" then return nil end
  return shape.min
end

-- What both sides say of a shape: types, members, minima, values; of parameters also required ones.
local function of_facts(facts, name, is_input)
  local fact = facts.shapes[name]
  if SCALARS[fact.type] then
    return { fact.type, min = minimum(fact), known = fact.enum and set(fact.enum) }
  end
  if fact.type == "list" then
    return { "list", of_facts(facts, fact.member, is_input), min = minimum(fact) }
  end
  local members = {}
  for member, shape in pairs(fact.members) do members[member] = of_facts(facts, shape, is_input) end
  return { "structure", members = members, required = is_input and set(fact.required) }
end

local function of_row(shape, is_input)
  if SCALARS[shape.type] then return { shape.type, min = minimum(shape), known = shape.known } end
  if shape.type == "list" then
    return { "list", of_row(shape.item, is_input), min = minimum(shape) }
  end
  local members = {}
  for member, inner in pairs(shape.members) do members[member] = of_row(inner, is_input) end
  return { "structure", members = members, required = is_input and set(shape.required) }
end

describe("lmigrationhub.operations", function()
  local facts = service()

  it("has all 21 of the service's, under their names in snake case", function()
    local expected, found, count = {}, {}, 0
    for name in pairs(facts.operations) do expected[snake_case(name)] = name end
    for method, operation in pairs(operations) do
      found[method], count = operation.name, count + 1
    end
    assert.same(expected, found)
    assert.equal(21, count)
  end)

  it("has the seven that items are listed with", function()
    local found = {}
    for method, operation in pairs(operations) do
      if operation.items then found[#found + 1] = method:match "^list_(.*)$" end
    end
    table.sort(found)
    assert.same(ITERATORS, found)
  end)

  for name, fact in pairs(facts.operations) do
    local operation = operations[snake_case(name)] or {}

    it(name .. " has the service's parameters", function()
      assert.same(of_facts(facts, fact.input, true), of_row(operation.input, true))
    end)

    it(name .. " has the service's result", function()
      assert.same(of_facts(facts, fact.output), of_row(operation.output))
    end)

    it(name .. " names each required parameter once", function()
      local shape = operation.input
      assert.equal(#(facts.shapes[fact.input].required or {}), #shape.required)
    end)

    it(name .. " lists what the service lists", function()
      assert.equal(fact.pagination and fact.pagination.result_key, operation.items)
    end)
  end
end)
