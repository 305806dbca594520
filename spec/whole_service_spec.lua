-- All 21 operations by a whole client against the local hub, and each of the seven listings in
-- every way that there is to go through one.

local migration = require "spec.interop.migration"
local migrationhub = require "lmigrationhub"
local operations = require "lmigrationhub.operations"
local server = require "spec.hub.server"

local FRACTION = 0.125
local SEED = {
  region = "us-west-2",
  accounts = { { id = "1", keys = { { access_key_id = "AKIA", secret_access_key = "secret" } } } },
}
local TENS = {
  list_created_artifacts = true, list_discovered_resources = true, list_source_resources = true,
}

local function snake_case(name) return (name:gsub("(%l)(%u)", "%1_%2"):lower()) end

local function with(parameters, changes)
  local all = {}
  for name, value in pairs(parameters) do all[name] = value end
  for name, value in pairs(changes) do all[name] = value end
  return all
end

local function slice(list, first, last)
  local items = {}
  for index = first, math.min(last, #list) do items[#items + 1] = list[index] end
  return items
end

describe("the whole service", function()
  local hub, client
  local writing, reading = migration.writing(FRACTION), migration.reading(FRACTION)

  local function call(step, changes)
    return client[snake_case(step.operation)](client, with(step.parameters, changes or {}))
  end

  local function collect(iterate, ...)
    local items, cursor = {}, nil
    for item, its_cursor in iterate(client, ...) do
      items[#items + 1], cursor = item, its_cursor
    end
    return items, cursor
  end

  lazy_setup(function()
    hub = server.start { seed = SEED }
    client = migrationhub.new {
      region = hub.region, endpoint = hub.https_endpoint, ca_file = hub.ca_file, max_attempts = 1,
      credentials = {
        access_key_id = hub.access_key_id, secret_access_key = hub.secret_access_key,
      },
    }
    for _, step in ipairs(writing) do assert.same({}, call(step)) end
  end)
  lazy_teardown(function()
    client:close()
    hub:stop()
  end)

  it("is called by its operations, one method for each", function()
    local called, methods = {}, {}
    for _, steps in ipairs { writing, reading } do
      for _, step in ipairs(steps) do called[snake_case(step.operation)] = true end
    end
    for method in pairs(operations) do
      methods[method] = true
      assert.is_function(client[method])
    end
    assert.same(methods, called)
  end)

  local seen = {}
  for _, step in ipairs(reading) do
    local method, parameters, expected = snake_case(step.operation), step.parameters, step.expected
    local is_filtered = seen[method]
    seen[method] = true

    if step.how == "call" then
      it(method .. " gives what was told", function() assert.same(expected, call(step)) end)
    elseif is_filtered then
      it(method .. " gives what was asked for", function()
        assert.same(expected, call(step)[operations[method].items])
      end)
    else
      local name = method:gsub("^list_", "")
      local sevens = with(parameters, { MaxResults = 7 })

      local function items(...) return collect(client[name], ...) end

      it(name .. " gives every item of full pages", function()
        local full, before = TENS[method] and 10 or 100, #hub:requests()
        assert.same(expected, (items(parameters)))
        assert.equal(math.ceil(#expected / full), #hub:requests() - before)
      end)

      it(name .. " gives every item of pages of any size", function()
        assert.same(expected, (items(sevens)))
      end)

      it(name .. " fetches no page that max_items does not need", function()
        local before = #hub:requests()
        assert.same(slice(expected, 1, 14), (items(sevens, { max_items = 14 })))
        assert.equal(2, #hub:requests() - before)
      end)

      it(name .. " resumes exactly after any item", function()
        for _, stop in ipairs { 1, 6, 7, 8, 14, #expected - 1, #expected } do
          local _, cursor = items(sevens, { max_items = stop })
          assert.same(slice(expected, stop + 1, #expected),
            (items(sevens, { resume = cursor:position() })))
        end
      end)

      it(name .. " starts where a token of the service says", function()
        local token = call(step, { MaxResults = 5 }).NextToken
        assert.same(slice(expected, 6, #expected), (items(with(parameters, { NextToken = token }))))
      end)

      it(name .. " ends when the service repeats itself", function()
        hub:misbehave { repeat_token = 1, after = 1, times = 1 }
        local ok, failure = pcall(items, sevens)
        assert.is_false(ok)
        assert.equal("PaginationError", failure.code)
        assert.equal(step.operation, failure.operation)
      end)

      it(method .. " is gone through page by page", function()
        local pages, joined = collect(client.pages, method, sevens), {}
        for _, page in ipairs(pages) do
          for _, item in ipairs(page[operations[method].items]) do joined[#joined + 1] = item end
        end
        assert.equal(math.ceil(#expected / 7), #pages)
        assert.same(expected, joined)
      end)
    end
  end

  for method, operation in pairs(operations) do
    if operation.input.members.DryRun then
      it(method .. " can be tried without effect", function()
        local before, tried = hub:state(), nil
        for _, step in ipairs(writing) do
          if step.operation == operation.name then tried = step end
        end
        local ok, failure = pcall(call, tried, { DryRun = true })
        assert.is_false(ok)
        assert.equal("DryRunOperation", failure.code)
        assert.same(before, hub:state())
      end)
    end
  end

  it("is asked nothing that is wrong", function()
    local before = #hub:requests()
    local ok, failure = pcall(client.put_resource_attributes, client, {
      ProgressUpdateStream = "", ResourceAttributeList = { { Type = "FQDN" } }, DryRun = "no",
    })
    assert.is_false(ok)
    assert.equal("validation", failure.kind)
    assert.equal("DryRun must be a boolean, got string; MigrationTaskName is required; "
      .. "ProgressUpdateStream must not be empty; ResourceAttributeList[1].Value is required",
      failure.message)
    assert.equal(before, #hub:requests())
  end)
end)
