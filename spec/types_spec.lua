-- types.lua says what the code and the service's facts say, no more and no less; and README.md has
-- every method and option.
local cjson = require "cjson"
local client = require "lmigrationhub.client"
local config = require "lmigrationhub.config"
local explicit = require "lmigrationhub.credentials.explicit"
local operations = require "lmigrationhub.operations"
local settings = require "lmigrationhub.settings"

local PREFIX = "lmigrationhub."

-- Classes and aliases that are no shapes of the service.
local OWN = {}
for name in ([[
  Change Client ConcurrencyOptions Credentials CredentialsFunction Cursor EmptyResult Error
  ErrorCode ErrorKind FollowOptions FollowParameters Follower ListOptions Listing Options Page
  PaginatedOperation Request Response StreamChange TaskChange TaskListing TaskParameters Timeouts
  Transport TransportFailure
]]):gmatch "%a+" do
  OWN[name] = true
end

-- Nothing of the user's settings.
local NOWHERE = { getenv = function() end, open = function() return nil, "none", 2 end }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The texts of all modules by path.
local function sources()
  local found = {}
  local pipe = assert(io.popen "find lmigrationhub -name '*.lua' ! -name types.lua")
  for path in pipe:lines() do found[path] = read(path) end
  pipe:close()
  return found
end

