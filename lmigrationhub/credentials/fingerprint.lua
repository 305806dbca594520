-- Tells clients apart by all that decides which credentials they find: their settings and what they
-- read from the shared config files. The same configuration has the same fingerprint in each worker
-- and after a reload; secrets in it are not to be had back.

local digest = require "lmigrationhub.digest"

local add -- adds a value to a list of texts; gives whether it has a form at all

-- By type; each text says its own length, so that no two values look alike together.
local writers = {}

function writers.string(texts, value)
  texts[#texts + 1] = ("s%d:%s"):format(#value, value)
end

function writers.number(texts, value)
  texts[#texts + 1] = ("n%.17g;"):format(value)
end

function writers.boolean(texts, value)
  texts[#texts + 1] = value and "t" or "f"
end

function writers.table(texts, value)
  local names = {}
  for name in next, value do names[#names + 1] = name end
  table.sort(names)
  texts[#texts + 1] = "{"
  for _, name in ipairs(names) do
    local member = {}
    if add(member, value[name]) then
      add(texts, name)
      texts[#texts + 1] = table.concat(member)
    end
  end
  texts[#texts + 1] = "}"
end

function add(texts, value)
  local write = writers[type(value)]
  if write then write(texts, value) end
  return write ~= nil
end

--- Functions, and a transport given in code, are left out: no other process could tell them.
---@param settings table of config.lua
---@return string fingerprint 64 hexadecimal digits
local function of(settings)
  local plain, texts = {}, {}
  for name, value in next, settings do
    if name ~= "transport" then plain[name] = value end
  end
  add(texts, plain)
  return digest.sha256(table.concat(texts))
end

return { of = of }
