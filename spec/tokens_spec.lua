local tokens = require "lmigrationhub.tokens"

local function after(count)
  local seen = tokens.new()
  for number = 1, count do seen:add("t" .. number) end
  return seen
end

describe("lmigrationhub.tokens", function()
  it("knows none at first", function() assert.is_false(tokens.new():is_repeated "t1") end)

  it("knows the last eight and more", function()
    for _, count in ipairs { 1, 7, 8, 9, 16, 1000 } do
      local seen = after(count)
      for number = math.max(1, count - 7), count do
        assert.is_true(seen:is_repeated("t" .. number))
      end
      assert.is_false(seen:is_repeated "new")
    end
  end)

  it("knows one of long ago: how a loop of any length ends", function()
    local seen = after(200)
    assert.is_true(seen:is_repeated "t128")
    assert.is_false(seen:is_repeated "t127")
  end)

  it("says what is wrong with a listing that repeats one", function()
    local failure = tokens.repeated { name = "ListThings" }
    assert.same({ "pagination", "PaginationError", "ListThings" },
      { failure.kind, failure.code, failure.operation })
  end)
end)
