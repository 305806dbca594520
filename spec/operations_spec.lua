local cjson = require "cjson"
local operations = require "lmigrationhub.operations"

local SCALARS = { string = true, integer = true, timestamp = true, boolean = true }

local function service()
  local file = assert(io.open "spec/hub/service.json")
  local facts = cjson.decode(file:read "*a")
  file:close()
  return facts
end

local function snake_case(name)
  return (name:gsub("(%l)(%u)", "%1_%2"):lower())
end

-- What both sides say of a shape: types, members; of parameters also required ones.
local function of_facts(facts, name, is_input)
  local fact = facts.shapes[name]
  if fact.type == "list" then return { "list", of_facts(facts, fact.member, is_input) } end
  if SCALARS[fact.type] then return { fact.type } end
  local members, required = {}, {}
  for member, shape in pairs(fact.members) do members[member] = of_facts(facts, shape, is_input) end
  for _, member in ipairs(is_input and fact.required or {}) do required[member] = true end
  return { "structure", members = members, required = required }
end

local function of_row(shape, is_input)
  if shape.type == "list" then return { "list", of_row(shape.item, is_input) } end
  if SCALARS[shape.type] then return { shape.type } end
  local members, required = {}, {}
  for member, inner in pairs(shape.members) do members[member] = of_row(inner, is_input) end
  for _, member in ipairs(is_input and shape.required or {}) do required[member] = true end
  return { "structure", members = members, required = required }
end

describe("lmigrationhub.operations", function()
  local facts = service()

  for method, operation in pairs(operations) do
    local fact = facts.operations[operation.name]

    it(operation.name .. " is one of the service's, under its name in snake case", function()
      assert.is_table(fact)
      assert.equal(snake_case(operation.name), method)
    end)

    it(operation.name .. " has the service's parameters and result", function()
      assert.same(of_facts(facts, fact.input, true), of_row(operation.input, true))
      assert.same(of_facts(facts, fact.output), of_row(operation.output))
    end)

    it(operation.name .. " lists what the service lists", function()
      assert.equal(fact.pagination and fact.pagination.result_key, operation.items)
    end)
  end
end)
