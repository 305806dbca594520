local json = require "lmigrationhub.json"

describe("lmigrationhub.json", function()
  it("decodes an object", function()
    assert.same({ a = "b", c = { true, false, "x" } },
      json.decode ' \n{"a":"b","c":[true,false,"x"]}\r\n')
  end)

  it("takes null for absent, in objects at any depth", function()
    assert.same({ a = { b = {} }, n = "null" },
      json.decode '{"a":{"b":{"c":null}},"d":null,"n":"null"}')
  end)

  it("drops null from lists without leaving a hole", function()
    assert.same({ a = { 1, 2, { 3 } } }, json.decode '{"a":[null,1,null,null,2,[null,3],null]}')
  end)

  it("reads escapes, surrogate pairs and UTF-8", function()
    assert.same({ a = "é\n/😀" }, json.decode '{"a":"\\u00e9\\n\\/\\uD83D\\uDE00"}')
    assert.same({ a = "é😀" }, json.decode '{"a":"é😀"}')
  end)

  local WRONG = {
    [""] = "not a JSON object",
    ["null"] = "not a JSON object",
    ["[]"] = "not a JSON object",
    ["3"] = "not a JSON object",
    ['"text"'] = "not a JSON object",
    ["<html></html>"] = "not a JSON object",
    ["{"] = "broken JSON",
    ['{"a":1'] = "broken JSON",
    ['{"a":1}}'] = "broken JSON",
    ['{"a":NaN}'] = "broken JSON",
    ['{"a":Infinity}'] = "broken JSON",
    ['{"a":"\\uD800"}'] = "broken JSON",
    ['{"a":"\\uDC00\\uD800"}'] = "broken JSON",
    ['{"a":"\128"}'] = "not UTF-8 at byte 7",
    ['{"a":"\237\160\128"}'] = "not UTF-8 at byte 7",
    ['{"a":"\192\175"}'] = "not UTF-8 at byte 7",
    [("["):rep(200)] = "not a JSON object",
    ['{"a":' .. ("["):rep(200)] = "broken JSON",
    ['{"a":' .. ("["):rep(200) .. ("]"):rep(200) .. "}"] = "broken JSON",
  }
  for text, expected in pairs(WRONG) do
    it(("refuses %q"):format(text:sub(1, 30)), function()
      local value, message = json.decode(text)
      assert.is_nil(value)
      assert.equal(expected, message:sub(1, #expected))
    end)
  end

  it("encodes tables, an empty one as an object", function()
    assert.equal("{}", json.encode {})
    assert.equal('{"a":[1,2]}', json.encode { a = { 1, 2 } })
  end)

  it("leaves the settings of the program's own cjson alone", function()
    assert.is_true(pcall(require("cjson").decode, "[NaN]"))
  end)
end)
