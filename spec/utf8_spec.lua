local utf8 = require "lmigrationhub.utf8"

-- RFC 3629's table, one row a line: {first, last} of each byte of a sequence.
local TAIL = { 0x80, 0xBF }
local SEQUENCES = {
  { { 0x00, 0x7F } },
  { { 0xC2, 0xDF }, TAIL },
  { { 0xE0, 0xE0 }, { 0xA0, 0xBF }, TAIL },
  { { 0xE1, 0xEC }, TAIL, TAIL },
  { { 0xED, 0xED }, { 0x80, 0x9F }, TAIL },
  { { 0xEE, 0xEF }, TAIL, TAIL },
  { { 0xF0, 0xF0 }, { 0x90, 0xBF }, TAIL, TAIL },
  { { 0xF1, 0xF3 }, TAIL, TAIL, TAIL },
  { { 0xF4, 0xF4 }, { 0x80, 0x8F }, TAIL, TAIL },
}

local function matches(text, at, sequence)
  for i, range in ipairs(sequence) do
    local byte = text:byte(at + i - 1)
    if not byte or byte < range[1] or byte > range[2] then return false end
  end
  return true
end

local function reference(text)
  local at = 1
  while at <= #text do
    local step
    for _, sequence in ipairs(SEQUENCES) do
      if matches(text, at, sequence) then step = #sequence end
    end
    if not step then return at end
    at = at + step
  end
  return nil
end

-- Park and Miller's generator: the same numbers under every Lua.
local function dice(seed)
  return function(limit)
    seed = seed * 16807 % 2147483647
    return seed % limit + 1
  end
end

describe("lmigrationhub.utf8", function()
  for name, text in pairs {
    ["nothing"] = "",
    ["ASCII with a zero byte"] = "plain \0 text",
    ["U+007F, the last of one byte"] = "\127",
    ["U+0080, the first of two bytes"] = "\194\128",
    ["U+07FF, the last of two bytes"] = "\223\191",
    ["U+0800, the first of three bytes"] = "\224\160\128",
    ["U+D7FF, the last before the surrogates"] = "\237\159\191",
    ["U+E000, the first after the surrogates"] = "\238\128\128",
    ["U+FFFF, the last of three bytes"] = "\239\191\191",
    ["U+10000, the first of four bytes"] = "\240\144\128\128",
    ["U+10FFFF, the last of all"] = "\244\143\191\191",
    ["sequences across the eight-byte steps"] = ("1234567\195\169\226\130\172"):rep(9),
  } do
    it("accepts " .. name, function() assert.is_nil(utf8.first_invalid(text)) end)
  end

  for name, sequence in pairs {
    ["a tail on its own"] = "\128",
    ["an overlong of two bytes"] = "\192\175",
    ["the last overlong of two bytes"] = "\193\191",
    ["an overlong of three bytes"] = "\224\159\191",
    ["an overlong of four bytes"] = "\240\143\191\191",
    ["the first surrogate, U+D800"] = "\237\160\128",
    ["the last surrogate, U+DFFF"] = "\237\191\191",
    ["U+110000"] = "\244\144\128\128",
    ["a lead of 0xF5"] = "\245\128\128\128",
    ["0xFF"] = "\255",
    ["two bytes of three"] = "\226\130",
    ["three bytes of four"] = "\240\159\146",
    ["a lead where a tail belongs"] = "\226\130\195\169",
  } do
    it("finds " .. name .. " at every distance from the start", function()
      for before = 0, 17 do
        local text = ("x"):rep(before) .. sequence
        assert.equal(before + 1, utf8.first_invalid(text))
        assert.equal(before + 1, utf8.first_invalid(text .. "123456789"))
      end
    end)
  end

  it("does not look past the end of the text", function()
    assert.equal(8, utf8.first_invalid(("1234567\226\130\172"):sub(1, 8)))
  end)

  it("agrees with RFC 3629's table on random sequences", function()
    local roll = dice(3629)
    for _ = 1, 3000 do
      local bytes = {}
      for _ = 1, roll(6) do
        for _, range in ipairs(SEQUENCES[roll(#SEQUENCES)]) do
          bytes[#bytes + 1] = string.char(range[1] + roll(range[2] - range[1] + 1) - 1)
        end
      end
      local broken = roll(#bytes * 2)
      if bytes[broken] then bytes[broken] = string.char(roll(256) - 1) end
      local text = table.concat(bytes)
      assert.equal(reference(text), utf8.first_invalid(text))
    end
  end)

  it("refuses what is not a string", function()
    assert.has_error(function() utf8.first_invalid({}) end)
  end)

  it("finds each control character but the tab, and no other character", function()
    for byte = 0, 255 do
      local is_control = (byte < 32 or byte == 127) and byte ~= 9
      local text = "a\t" .. string.char(byte) .. "\n"
      assert.equal(is_control and 3 or 4, utf8.first_control(text))
      assert.equal(is_control and 3 or nil, utf8.first_control(text:sub(1, 3)))
    end
    assert.is_nil(utf8.first_control "")
  end)
end)
