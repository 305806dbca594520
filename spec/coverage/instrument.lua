-- Writes copies of Lua files that note what of them runs: lua5.1 instrument.lua NOTES TO FILE…
-- A statement is reached; a condition, or what `and` and `or` decide by, turns out true, and false.
-- All that can be noted is printed, a line each. What stands on a line stays there.
local decoder = require "luacheck.decoder"
local parser = require "luacheck.parser"

local HEAD = 'local __reached,__tested=require"spec.coverage.counter"(%q,%q) '
local NO_STATEMENTS = { Label = true }
-- What has one outcome decides nothing.
local CONSTANTS = {
  True = true, False = true, Nil = true, Number = true, String = true, Table = true,
  Function = true,
}
local OPERATORS_OF_VALUES = {
  add = true, sub = true, mul = true, div = true, mod = true, pow = true, unm = true, len = true,
  concat = true,
}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

-- By bytes, whatever the source's comments hold.
local function parse(source)
  local starts = {}
  local tree = parser.parse(decoder.decode((source:gsub("[\128-\255]", "?"))), starts, {})
  return tree, starts
end

local Copy = {}
Copy.__index = Copy

local function new(file, source)
  return setmetatable({ file = file, source = source, inserted = {}, notes = {} }, Copy)
end

-- A node's place: its line and column.
function Copy:place(node)
  return ("%d:%d"):format(node.line, node.offset - self.starts[node.line] + 1)
end

-- Before the byte at that offset; what is inserted first stands first.
function Copy:insert(offset, text)
  self.inserted[offset] = (self.inserted[offset] or "") .. text
end

function Copy:note(what, place)
  self.notes[#self.notes + 1] = ("%s %s %s"):format(self.file, what, place)
end

function Copy:mark_statement(node)
  local place = self:place(node)
  self:note("reached", place)
  self:insert(node.offset, ("__reached%q;"):format(place))
end

function Copy:mark_condition(node)
  if CONSTANTS[node.tag] or node.tag == "Op" and OPERATORS_OF_VALUES[node[1]] then return end
  local place = self:place(node)
  self:note("true", place)
  self:note("false", place)
  self:insert(node.offset, ("__tested(%q,"):format(place))
  self:insert(node.end_offset + 1, ")")
end

function Copy:visit_block(block)
  for _, statement in ipairs(block) do
    if not NO_STATEMENTS[statement.tag] then self:mark_statement(statement) end
    self:visit(statement)
  end
end

-- An `and`, an `or`: what stands left decides, and what stands right when the whole does.
function Copy:visit_operator(node, decides)
  local is_logical = node[1] == "and" or node[1] == "or"
  if not is_logical and node[1] ~= "not" and decides then self:mark_condition(node) end
  self:visit(node[2], is_logical or decides and node[1] == "not")
  if node[3] then self:visit(node[3], is_logical and decides) end
end

function Copy:visit_if(node)
  for index = 1, #node - 1, 2 do
    self:visit(node[index], true)
    self:visit_block(node[index + 1])
  end
  if #node % 2 == 1 then self:visit_block(node[#node]) end
end

local VISITS = {
  Op = Copy.visit_operator,
  If = Copy.visit_if,
  Paren = function(self, node, decides) self:visit(node[1], decides) end,
  Function = function(self, node) self:visit_block(node[2]) end,
  Do = function(self, node) self:visit_block(node) end,
  While = function(self, node)
    self:visit(node[1], true)
    self:visit_block(node[2])
  end,
  Repeat = function(self, node)
    self:visit_block(node[1])
    self:visit(node[2], true)
  end,
  Fornum = function(self, node)
    for index = 2, #node - 1 do self:visit(node[index]) end
    self:visit_block(node[#node])
  end,
  Forin = function(self, node)
    self:visit(node[2])
    self:visit_block(node[3])
  end,
}

function Copy:visit(node, decides)
  local visit = VISITS[node.tag]
  if visit then return visit(self, node, decides) end
  if decides then self:mark_condition(node) end
  for _, child in ipairs(node) do
    if type(child) == "table" then self:visit(child) end
  end
end

-- -> the copy's text
function Copy:make(notes_path)
  local tree
  tree, self.starts = parse(self.source)
  self:visit_block(tree)
  local parts = { HEAD:format(notes_path, self.file) }
  for offset = 1, #self.source + 1 do
    parts[#parts + 1] = (self.inserted[offset] or "") .. self.source:sub(offset, offset)
  end
  return table.concat(parts)
end

local notes_path, to = arg[1], arg[2]
for index = 3, #arg do
  local copy = new(arg[index], read(arg[index]))
  write(to .. "/" .. arg[index], copy:make(notes_path))
  print(table.concat(copy.notes, "\n"))
end
