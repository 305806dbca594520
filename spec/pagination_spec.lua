local errors = require "lmigrationhub.errors"
local pagination = require "lmigrationhub.pagination"

local OPERATION = { name = "ListThings", items = "Things" }

local Service = {}
Service.__index = Service

-- A service whose pages are given as { items…, next = token }, by the token that asks for them (""
-- is the first). Also given: which it was asked for.
local function service(pages)
  local asked = {}
  return setmetatable({ pages = pages, asked = asked, cancelled = {} }, Service), asked
end

function Service:wait(token)
  local page = self.pages[token]
  if not page then
    return nil, errors.new { kind = "service", code = "InvalidToken", message = "" }
  end
  local things = {}
  for index, thing in ipairs(page) do things[index] = { thing } end
  return { Things = not page.absent and things or nil, NextToken = page.next }
end

function Service:start(operation, parameters, is_paginated)
  assert.equal(OPERATION, operation)
  assert.is_true(is_paginated)
  local token = parameters.NextToken or ""
  self.asked[#self.asked + 1] = token
  return token
end

function Service:call(...) return self:wait(self:start(...)) end

function Service:cancel(token) self.cancelled[#self.cancelled + 1] = token end

local THREE = {
  [""] = { "a", "b", next = "t1" },
  t1 = { "c", "d", next = "t2" },
  t2 = { "e" },
}

local function collect(iterator, ...)
  local names = {}
  for thing in iterator(...) do names[#names + 1] = thing[1] end
  return table.concat(names)
end

local function pages_of(...)
  local pages = {}
  for page in pagination.pages(...) do
    local names = {}
    for _, thing in ipairs(page.Things or {}) do names[#names + 1] = thing[1] end
    pages[#pages + 1] = table.concat(names)
  end
  return table.concat(pages, "|")
end

describe("lmigrationhub.pagination", function()
  it("yields all items in order, all pages in order", function()
    assert.equal("abcde", collect(pagination.items, (service(THREE)), OPERATION, {}))
    assert.equal("ab|cd|e", pages_of((service(THREE)), OPERATION, {}))
  end)

  it("fetches a page only when it is needed", function()
    local caller, asked = service(THREE)
    local next_item = pagination.items(caller, OPERATION, {})
    assert.equal(0, #asked)
    next_item()
    next_item()
    assert.equal(1, #asked)
    next_item()
    assert.same({ "", "t1" }, asked)
  end)

  it("starts in the middle when the parameters hold a token, which it does not change", function()
    local parameters = { NextToken = "t1" }
    assert.equal("cde", collect(pagination.items, (service(THREE)), OPERATION, parameters))
    assert.same({ NextToken = "t1" }, parameters)
  end)

  it("goes on over empty and absent lists, and ends at an empty token", function()
    local caller, asked = service {
      [""] = { next = "t1" }, t1 = { absent = true, next = "t2" }, t2 = { "a", next = "" },
    }
    assert.equal("a", collect(pagination.items, caller, OPERATION, {}))
    assert.equal(3, #asked)
  end)

  it("yields nothing more after the end", function()
    local next_item = pagination.items((service { [""] = { "a" } }), OPERATION, {})
    next_item()
    assert.is_nil((next_item()))
    assert.is_nil((next_item()))
  end)

  it("raises what a page failed with, and asks for that page again when called again", function()
    local pages = { [""] = { "a", next = "t1" } }
    local next_item = pagination.items((service(pages)), OPERATION, {})
    next_item()
    local ok, failure = pcall(next_item)
    assert.is_false(ok)
    assert.equal("InvalidToken", failure.code)
    pages.t1 = { "b" }
    assert.equal("b", next_item()[1])
  end)

  describe("guards against listings without end:", function()
    local function repeated(pages, parameters)
      local caller, asked = service(pages)
      local seen = {}
      local ok, failure = pcall(function()
        for thing in pagination.items(caller, OPERATION, parameters or {}) do
          seen[#seen + 1] = thing[1]
          assert(#seen < 10000, "runs on")
        end
      end)
      assert.is_false(ok)
      assert.equal("pagination", failure.kind)
      assert.equal("PaginationError", failure.code)
      assert.equal("ListThings", failure.operation)
      return table.concat(seen), #asked
    end

    it("the same token twice", function()
      assert.equal("ab", (repeated { [""] = { "a", next = "t" }, t = { "b", next = "t" } }))
    end)

    it("two in turns", function()
      assert.equal("abc", (repeated {
        [""] = { "a", next = "t" }, t = { "b", next = "u" }, u = { "c", next = "t" },
      }))
    end)

    it("the token that the listing began with", function()
      local pages = { t = { "a", next = "u" }, u = { "b", next = "t" } }
      assert.equal("ab", (repeated(pages, { NextToken = "t" })))
    end)

    it("a loop longer than what is remembered", function()
      local pages = {}
      for index = 0, 999 do
        pages[index == 0 and "" or "t" .. index] = {
          ".", next = "t" .. (index < 999 and index + 1 or 1),
        }
      end
      local _, asked = repeated(pages)
      assert.is_true(asked <= 4000)
    end)

    it("but not against a long one that ends", function()
      local pages = {}
      for index = 0, 4999 do
        pages[index == 0 and "" or "t" .. index] = {
          ".", next = index < 4999 and "t" .. index + 1 or nil,
        }
      end
      assert.equal(5000, #collect(pagination.items, (service(pages)), OPERATION, {}))
    end)
  end)

  describe("max_items", function()
    for _, limit in ipairs { 0, 1, 2, 3, 5, 9 } do
      local expected = ("abcde"):sub(1, limit)
      it("bounds the items to " .. limit, function()
        local caller, asked = service(THREE)
        local options = { max_items = limit }
        assert.equal(expected, collect(pagination.items, caller, OPERATION, {}, options))
        assert.equal(math.min(math.ceil(limit / 2), 3), #asked)
      end)
    end

    it("cuts the last page", function()
      assert.equal("ab|c", pages_of((service(THREE)), OPERATION, {}, { max_items = 3 }))
    end)
  end)

  describe("resume", function()
    local function positions()
      local all = {}
      for _, cursor in pagination.items((service(THREE)), OPERATION, {}) do
        all[#all + 1] = cursor:position()
      end
      return all
    end

    it("goes on exactly after each item", function()
      for index, position in ipairs(positions()) do
        local options = { resume = position }
        assert.equal(("abcde"):sub(index + 1), collect(pagination.items, (service(THREE)),
          OPERATION, {}, options))
      end
    end)

    it("does not fetch a page that was used up", function()
      local caller, asked = service(THREE)
      collect(pagination.items, caller, OPERATION, {}, { resume = positions()[2] })
      assert.same({ "t1", "t2" }, asked)
    end)

    it("finds what was added after the end", function()
      local last = positions()[5]
      local longer = {
        [""] = THREE[""], t1 = THREE.t1, t2 = { "e", "f", next = "t3" }, t3 = { "g" },
      }
      local options = { resume = last }
      assert.equal("fg", collect(pagination.items, (service(longer)), OPERATION, {}, options))
      assert.equal("f|g", pages_of((service(longer)), OPERATION, {}, { resume = last }))
    end)

    it("skips over pages that have become smaller", function()
      local small = {
        [""] = { "a", next = "s" }, s = { "b", next = "t1" }, t1 = THREE.t1, t2 = THREE.t2,
      }
      local options = { resume = "2:" }
      assert.equal("cde", collect(pagination.items, (service(small)), OPERATION, {}, options))
    end)

    it("works with pages and max_items, and after leaving early", function()
      local last
      for _, cursor in pagination.pages((service(THREE)), OPERATION, {}, { max_items = 3 }) do
        last = cursor
      end
      last:close()
      assert.equal("d|e", pages_of((service(THREE)), OPERATION, {}, { resume = last:position() }))
    end)
  end)

  describe("prefetch", function()
    local AHEAD = { prefetch = true }

    it("asks for the next page before the items of the one at hand are handed out", function()
      local caller, asked = service(THREE)
      local next_item = pagination.items(caller, OPERATION, {}, AHEAD)
      assert.equal(0, #asked)
      next_item()
      assert.same({ "", "t1" }, asked)
      next_item()
      next_item()
      assert.same({ "", "t1", "t2" }, asked)
    end)

    it("changes nothing of what is handed out, and asks for no page twice", function()
      local caller, asked = service(THREE)
      assert.equal("abcde", collect(pagination.items, caller, OPERATION, {}, AHEAD))
      assert.same({ "", "t1", "t2" }, asked)
      assert.equal("ab|cd|e", pages_of((service(THREE)), OPERATION, {}, AHEAD))
    end)

    for limit = 0, 6 do
      it("asks for no page beyond max_items = " .. limit, function()
        local caller, asked = service(THREE)
        local options = { max_items = limit, prefetch = true }
        local expected = ("abcde"):sub(1, limit)
        assert.equal(expected, collect(pagination.items, caller, OPERATION, {}, options))
        assert.equal(math.min(math.ceil(limit / 2), 3), #asked)
      end)
    end

    it("resumes, and gives positions, as without", function()
      local positions = {}
      for _, cursor in pagination.items((service(THREE)), OPERATION, {}, AHEAD) do
        positions[#positions + 1] = cursor:position()
      end
      assert.same({ "1:", "0:t1", "1:t1", "0:t2", "1:t2" }, positions)
      for index, position in ipairs(positions) do
        local options = { resume = position, prefetch = true }
        assert.equal(("abcde"):sub(index + 1), collect(pagination.items, (service(THREE)),
          OPERATION, {}, options))
      end
    end)

    it("raises an error where the page would have come, and asks again when told to", function()
      local pages = { [""] = { "a", "b", next = "t1" } }
      local next_item = pagination.items((service(pages)), OPERATION, {}, AHEAD)
      assert.equal("a", next_item()[1])
      assert.equal("b", next_item()[1])
      local ok, failure = pcall(next_item)
      assert.is_false(ok)
      assert.equal("InvalidToken", failure.code)
      pages.t1 = { "c" }
      assert.equal("c", next_item()[1])
    end)

    it("does not ask with a repeated token", function()
      local caller, asked = service { [""] = { "a", next = "t" }, t = { "b", next = "t" } }
      local ok, failure = pcall(collect, pagination.items, caller, OPERATION, {}, AHEAD)
      assert.is_false(ok)
      assert.equal("PaginationError", failure.code)
      assert.same({ "", "t" }, asked)
    end)

    it("is cancelled when the cursor is closed, once", function()
      local caller = service(THREE)
      local next_item = pagination.items(caller, OPERATION, {}, AHEAD)
      local _, cursor = next_item()
      cursor:close()
      cursor:close()
      assert.same({ "t1" }, caller.cancelled)
      assert.is_nil((next_item()))
    end)

    it("cancels nothing that was used", function()
      local caller = service(THREE)
      collect(pagination.items, caller, OPERATION, {}, AHEAD)
      assert.same({}, caller.cancelled)
    end)
  end)

  it("shows the page at hand", function()
    local next_item = pagination.items((service(THREE)), OPERATION, {})
    local _, cursor = next_item()
    assert.equal("t1", cursor.page.NextToken)
  end)

  it("keeps one page alive at a time, and none after leaving", function()
    local spying = service(THREE)
    local alive = setmetatable({}, { __mode = "k" })
    function spying:call(...)
      local page, failure = Service.call(self, ...)
      if page then alive[page] = true end
      return page, failure
    end
    local function count()
      collectgarbage()
      collectgarbage()
      local pages = 0
      for _ in pairs(alive) do pages = pages + 1 end
      return pages
    end
    local last
    for _, cursor in pagination.items(spying, OPERATION, {}) do
      assert.equal(1, count())
      last = cursor
    end
    assert.equal(0, count())
    last:close()
  end)

  if _VERSION == "Lua 5.4" then
    it("closes when a loop of Lua 5.4 is left early", function()
      local kept
      for thing, cursor in pagination.items((service(THREE)), OPERATION, {}) do
        kept = cursor
        if thing[1] == "a" then break end
      end
      assert.is_nil(kept.page)
      assert.equal("1:", kept:position())
    end)
  end

  for _, case in ipairs {
    { {}, { max_items = -1 }, "option max_items must be a whole number from 0" },
    { {}, { max_items = 1.5 }, "option max_items must be a whole number from 0" },
    { {}, { max_items = "3" }, "option max_items must be a whole number from 0" },
    { {}, { resume = 3 }, "option resume must be a text that cursor:position() gave" },
    { {}, { resume = "x" }, "option resume must be a text that cursor:position() gave" },
    { { NextToken = "t" }, { resume = "1:t" },
      "give either option resume or the parameter NextToken" },
    { {}, { prefetch = 1 }, "option prefetch must be a boolean" },
    { {}, { max_itmes = 3 }, "unknown option max_itmes" },
    { {}, 3, "the options must be a table, got number" },
    { "x", {}, "the parameters must be a table, got string" },
  } do
    it("says " .. case[3], function()
      local iterator, failure = pagination.items(service {}, OPERATION, case[1], case[2])
      assert.is_nil(iterator)
      assert.equal("validation", failure.kind)
      assert.equal(case[3], failure.message)
    end)
  end
end)
