-- Pages of updates, and the tokens that lead from one to the next.

local callers = require "spec.hub.caller"
local server = require "spec.hub.server"

local input = callers.input
local MINUTE = 60
local FAILED_TASK = "sms-4b70c9e21"
local EMPTY_TASK = "sms-0c11aa5f0"

-- An account with `count` of everything that is listed.
local function account_of(count)
  local account = { id = "1", streams = {}, application_states = {}, keys = {
    { access_key_id = "AKIA", secret_access_key = "secret" },
  } }
  local task = { name = "t", created_artifacts = {}, discovered_resources = {},
    source_resources = {}, generate = { updates = count, start = 0 } }
  local tasks = { task }
  for index = 1, count do
    account.streams[index] = { name = "S" .. index }
    account.application_states[index] = {
      ApplicationId = "a" .. index, ApplicationStatus = "COMPLETED", LastUpdatedTime = index,
    }
    task.created_artifacts[index] = { Name = ("arn:aws:x:::%d"):format(index) }
    task.discovered_resources[index] = { ConfigurationId = "d" .. index }
    task.source_resources[index] = { Name = "s" .. index, StatusDetail = "x" }
    if index > 1 then tasks[index] = { name = "t" .. index } end
  end
  account.streams[1].tasks = tasks
  return account
end

-- Each paginated operation with the member it lists, one that tells its items apart, and the size
-- of its pages.
local LISTINGS = {
  { "ListApplicationStates", "ApplicationStateList", "ApplicationId", 100 },
  { "ListCreatedArtifacts", "CreatedArtifactList", "Name", 10 },
  { "ListDiscoveredResources", "DiscoveredResourceList", "ConfigurationId", 10 },
  { "ListMigrationTasks", "MigrationTaskSummaryList", "MigrationTaskName", 100 },
  { "ListMigrationTaskUpdates", "MigrationTaskUpdateList", "UpdateDateTime", 100 },
  { "ListProgressUpdateStreams", "ProgressUpdateStreamSummaryList", "ProgressUpdateStreamName",
    100 },
  { "ListSourceResources", "SourceResourceList", "Name", 10 },
}
local OF_ACCOUNT = {
  ListApplicationStates = true, ListMigrationTasks = true, ListProgressUpdateStreams = true,
}