local function keys(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function set(list)
  local found = {}
  for _, name in ipairs(list or {}) do found[name] = true end
  return found
end

-- Reading annotations: line by line, into `types`, the classes, aliases and functions by name. A
-- name that comes again goes into its list `again`.

local readers = {}

local function without_prefix(name)
  return (name:gsub("^lmigrationhub%.", ""))
end

local function add(types, map, name, value)
  if map[name] then table.insert(types.again, name) end
  map[name] = value
end

function readers.class(types, rest)
  local name, parents = rest:gsub("^%(exact%) ", ""):match "^([%w_.]+)(.*)$"
  types.class = { is_exact = rest:find "^%(exact%)" ~= nil, parents = {}, fields = {} }
  for parent in (parents:match "^:.*" or ""):gmatch "[:,] ([%w_.]+)" do
    table.insert(types.class.parents, without_prefix(parent))
  end
  add(types, types.classes, without_prefix(name), types.class)
end

-- A field's type is one word, but for tables with types of their own.
function readers.field(types, rest)
  local name, mark, form = rest:match "^([^%s?]+)(%??) (.*)$"
  local text
  if form:find "^table<" then
    form, text = form:match "^(table%b<>%S*) *(.*)$"
  else
    form, text = form:match "^(%S+) *(.*)$"
  end
  local is_optional = mark == "?" or form:find "%?$" ~= nil or form:find "|nil$" ~= nil
  add(types, types.class.fields, name, { type = form, is_optional = is_optional, text = text })
end

function readers.alias(types, rest)
  local name, text = rest:match "^([%w_.]+) ?(.*)$"
  types.alias = {}
  add(types, types.aliases, without_prefix(name), types.alias)
  for value in text:gmatch '"([^"]*)"' do table.insert(types.alias, value) end
end

function readers.param(types, rest)
  local name, mark, form = rest:match "^([%w_.]+)(%??) (%S+)"
  types.comment[name] = { type = form, is_optional = mark == "?" }
end

readers["return"] = function(types, rest)
  types.comment.returns = rest
end

local function read_line(types, line)
  local tag, rest = line:match "^%-%-%-@(%w+) (.*)$"
  if tag then return readers[tag] and readers[tag](types, rest) end
  local value = line:match '^%-%-%-| "([^"]*)"'
  if value then return table.insert(types.alias, value) end
  local words = line:match "^%-%-%- (.*)$"
  if words then types.comment.text = (types.comment.text or "") .. " " .. words end
  local name, arguments = line:match "^function (%w+[.:][%w_]+)(%b())"
  if name then types.functions[name], types.comment.arguments = types.comment, arguments end
  if not line:find "^%-%-%-" then types.comment = {} end
end

local function parse(text)
  local types = { classes = {}, aliases = {}, functions = {}, comment = {}, again = {} }
  for line in text:gmatch "([^\n]*)\n" do read_line(types, line) end
  return types
end

-- A class's members with those of its parents.
local function members_of(types, name)
  local members = {}
  local class = types.classes[name] or { parents = {}, fields = {} }
  for _, parent in ipairs(class.parents) do
    for member, field in pairs(members_of(types, parent)) do members[member] = field end
  end
  for member, field in pairs(class.fields) do members[member] = field end
  return members
end

local function methods_of(types, class)
  local names = {}
  for name in pairs(types.functions) do
    local method = name:match("^" .. class .. "[.:]([%w_]+)$")
    if method then table.insert(names, method) end
  end
  table.sort(names)
  return names
end

-- The facts in words.

local PATTERNS = {
  ["[^/:|\\000-\\037]+"] = " without / : | and control characters",
  ["[^:|]+"] = " without : and |",
  ["^[a-zA-Z0-9\\/\\+\\=]{0,2048}$"] = " of a-z A-Z 0-9 / + =",
  ["arn:[a-z-]+:[a-z0-9-]+:(?:[a-z0-9-]+|):(?:[0-9]{12}|):.*"] = " that make an ARN",
}

local function range(shape)
  if not shape.max then return ("%d or more"):format(shape.min) end
  if shape.min == 0 and shape.type ~= "integer" then return ("at most %d"):format(shape.max) end
  return ("%d to %d"):format(shape.min, shape.max)
end

local function pattern_in_words(pattern)
  if not pattern then return "" end
  if pattern:find "^%^%.{%d+,%d+}%$$" then return " on one line" end
  return assert(PATTERNS[pattern], "a pattern without words: " .. pattern)
end

local limits = {}

function limits.string(_, shape)
  if shape.enum or not shape.max then return "" end
  return range(shape) .. " characters" .. pattern_in_words(shape.pattern)
end

function limits.integer(_, shape) return range(shape) end

function limits.boolean() return "" end

limits.structure = limits.boolean

function limits.list(facts, shape)
  if not shape.max then return "" end
  local item = facts.shapes[shape.member]
  local of_item = limits[item.type](facts, item)
  return range(shape) .. " items" .. (of_item == "" and "" or " of " .. of_item)
end

function limits.timestamp(_, _, is_input)
  return is_input and "seconds since 1970 UTC, or ISO 8601 text" or "seconds since 1970 UTC"
end

local function type_of(facts, name, is_input)
  local shape = facts.shapes[name]
  if shape.type == "list" then return type_of(facts, shape.member, is_input) .. "[]" end
  if shape.type == "structure" or shape.enum then return PREFIX .. name end
  if shape.type == "timestamp" then return is_input and "number|string" or "number" end
  return shape.type
end

-- A number in the text besides the limits would be a limit that the service does not have.
local function is_described(text, limit)
  if limit ~= "" and text:sub(-#limit) ~= limit then return false end
  return not text:sub(1, #text - #limit):find "%d"
end

local function problem_of(facts, field, name, is_required, is_input)
  if not field then return "missing" end
  local shape = facts.shapes[name]
  local form = type_of(facts, name, is_input)
  if field.type ~= form then return ("%s, not %s"):format(form, field.type) end
  if field.is_optional == is_required then return is_required and "required" or "optional" end
  local limit = limits[shape.type](facts, shape, is_input)
  if not is_described(field.text, limit) then return ("limits: %q"):format(limit) end
end

local function problems_of(types, facts, name)
  local shape, problems = facts.shapes[name], {}
  local members, required = members_of(types, name), set(shape.required)
  for member, member_shape in pairs(shape.members) do
    local is_input = name:find "Request$" ~= nil
    problems[member] =
      problem_of(facts, members[member], member_shape, required[member] == true, is_input)
  end
  for member in pairs(members) do
    if not shape.members[member] then problems[member] = "unknown" end
  end
  return problems
end

local function common_errors(facts)
  local common
  for _, fact in pairs(facts.operations) do
    local own = set(fact.errors)
    common = common or own
    for code in pairs(common) do common[code] = own[code] end
  end
  return common
end

-- The codes that a comment lists after some words.
local function codes_after(words, comment)
  local list = (comment or ""):match(words .. ": ([%w, ]+)") or ""
  local codes = {}
  for code in list:gmatch "%u%w+" do codes[code] = true end
  return codes
end

-- What a module says otherwise of a field or a method that types.lua has too.
local function differences(types, path, source)
  local found, others = {}, parse(source)
  for name, method in pairs(others.functions) do
    local own = types.functions[name] or method
    if own.arguments ~= method.arguments then table.insert(found, path .. ": " .. name) end
  end
  for name, class in pairs(others.classes) do
    local own = types.classes[name] and types.classes[name].fields or class.fields
    for member, field in pairs(class.fields) do
      local ours = own[member] or {}
      if not member:find "^_" and ours.is_optional ~= field.is_optional then
        table.insert(found, ("%s: %s.%s"):format(path, name, member))
      end
    end
  end
  return found
end

describe("lmigrationhub.types", function()
  local text = read "lmigrationhub/types.lua"
  local types, facts = parse(text), cjson.decode(read "spec/hub/service.json")
  local hub

  setup(function()
    hub = client.new({ region = "us-west-2" }, NOWHERE)
  end)

  teardown(function()
    hub:close()
  end)

  it("is Lua", function()
    assert(loadfile "lmigrationhub/types.lua")
  end)

  it("says everything once", function()
    assert.same({}, types.again)
  end)

  describe("has the service's", function()
    local expected = {}
    for name, shape in pairs(facts.shapes) do
      local is_structure = shape.type == "structure" and not shape.exception
      if shape.enum or is_structure and (next(shape.members) or name:find "Request$") then
        expected[name] = true
      end
      if is_structure and expected[name] then
        it(name, function()
          assert.same({}, problems_of(types, facts, name))
        end)
      elseif shape.enum then
        it(name, function()
          assert.same(shape.enum, types.aliases[name])
        end)
      end
    end

    it("shapes, and no others", function()
      local found = {}
      for name in pairs(types.classes) do found[name] = not OWN[name] or nil end
      for name in pairs(types.aliases) do found[name] = not OWN[name] or nil end
      found.lmigrationhub = nil
      assert.same(keys(expected), keys(found))
    end)
  end)

  it("lets parameters have only what they have, and results more", function()
    for name, class in pairs(types.classes) do
      if name:find "Request$" and name ~= "Request" then assert(class.is_exact, name) end
      if name:find "Result$" then assert.falsy(class.is_exact, name) end
    end
  end)

  it("names no class that it lacks", function()
    for name in text:gmatch "lmigrationhub%.(%u%w*)" do
      assert(types.classes[name] or types.aliases[name], name)
    end
  end)

  it("says what every operation may raise", function()
    local comment = text:match "%-%- The client%.\n\n(.-)\n%-%-%-@class":gsub("\n%-%-%-", "")
    assert.same(common_errors(facts), codes_after("Any operation may raise", comment))
    assert.same(set { "DryRunOperation", "UnauthorizedOperation" },
      codes_after("with DryRun", comment))
  end)

  for method, operation in pairs(operations) do
    local fact = facts.operations[operation.name]
    local stub = types.functions["Client:" .. method] or {}
    local needs_none = #operation.input.required == 0

    it("has parameters and result of " .. method, function()
      local result = next(operation.output.members) and fact.output or "EmptyResult"
      assert.same({ type = PREFIX .. fact.input, is_optional = needs_none }, stub.parameters)
      assert.equal(PREFIX .. result, stub.returns)
      assert.same(keys(operation.output.members), keys(members_of(types, result)))
    end)

    it("checks for " .. method .. " what the client checks", function()
      local required, members = {}, members_of(types, fact.input)
      for name, field in pairs(members) do required[name] = not field.is_optional or nil end
      assert.same(keys(operation.input.members), keys(members))
      assert.same(set(operation.input.required), required)
    end)

    it("has the errors of " .. method, function()
      local codes = codes_after("May also raise", stub.text)
      for code in pairs(common_errors(facts)) do codes[code] = true end
      if operation.input.members.DryRun then
        codes.DryRunOperation, codes.UnauthorizedOperation = true, true
      end
      assert.same(set(fact.errors), codes)
    end)

    local items = operation.items and method:match "^list_(.*)$"
    if items then
      it("has the iterator " .. items, function()
        local iterator = types.functions["Client:" .. items] or {}
        local item = type_of(facts, facts.shapes[fact.output].members[operation.items]):sub(1, -3)
        assert.same(stub.parameters, iterator.parameters)
        assert.same({ type = "lmigrationhub.ListOptions", is_optional = true }, iterator.options)
        assert.equal(("fun(): %s?, lmigrationhub.Cursor? iterator"):format(item), iterator.returns)
        assert.truthy(iterator.text:find(method .. ",", 1, true))
      end)
    end
  end

  it("has every operation whose pages can be listed", function()
    local expected = {}
    for method, operation in pairs(operations) do expected[method] = operation.items and true end
    assert.same(expected, set(types.aliases.PaginatedOperation))
  end)

  local function public_methods()
    local names = {}
    for name, value in pairs(getmetatable(hub).__index) do
      if type(value) == "function" and not name:find "^_" then names[name] = true end
    end
    return keys(names)
  end

  it("has every method of a client, and no other", function()
    assert.same(public_methods(), methods_of(types, "Client"))
  end)

  it("has what the door exports", function()
    local exported = keys(require "lmigrationhub")
    local found = methods_of(types, "migrationhub")
    for name in pairs(types.classes.lmigrationhub.fields) do table.insert(found, name) end
    table.sort(found)
    assert.same(exported, found)
  end)

  local function option_names()
    local names = {}
    for name, row in pairs(settings) do names[name] = row.option ~= false or nil end
    return keys(names)
  end

  it("has every option, and no other", function()
    assert.same(option_names(), keys(types.classes.Options.fields))
  end)

  local OPTION_TYPES = {
    text = "string", app_id = "string", boolean = "boolean", count = "integer", seconds = "number",
    retry_mode = '"standard"|"adaptive"', sts_mode = '"regional"|"legacy"',
    transport = "lmigrationhub.Transport",
    credentials = "lmigrationhub.Credentials|lmigrationhub.CredentialsFunction",
  }

  for _, name in ipairs(option_names()) do
    it("has type, unit and default of option " .. name, function()
      local row, field = settings[name], types.classes.Options.fields[name]
      local default = row.default
      local shown = type(default) == "string" and ("%q"):format(default) or tostring(default)
      assert.equal(OPTION_TYPES[row.type] or "fun", field.type:match "^fun" or field.type)
      assert.truthy(field.is_optional)
      assert.equal(row.type == "seconds", field.text:find "^seconds" ~= nil)
      assert.equal(default ~= nil and shown or nil, field.text:match "; default (%S+)$")
    end)
  end

  -- The options that a module knows: the names in its table of checks.
  local function checked_by(path)
    local names = {}
    for name in read(path):gmatch "checks%.([%w_]+)%f[%s(]" do names[name] = true end
    return keys(names)
  end

  it("has the options of listings, follow and concurrently, and no others", function()
    local classes = types.classes
    local known = read "lmigrationhub/concurrency.lua":match 'if name ~= "([%a_]+)"'
    assert.same({ known }, keys(classes.ConcurrencyOptions.fields))
    assert.same(checked_by "lmigrationhub/pagination.lua", keys(classes.ListOptions.fields))
    assert.same(checked_by "lmigrationhub/follow.lua", keys(classes.FollowOptions.fields))
  end)

  it("has the numbers of the code", function()
    local interval = read "lmigrationhub/follow.lua":match "\nlocal INTERVAL = (%d+)"
    local max_app_id = read "lmigrationhub/config.lua":match "\nlocal MAX_APP_ID = (%d+)"
    assert.equal(interval, types.classes.FollowOptions.fields.interval.text:match "%d+$")
    local limit = read "lmigrationhub/concurrency.lua":match "\nlocal LIMIT = (%d+)"
    assert.equal(limit, text:match "how many at once, from 1; without it, (%d+)")
    assert.equal(max_app_id, types.classes.Options.fields.app_id.text:match "(%d+) bytes$")
  end)

  it("lets follow have the parameters of its listing but NextToken", function()
    local expected = members_of(types, "ListMigrationTaskUpdatesRequest")
    expected.NextToken = nil
    assert.same(expected, members_of(types, "FollowParameters"))
  end)

  it("has the members of credentials", function()
    local asked = {}
    explicit.load { credentials = setmetatable({}, { __index = function(_, name)
      asked[name] = true
      return name == "expiration" and 1 or "text"
    end }) }
    assert.same(keys(asked), keys(types.classes.Credentials.fields))
  end)

  it("requires of credentials what the client requires", function()
    local sample = {}
    for name, field in pairs(types.classes.Credentials.fields) do
      if not field.is_optional then sample[name] = "text" end
    end
    assert.truthy(explicit.load { credentials = sample })
    for name in pairs(sample) do
      sample[name] = nil
      assert.falsy(explicit.load { credentials = sample })
      sample[name] = "text"
    end
  end)

  it("requires of a transport what the client requires", function()
    local sample = {}
    for name, field in pairs(types.classes.Transport.fields) do
      if not field.is_optional then sample[name] = function() end end
    end
    assert(config.new({ transport = sample }, NOWHERE))
    for name, method in pairs(sample) do
      sample[name] = nil
      assert.falsy(config.new({ transport = sample }, NOWHERE))
      sample[name] = method
    end
  end)

  local function collect(patterns)
    local found = {}
    for _, source in pairs(sources()) do
      for _, pattern in ipairs(patterns) do
        for name in source:gmatch(pattern) do found[name] = true end
      end
    end
    return found
  end

  it("has all that is asked of a transport", function()
    local asked = collect {
      "_transport[.:]([%a_]+)", "%.transport:([%a_]+)", "used:([%a_]+)", "main:([%a_]+)",
    }
    assert.same(keys(asked), keys(types.classes.Transport.fields))
  end)

  it("has the kinds of errors", function()
    assert.same(collect { 'kind = "(%a+)"' }, set(types.aliases.ErrorKind))
  end)

  it("has the codes of errors: the service's, the page token's and ours", function()
    local codes = collect { 'code = "(%u%a+)"', 'code [^\n]-or "(%u%a+)"', 'true, "(%u%a+)"' }
    local own = read "lmigrationhub/call.lua":match "TRANSPORT_CODES = (%b{})"
    for code in own:gmatch '"(%a+)"' do codes[code] = true end
    for name, shape in pairs(facts.shapes) do codes[name] = codes[name] or shape.exception end
    codes.InvalidToken = true
    assert.same(keys(codes), keys(set(types.aliases.ErrorCode)))
  end)

  it("has the failures of a transport", function()
    local own, kinds = read "lmigrationhub/call.lua":match "TRANSPORT_CODES = (%b{})", {}
    for kind in own:gmatch '([%a_]+) = "' do kinds[kind] = true end
    assert.same(kinds, set(types.aliases.TransportFailure))
  end)

  it("says of fields and methods what the modules say of them", function()
    for path, source in pairs(sources()) do
      assert.same({}, differences(types, path, source))
    end
  end)

  describe("README.md", function()
    local readme = read "README.md"

    local function missing(names)
      local found = {}
      for _, name in ipairs(names) do
        local is_there = readme:find("`" .. name .. "`", 1, true)
          or readme:find("hub:" .. name .. "%f[^%w_]")
        if not is_there then table.insert(found, name) end
      end
      return found
    end

    it("has every method", function()
      assert.same({}, missing(methods_of(types, "Client")))
    end)

    it("has every option", function()
      local names = option_names()
      for _, class in ipairs { "ListOptions", "FollowOptions", "ConcurrencyOptions" } do
        for name in pairs(types.classes[class].fields) do table.insert(names, name) end
      end
      table.sort(names)
      assert.same({}, missing(names))
    end)
  end)
end)
