local reader = require "lmigrationhub.reader"

local function convert(shape_type, value)
  if value == "convertible" then return 42 end
  return nil, ": expected " .. shape_type .. ", got " .. type(value)
end

local SHAPE = {
  type = "structure",
  members = {
    Text = { type = "string" },
    Choice = { type = "string", known = { YES = true, NO = true } },
    Count = { type = "integer" },
    Time = { type = "timestamp" },
    Flag = { type = "boolean" },
    Names = { type = "list", item = { type = "string" } },
    Nothing = { type = "structure", members = {} },
    Items = {
      type = "list",
      item = { type = "structure", members = { Name = { type = "string" } } },
    },
  },
}

describe("lmigrationhub.reader", function()
  local read = reader.new(SHAPE, convert)

  it("finds nothing wrong with a value of the shape, whole or empty", function()
    assert.is_nil(read {})
    assert.is_nil(read { Text = "", Choice = "YES", Count = 3, Time = 0.5, Flag = false,
      Names = { "a", "b" }, Nothing = {}, Items = { { Name = "a" }, {} } })
  end)

  it("lets unknown members and unknown values of enumerations pass", function()
    local object = { Choice = "PERHAPS", New = { 1 } }
    assert.is_nil(read(object))
    assert.same({ Choice = "PERHAPS", New = { 1 } }, object)
  end)

  it("makes integers of integral floats where Lua has integers", function()
    local object = { Count = 57.0 }
    assert.is_nil(read(object))
    assert.equal(math.type and "integer" or "57",
      math.type and math.type(object.Count) or tostring(object.Count))
  end)

  it("asks to convert what is of another type", function()
    local object = { Count = "convertible", Time = "convertible" }
    assert.is_nil(read(object))
    assert.equal(42, object.Count)
    assert.equal(42, object.Time)
  end)

  local WRONG = {
    { { Text = 1 }, ".Text: expected string, got number" },
    { { Text = {} }, ".Text: expected string, got table" },
    { { Choice = true }, ".Choice: expected string, got boolean" },
    { { Count = 0.5 }, ".Count: expected integer, got number" },
    { { Count = true }, ".Count: expected integer, got boolean" },
    { { Time = {} }, ".Time: expected timestamp, got table" },
    { { Time = math.huge }, ".Time: expected timestamp, got number" },
    { { Flag = 0 }, ".Flag: expected boolean, got number" },
    { { Names = { "a", 2 } }, ".Names[2]: expected string, got number" },
    { { Nothing = { 1 } }, ".Nothing: expected structure, got list" },
    { { Items = "a" }, ".Items: expected list, got string" },
    { { Items = { a = 1 } }, ".Items: expected list, got structure" },
    { { Items = { {}, "x" } }, ".Items[2]: expected structure, got string" },
    { { Items = { {}, {}, { Name = 3 } } }, ".Items[3].Name: expected string, got number" },
    { { Items = { { { 1 } } } }, ".Items[1]: expected structure, got list" },
    { "text", ": expected structure, got string" },
    { { 1, 2 }, ": expected structure, got list" },
  }
  for _, case in ipairs(WRONG) do
    it("says " .. case[2], function() assert.equal(case[2], read(case[1])) end)
  end
end)