describe("the local hub's listings", function()
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = "spec/hub/demo.json" }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  describe("ListMigrationTaskUpdates", function()
    it("gives a hundred updates a page, in order, until no token is left", function()
      local all, sizes, token = {}, {}, nil
      repeat
        local answer = caller:page { NextToken = token }
        for _, update in ipairs(answer.MigrationTaskUpdateList) do table.insert(all, update) end
        table.insert(sizes, #answer.MigrationTaskUpdateList)
        token = answer.NextToken
      until not token
      assert.are.same(hub:updates(callers.STREAM, callers.TASK), all)
      assert.are.same({ 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 84 }, sizes)
    end)

    it("begins and ends a page anywhere", function()
      local first = caller:page { MaxResults = 70 }
      local second = caller:page { MaxResults = 60, NextToken = first.NextToken }
      local expected = hub:updates(callers.STREAM, callers.TASK)
      assert.are.equal(60, #second.MigrationTaskUpdateList)
      assert.are.same(expected[71], second.MigrationTaskUpdateList[1])
      assert.are.same(expected[130], second.MigrationTaskUpdateList[60])
    end)

    it("gives no token with a page that holds the last update", function()
      local function token_after(count)
        return caller:page({
          ProgressUpdateStream = "DMS", MigrationTaskName = "orders-db/eu-west", MaxResults = count,
        }).NextToken
      end
      assert.is_nil(token_after(3))
      assert.is_string(token_after(2))
    end)

    it("lists nothing for a task without updates", function()
      local request = caller:request { input = input { MigrationTaskName = EMPTY_TASK } }
      assert.are.equal('{"MigrationTaskUpdateList":[]}', (caller:send(request)))
    end)

    it("knows no other stream or task", function()
      for _, name in ipairs { "ProgressUpdateStream", "MigrationTaskName" } do
        local answer, status = caller:call { input = input { [name] = "none" } }
        assert.are.equal(400, status)
        assert.are.equal("ResourceNotFoundException", answer.__type)
        assert.matches("none does not exist", answer.message)
      end
    end)
  end)

  describe("page tokens", function()
    local function token() return caller:page({ MaxResults = 10 }).NextToken end

    it("keep to the documented alphabet and length", function()
      assert.matches("^[a-zA-Z0-9/+=]+$", token())
      assert.is_true(#token() <= 2048)
    end)

    it("serve another page size and a second use", function()
      local one = token()
      local first = caller:page({ NextToken = one, MaxResults = 3 }).MigrationTaskUpdateList
      local second = caller:page({ NextToken = one, MaxResults = 5 }).MigrationTaskUpdateList
      assert.are.same({ first[1], first[2], first[3] }, { second[1], second[2], second[3] })
      assert.are.same({ 3, 5 }, { #first, #second })
    end)

    it("are refused when they are unknown or were changed", function()
      local changed = token():gsub("^.", { M = "N", N = "M", O = "M" })
      for _, other in ipairs { "bm90aGluZw==", "x", changed } do
        local answer, status = caller:call { input = input { NextToken = other } }
        assert.are.equal(400, status)
        assert.are.equal("InvalidToken", answer.__type)
      end
    end)

    it("are refused for another task", function()
      local answer = caller:page { NextToken = token(), MigrationTaskName = FAILED_TASK }
      assert.are.equal("InvalidToken", answer.__type)
    end)

    it("are refused for another account", function()
      local other = caller:key "AKIAI44QH8DHBEXAMPLE"
      local answer = caller:call { key = other, input = input { NextToken = token() } }
      assert.are.equal("InvalidToken", answer.__type)
    end)

    it("live for 24 hours", function()
      hub:misbehave { token_age = 24 * 60 * MINUTE - 60, times = 1 }
      local young = token()
      hub:misbehave { token_age = 24 * 60 * MINUTE + 60, times = 1 }
      local old = token()
      assert.is_table(caller:page({ NextToken = young }).MigrationTaskUpdateList)
      assert.are.equal("InvalidToken", caller:page({ NextToken = old }).__type)
    end)
  end)
end)

describe("the local hub's listings of everything", function()
  local COUNT = 203
  local hub, caller

  lazy_setup(function()
    hub = server.start { seed = { region = "us-west-2", accounts = { account_of(COUNT) } } }
    caller = callers.new(hub)
  end)
  lazy_teardown(function() hub:stop() end)
  before_each(function() hub:reset() end)

  local function page_of(operation, token, count)
    local members = { NextToken = token, MaxResults = count }
    if not OF_ACCOUNT[operation] then
      members.ProgressUpdateStream, members.MigrationTaskName = "S1", "t"
    end
    local answer, status = caller:ask(operation, members)
    assert.are.equal(200, status, answer.message)
    return answer
  end

  -- All items in pages of `count`, and the sizes of the pages.
  local function walk(listing, count)
    local items, sizes, token = {}, {}, nil
    repeat
      local page = page_of(listing[1], token, count)
      for _, item in ipairs(page[listing[2]]) do table.insert(items, item) end
      table.insert(sizes, #page[listing[2]])
      token = page.NextToken
    until not token
    return items, sizes
  end

  for _, listing in ipairs(LISTINGS) do
    local operation, name, full = listing[1], listing[3], listing[4]

    it(operation .. " gives pages of its own size, of any other, each item once", function()
      local items, sizes = walk(listing)
      local seen = {}
      for _, item in ipairs(items) do
        assert.is_nil(seen[item[name]])
        seen[item[name]] = true
      end
      assert.are.equal(COUNT, #items)
      assert.are.equal(math.ceil(COUNT / full), #sizes)
      for index = 1, #sizes - 1 do assert.are.equal(full, sizes[index]) end
      local others = walk(listing, 7)
      assert.are.same(items, others)
    end)

    it(operation .. " gives no token with a page that holds the last item", function()
      local last = page_of(operation, nil, full)
      for _ = 1, math.ceil(COUNT / full) - 2 do last = page_of(operation, last.NextToken, full) end
      assert.is_string(last.NextToken)
      local rest = COUNT - full * (math.ceil(COUNT / full) - 1)
      assert.is_nil(page_of(operation, last.NextToken, rest).NextToken)
      assert.is_string(page_of(operation, last.NextToken, rest - 1).NextToken)
    end)

    it(operation .. " takes no token of another operation", function()
      local token = page_of(operation, nil, 1).NextToken
      local other = LISTINGS[listing == LISTINGS[1] and 2 or 1][1]
      local answer = caller:ask(other, {
        ProgressUpdateStream = "S1", MigrationTaskName = "t", NextToken = token,
      })
      assert.are.equal("InvalidToken", answer.__type)
    end)
  end

  it("neither lose nor repeat an item when others go", function()
    local first = page_of("ListSourceResources", nil, 5)
    for _, source in ipairs { "s1", "s5", "s6", "s8" } do
      caller:ask("DisassociateSourceResource",
        { ProgressUpdateStream = "S1", MigrationTaskName = "t", SourceResourceName = source })
    end
    local names = {}
    for index, source in ipairs(
      page_of("ListSourceResources", first.NextToken, 3).SourceResourceList) do
      names[index] = source.Name
    end
    assert.are.same({ "s7", "s9", "s10" }, names)
  end)
end)
