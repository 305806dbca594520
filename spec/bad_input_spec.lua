-- Every door of the library with values of every wrong type and of hostile content: an error that
-- names the place, or a value that is exactly right; never a crash, a hang or a silent change.

local client = require "lmigrationhub.client"
local curl = require "lmigrationhub.curl"
local digest = require "lmigrationhub.digest"
local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local migrationhub = require "lmigrationhub"
local operations = require "lmigrationhub.operations"
local posix = require "lmigrationhub.posix"
local request = require "lmigrationhub.request"
local response = require "lmigrationhub.response"
local settings = require "lmigrationhub.settings"
local sigv4 = require "lmigrationhub.sigv4"
local utf8 = require "lmigrationhub.utf8"

local BIG = 10 * 1024 * 1024 -- bytes
local NAN = 0 / 0
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "hidden-secret" }

local cycle = {}
cycle.itself, cycle[1] = cycle, cycle

local function refuse() error "a metamethod was asked" end

-- Whoever asks more of it than its raw contents is told so.
local trap = setmetatable({}, {
  __index = refuse, __newindex = refuse, __len = refuse, __pairs = refuse, __call = refuse,
  __tostring = refuse, __concat = refuse, __eq = refuse, __lt = refuse, __le = refuse,
})

local function is_trap(value) return rawequal(value, trap) end

-- By content.
local VALUES = {
  ["false"] = { false, type = "boolean" },
  ["true"] = { true, type = "boolean" },
  ["an integer"] = { 7, type = "number" },
  ["a negative number"] = { -1, type = "number" },
  ["a fraction"] = { 0.5, type = "number" },
  ["negative zero"] = { -0.0, type = "number" },
  ["NaN"] = { NAN, type = "number" },
  ["infinity"] = { math.huge, type = "number" },
  ["negative infinity"] = { -math.huge, type = "number" },
  ["2^53"] = { 2 ^ 53, type = "number" },
  ["2^63"] = { 2 ^ 63, type = "number" },
  ["1e308"] = { 1e308, type = "number" },
  ["an empty text"] = { "", type = "string" },
  ["a text"] = { "text", type = "string" },
  ["a zero byte"] = { "a\0b", type = "string" },
  ["CR LF"] = { "a\r\nX-Evil: b", type = "string" },
  ["no UTF-8"] = { "\255\254", type = "string", is_ill = true },
  ["a lone surrogate"] = { "\237\160\128", type = "string", is_ill = true },
  ["an empty table"] = { {}, type = "table" },
  ["a list"] = { { "a" }, type = "table" },
  ["a cycle"] = { cycle, type = "table" },
  ["a table with metamethods"] = { trap, type = "table" },
  ["a function"] = { function() end, type = "function" },
  ["a coroutine"] = { coroutine.create(function() end), type = "thread" },
  ["a file"] = { io.stdout, type = "userdata" },
}

-- Calls `fn(name, value, row)` for each value that is of none of those types.
local function each_value(fn, ...)
  local left_out = {}
  for _, name in ipairs { ... } do left_out[name] = true end
  for name, row in pairs(VALUES) do
    if not left_out[row.type] then fn(name, row[1], row) end
  end
end

-- A transport that counts what is sent, and answers with an empty object.
local function counting()
  local transport = { sent = 0, answer = { status = 200, headers = {}, body = "{}" } }
  function transport:start() self.sent = self.sent + 1 end
  function transport:wait() return self.answer end
  function transport:send() return self:wait(self:start()) end
  function transport.sleep() end
  function transport.close() end
  return transport
end

local function world() return { getenv = function() end, random = function() return 0 end } end

local function hub_of(transport)
  return client.new({ region = "us-west-2", credentials = KEYS, transport = transport }, world())
end

local function failure_of(name, fn, ...)
  local ok, failure = pcall(fn, ...)
  assert.is_false(ok, name)
  assert.is_true(errors.is_error(failure), name .. ": " .. type(failure))
  return failure
end

local function assert_names(place, name, failure)
  assert.truthy(failure.message:find(place, 1, true), name .. ": " .. failure.message)
end

-- A wrong call of a C function names the argument.
local function assert_argument(number, name, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok, name)
  assert.equal("string", type(message), name)
  local expected = ("bad argument #%d"):format(number)
  assert.truthy(message:find(expected, 1, true), name .. ": " .. message)
end

local function with(fields, name, value)
  local all = {}
  for key, field in pairs(fields) do all[key] = field end
  all[name] = value
  return all
end

describe("a call with bad parameters", function()
  -- What is good for a shape, so that one bad member is the only one.
  local function good(shape)
    if shape.type == "structure" then
      local value = {}
      for _, name in ipairs(shape.required) do value[name] = good(shape.members[name]) end
      return value
    end
    local values = { string = "text", integer = 1, timestamp = 1, boolean = true }
    return shape.type == "list" and { good(shape.item) } or values[shape.type]
  end

  local function is_right(shape, row)
    local value = row[1]
    if shape.type == "structure" then return false end -- each has a member that is required
    if shape.type == "list" then return row.type == "table" and next(value) == nil end
    if shape.type == "boolean" then return row.type == "boolean" end
    if shape.type == "string" then
      return row.type == "string" and not row.is_ill and #value >= (shape.min or 0)
    end
    if row.type ~= "number" then return false end
    if shape.type == "integer" then
      return value % 1 == 0 and value >= shape.min and value < 2 ^ 31
    end
    return value > -62135596801 and value < 253402300800
  end

  for name, operation in pairs(operations) do
    it("names each member of " .. operation.name .. " that is wrong", function()
      local transport = counting()
      local hub = hub_of(transport)
      for member, shape in pairs(operation.input.members) do
        each_value(function(what, value, row)
          if is_right(shape, row) or shape.type == "list" and row.type == "table" then return end
          local parameters = with(good(operation.input), member, value)
          local failure = failure_of(member .. " = " .. what, hub[name], hub, parameters)
          assert.equal("validation", failure.kind)
          assert.equal(operation.name, failure.operation)
          assert_names(member, what, failure)
        end)
      end
      each_value(function(what, value)
        assert.equal("validation", failure_of(what, hub[name], hub, value).kind)
      end, "table")
      assert.equal(0, transport.sent)
    end)

    it("sends what is right to " .. operation.name .. " as it is", function()
      for member, shape in pairs(operation.input.members) do
        each_value(function(what, value, row)
          if not is_right(shape, row) or shape.min and shape.type == "list" then return end
          local made, failure = request.new(operation, with(good(operation.input), member, value))
          assert.is_nil(failure, member .. " = " .. what)
          local sent = json.decode(made.body)[member]
          if type(value) == "table" then sent = sent or value end
          assert.equal(value, sent, member .. " = " .. what)
        end)
      end
    end)
  end

  it("takes no metamethod of a table", function()
    local hub = hub_of(counting())
    for name, operation in pairs(operations) do
      if next(operation.input.required) then
        assert.equal("validation", failure_of(name, hub[name], hub, trap).kind)
      end
    end
  end)

  it("finds the way out of a cycle", function()
    local hub = hub_of(counting())
    for name in pairs(operations) do
      assert_names("itself is unknown", name, failure_of(name, hub[name], hub, cycle))
    end
  end)

  it("sends ten million bytes unchanged", function()
    local text = ("é"):rep(BIG / 2)
    local made = request.new(operations.describe_application_state, { ApplicationId = text })
    assert.is_true(json.decode(made.body).ApplicationId == text)
  end)

  it("says where ten million bytes are no UTF-8", function()
    local text = ("a"):rep(BIG) .. "\255"
    local _, failure = request.new(operations.describe_application_state, { ApplicationId = text })
    assert.equal(("ApplicationId is not UTF-8 at byte %d"):format(BIG + 1), failure.message)
  end)
end)

describe("a listing with bad arguments", function()
  local PARAMETERS = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-1" }
  local GOOD = {
    max_items = { [0] = true, [7] = true, [2 ^ 53] = true, [2 ^ 63] = true, [1e308] = true },
    resume = {}, prefetch = { [true] = true, [false] = true },
  }
  local transport, hub
  before_each(function()
    transport = counting()
    hub = hub_of(transport)
  end)

  local function refused(name, place, ...)
    local failure = failure_of(name, ...)
    assert.equal("validation", failure.kind)
    assert_names(place, name, failure)
    assert.equal(0, transport.sent)
  end

  it("names parameters and options that are no tables", function()
    each_value(function(name, value)
      refused(name, "the parameters must", hub.migration_tasks, hub, value)
      refused(name, "the options must", hub.migration_tasks, hub, nil, value)
      refused(name, "the options must", hub.pages, hub, "list_migration_tasks", nil, value)
      refused(name, "the parameters must", hub.follow, hub, value)
      refused(name, "the options must", hub.follow, hub, PARAMETERS, value)
    end, "table")
  end)

  it("names each option that is wrong", function()
    for option, right in pairs(GOOD) do
      each_value(function(name, value)
        if value ~= value or not right[value] then
          refused(name, option, hub.migration_tasks, hub, nil, { [option] = value })
        end
      end)
    end
  end)

  it("names each option of following that is wrong", function()
    each_value(function(name, value)
      local seconds = type(value) == "number" and value > 0 and value < math.huge
      for _, option in ipairs { "interval", "timeout" } do
        if not seconds then
          refused(name, option, hub.follow, hub, PARAMETERS, { [option] = value })
        end
      end
      local statuses = type(value) == "table" and rawget(value, 1) == "a"
      if type(value) ~= "string" and not is_trap(value) and not statuses then
        refused(name, "until_status", hub.follow, hub, PARAMETERS, { until_status = value })
      end
    end)
  end)

  it("takes no metamethod of parameters, options or statuses", function()
    local full = setmetatable({ ProgressUpdateStream = "a", MigrationTaskName = "b" },
      getmetatable(trap))
    for name, fn in pairs {
      ["items' parameters"] = function() hub:migration_task_updates(trap)() end,
      ["pages' parameters"] = function() hub:pages("list_migration_task_updates", trap)() end,
      ["followed parameters"] = function() hub:follow(trap)() end,
      ["followed statuses"] = function() hub:follow(PARAMETERS, { until_status = trap }) end,
    } do
      assert.equal("validation", failure_of(name, fn).kind)
    end
    hub:migration_task_updates(full, trap)()
    hub:pages("list_migration_task_updates", full, trap)()
    hub:follow(full, trap)
  end)

  it("names a position to resume at that is none", function()
    for _, position in ipairs {
      "", ":", "a:b", "-1:a", "1.5:a", "0x1:a", "1e3:a", " 1:a", "1", "\0:a", "1\n:a",
    } do
      refused(position, "resume", hub.migration_tasks, hub, nil, { resume = position })
    end
  end)

  -- Of a cursor and of a follower, that is.
  it("says how to call a method of what it gives", function()
    transport.answer = { status = 200, headers = {}, body =
      '{"MigrationTaskSummaryList":[{"MigrationTaskName":"a"}],'
      .. '"MigrationTaskUpdateList":[{"UpdateDateTime":1}]}' }
    local _, cursor = hub:migration_tasks()()
    local _, follower = hub:follow(PARAMETERS)()
    for object, names in pairs {
      [cursor] = { "position", "close" }, [follower] = { "close" },
    } do
      for _, name in ipairs(names) do
        local method = object[name]
        each_value(function(what, value)
          local ok, message = pcall(function() method(value) end)
          assert.is_false(ok, what)
          assert.truthy(tostring(message):find("bad_input_spec%.lua:%d+: call it with a colon"),
            tostring(message))
        end)
      end
    end
    cursor:close()
    cursor:close()
    assert.equal("string", type(cursor:position()))
    follower:close()
    follower:close()
  end)

  it("says that its client is closed", function()
    hub:close()
    hub:close()
    for name, fn in pairs {
      call = hub.list_migration_tasks, items = hub.migration_tasks, pages = hub.pages,
      follow = hub.follow, concurrently = hub.concurrently,
    } do
      local ok, message = pcall(function() fn(hub, "list_migration_tasks") end)
      assert.is_false(ok, name)
      assert.truthy(tostring(message):find "bad_input_spec%.lua:%d+: the client is closed", message)
    end
  end)

  it("names an operation that is none, at the caller's line", function()
    each_value(function(name, value)
      local ok, message = pcall(function() hub:pages(value) end)
      assert.is_false(ok, name)
      assert.truthy(message:find "bad_input_spec%.lua:%d+: bad argument #1 to 'pages'", message)
    end)
  end)

  it("names what cannot be done at once, at the caller's line", function()
    local function check(number, name, ...)
      local arguments, count = { ... }, select("#", ...)
      local unpack = rawget(_G, "unpack") or table.unpack
      local ok, message = pcall(function()
        hub:concurrently(unpack(arguments, 1, count))
      end)
      assert.is_false(ok, name)
      local expected = ("bad_input_spec%%.lua:%%d+: bad argument #%d to 'concurrently'")
      assert.truthy(tostring(message):find(expected:format(number)), name .. tostring(message))
    end
    each_value(function(name, value)
      check(1, name, value, 1, print)
    end, "table", "function")
    each_value(function(name, value)
      local whole = type(value) == "number" and value >= 1 and value % 1 == 0
      if not whole then check(2, name, {}, value, print) end
    end)
    each_value(function(name, value) check(3, name, {}, 1, value) end, "function")
    each_value(function(name, value) check(4, name, {}, 1, print, value) end, "table")
  end)
end)

describe("a method that is called without its client", function()
  it("says how to call it", function()
    for _, fn in pairs(getmetatable(hub_of(counting()))) do
      if type(fn) == "function" then
        each_value(function(what, value)
          local ok, message = pcall(function() fn(value) end)
          assert.is_false(ok, what)
          assert.truthy(message:find("bad_input_spec%.lua:%d+: call it with a colon"), message)
        end)
      end
    end
  end)
end)

describe("an option of new", function()
  local function is_text(value) return type(value) == "string" end
  local GOOD = {
    app_id = is_text, sts_mode = is_text,
    text = is_text,
    boolean = function(value) return type(value) == "boolean" end,
    fn = function(value) return type(value) == "function" end,
    credentials = function(value) return type(value) == "function" end,
    count = function(value) return type(value) == "number" end,
    seconds = function(value)
      return type(value) == "number" and value > 0 and value < math.huge
    end,
  }

  for name, row in pairs(settings) do
    if row.option ~= false then
      it(name .. " is named when it is wrong", function()
        local is_good = GOOD[row.type]
        each_value(function(what, value)
          local asks = is_trap(value) and row.type == "transport"
          if asks or is_good and is_good(value) then return end
          local options = with({ region = "us-west-2", credentials = KEYS }, name, value)
          local failure = failure_of(what, client.new, options, world())
          assert.equal("config", failure.kind, what)
          assert_names(name, what, failure)
        end)
      end)
    end
  end

  it("is unknown when it is no name", function()
    each_value(function(what, value)
      if is_trap(value) or value ~= value then return end
      local options = { region = "us-west-2", [value] = 1 }
      local failure = failure_of(what, client.new, options, world())
      assert_names("unknown option", what, failure)
    end)
  end)

  it("must be in a table", function()
    each_value(function(what, value)
      local failure = failure_of(what, client.new, value, world())
      assert_names("the options must be a table", what, failure)
    end, "table")
  end)
end)

describe("is_error", function()
  it("knows no value that is none of ours", function()
    each_value(function(what, value) assert.is_false(migrationhub.is_error(value), what) end)
  end)
end)

describe("a C function", function()
  local SIGNED = {
    method = "GET", url = "https://a.example/", path = "/", body = "",
    headers = { host = "a.example", ["x-amz-date"] = "20150830T123600Z" },
  }
  local REQUEST = {
    method = "GET", url = "http://127.0.0.1:1/", timeouts = { connect = 1, total = 1 },
  }

  local TEXTS = {
    ["utf8.first_invalid"] = utf8.first_invalid,
    ["utf8.first_control"] = utf8.first_control, ["digest.sha1"] = digest.sha1,
    ["digest.sha256"] = digest.sha256, ["digest.base64url"] = digest.base64url,
    ["digest.es256"] = digest.es256, ["digest.p256_public"] = digest.p256_public,
    ["posix.write_private"] = posix.write_private,
  }
  for name, fn in pairs(TEXTS) do
    it(name .. " takes texts alone", function()
      assert_argument(1, "nothing", fn)
      each_value(function(what, value) assert_argument(1, what, fn, value) end, "string", "number")
    end)
  end

  it("takes a second text alone", function()
    each_value(function(what, value)
      assert_argument(2, what, digest.es256, "", value)
      assert_argument(2, what, posix.write_private, "/dev/null/none", value)
    end, "string", "number")
  end)

  it("refuses what is no key", function()
    each_value(function(what, value)
      local signature, message = digest.es256(value, "text")
      assert.is_nil(signature, what)
      assert.equal("string", type(message), what)
      assert.is_nil(digest.p256_public(value), what)
    end, "boolean", "table", "function", "thread", "userdata", "number")
  end)

  for _, name in ipairs { "authorization", "signature", "canonical_request", "string_to_sign" } do
    it("sigv4." .. name .. " names a bad request", function()
      local fn = sigv4[name]
      local function sign(signed)
        if name == "string_to_sign" then return fn(signed, "us-west-2", "mgh") end
        return fn(signed, KEYS, "us-west-2", "mgh")
      end
      each_value(function(what, value) assert_argument(1, what, sign, value) end, "table")
      for field in pairs(SIGNED) do
        each_value(function(what, value)
          local bad = with(SIGNED, field, value)
          if field ~= "url" then assert_argument(1, field .. " = " .. what, sign, bad) end
        end, "string", field == "headers" and "table" or nil)
      end
    end)
  end

  it("names bad credentials, region and service", function()
    each_value(function(what, value)
      assert_argument(2, what, sigv4.authorization, SIGNED, value, "us-west-2", "mgh")
    end, "table")
    each_value(function(what, value)
      for _, field in ipairs { "access_key_id", "secret_access_key" } do
        assert_argument(2, what, sigv4.authorization, SIGNED, with(KEYS, field, value), "a", "b")
      end
    end, "string")
    each_value(function(what, value)
      assert_argument(3, what, sigv4.authorization, SIGNED, KEYS, value, "mgh")
      assert_argument(4, what, sigv4.authorization, SIGNED, KEYS, "us-west-2", value)
    end, "string", "number")
  end)

  it("names a bad option of a multi", function()
    each_value(function(what, value) assert_argument(1, what, curl.new, value) end, "table")
    for _, option in ipairs { "ca_file", "ca_path", "proxy", "no_proxy" } do
      each_value(function(what, value)
        assert_argument(1, what, curl.new, { [option] = value })
      end, "string")
      assert_argument(1, "a zero byte", curl.new, { [option] = "a\0b" })
    end
    each_value(function(what, value)
      local size = type(value) == "number" and value >= 1 and value < 2 ^ 31
      if not size then assert_argument(1, what, curl.new, { max_body = value }) end
    end)
  end)

  it("names a bad field of a request", function()
    local multi = curl.new()
    local function start(field, value) multi:start(with(REQUEST, field, value)) end
    each_value(function(what, value)
      if what ~= "a text" then assert_argument(1, what, start, "method", value) end
      assert_argument(1, what, start, "url", value)
      if not is_trap(value) then assert_argument(1, what, start, "timeouts", value) end
    end)
    each_value(function(what, value) assert_argument(1, what, start, "body", value) end, "string")
    each_value(function(what, value)
      assert_argument(1, what, start, "headers", value)
    end, "table")
    each_value(function(what, value, row)
      if row.type == "string" and not value:find "[%z\r\n]" then return end
      if type(value) ~= "table" then
        assert_argument(1, what, start, "headers", { a = value })
      end
      if not is_trap(value) then assert_argument(1, what, start, "headers", { ["a b"] = value }) end
    end)
    multi:close()
  end)

  it("names a bad span of time", function()
    local multi = curl.new()
    each_value(function(what, value)
      local span = type(value) == "number" and value >= 0 and value < math.huge
      if not span then assert_argument(1, what, function() multi:poll(value) end) end
    end)
    multi:close()
  end)

  it("names a bad program and bad bounds", function()
    each_value(function(what, value) assert_argument(1, what, posix.start, value) end, "table")
    each_value(function(what, value)
      assert_argument(1, what, posix.start, { value })
    end, "string")
    each_value(function(what, value)
      assert_argument(2, what, posix.start, { "true" }, value)
    end, "table")
    each_value(function(what, value)
      assert_argument(2, what, posix.start, { "true" }, { timeout = value })
    end, "number")
    assert_argument(1, "a zero byte", posix.start, { "a\0b" })
    assert_argument(2, "NaN", posix.start, { "true" }, { timeout = NAN })
    assert_argument(2, "infinity", posix.start, { "true" }, { timeout = math.huge })
  end)
end)

describe("an answer of the service", function()
  local JSON = {
    ["true"] = "boolean", ["-1"] = "number", ["1.5"] = "number", ["1e400"] = "number",
    ['"text"'] = "string", ["{}"] = "empty", ["[]"] = "empty", ['{"a":1}'] = "structure",
    ['["a"]'] = "list", ["[[]]"] = "list", ["9007199254740993"] = "number",
  }

  local function read(operation, body)
    return response.read(operation, { status = 200, headers = {}, body = body })
  end

  -- May the JSON stand where the shape is?
  local function fits(shape, kind, text)
    if kind == "empty" then return shape.type == "list" or shape.type == "structure" end
    if shape.type == "structure" or shape.type == "list" then
      if text == "[[]]" then return shape.type == "list" end -- an empty table is an object too
      return kind == shape.type and text ~= '["a"]'
    end
    if shape.type == "integer" then return text == "-1" or text == "9007199254740993" end
    if shape.type == "timestamp" then return kind == "number" and text ~= "1e400" end
    return kind == shape.type
  end

  -- Calls `fn(shape, place, before, after)` for each value below a shape; the last two make an
  -- answer of its JSON.
  local function walk(shape, place, before, after, fn)
    if place ~= "" then fn(shape, place, before, after) end
    if shape.type == "list" then
      return walk(shape.item, place .. "[1]", before .. "[", "]" .. after, fn)
    end
    for name, member in pairs(shape.members or {}) do
      local full = place == "" and name or place .. "." .. name
      walk(member, full, ('%s{"%s":'):format(before, name), "}" .. after, fn)
    end
  end

  for _, operation in pairs(operations) do
    it("of " .. operation.name .. " is refused at each place that is wrong", function()
      walk(operation.output, "", "", "", function(shape, place, before, after)
        for text, kind in pairs(JSON) do
          local page, failure = read(operation, before .. text .. after)
          if fits(shape, kind, text) then
            assert.is_nil(failure, place .. " = " .. text)
          else
            assert.is_nil(page, place .. " = " .. text)
            assert.equal("InvalidResponse", failure.code)
            if text ~= "1e400" then assert_names(place, text, failure) end
          end
        end
      end)
      for _, text in ipairs { "", "true", "1", '"a"', "[]", "[{}]", "{", "{}}", "\255" } do
        local nothing = text == "" and next(operation.output.members) == nil
        local _, failure = read(operation, text)
        if not nothing then assert.equal("InvalidResponse", failure.code) end
      end
    end)
  end

  -- Text of JSON -> what it means, by the type of the shape; nil where it means nothing.
  local EXACT = {
    integer = {
      ["0"] = 0, ["-0"] = 0, ["100"] = 100, ["1e2"] = 100, ["1.0"] = 1, ["2147483647"] = 2147483647,
      ["-2147483648"] = -2147483648, ["9007199254740991"] = 9007199254740991,
      ["-9007199254740991"] = -9007199254740991, ['"7"'] = 7, ['"-7"'] = -7,
    },
    timestamp = {
      ["0"] = 0, ["-1.5"] = -1.5, ["1733907600.123"] = 1733907600.123, ["1e9"] = 1e9,
      ['"2024-12-11T09:00:00Z"'] = 1733907600,
    },
    boolean = { ["true"] = true, ["false"] = false },
    string = {
      ['""'] = "", ['"\\u0000"'] = "\0", ['"\\ud83d\\ude00"'] = "\240\159\152\128", ['"1"'] = "1",
      ['"\195\169"'] = "\195\169", ['"\\/\\"\\\\"'] = '/"\\',
    },
  }
  -- None of them may become a value. (From 2^53 on an integer is the nearest number that JSON's
  -- readers have: a public case asks for one, no member of the service's has such.)
  local WRONG = {
    integer = {
      "1e400", "-1e400", "1.5", "NaN", "Infinity", "0x10", '"0x10"', '" 7"', '"7 "', '"1e400"',
      '"1.5"', '"inf"', '"nan"', '""', "01", "+1",
    },
    timestamp = { "1e400", "-1e400", "NaN", "Infinity", '"soon"', '""', '"1e400"', "01" },
    boolean = { "0", "1", '"true"', '""', "TRUE" },
    string = { "0", "true", '"\\ud800"', '"\\udc00"', '"\\x41"', "'a'" },
  }

  local function value_at(page, place)
    for name, index in place:gmatch "([%w_]*)%.?%[?(%d*)%]?" do
      if name ~= "" then page = page[name] end
      if index ~= "" then page = page[tonumber(index)] end
    end
    return page
  end

  for _, operation in pairs(operations) do
    it("of " .. operation.name .. " has each value exactly, or none", function()
      walk(operation.output, "", "", "", function(shape, place, before, after)
        for text, expected in pairs(EXACT[shape.type] or {}) do
          local page, failure = read(operation, before .. text .. after)
          assert.is_nil(failure, place .. " = " .. text)
          local value = value_at(page, place)
          assert.is_true(value == expected, place .. " = " .. text)
          if shape.type == "integer" and math.type then
            assert.equal("integer", math.type(value))
          end
        end
        for _, text in ipairs(WRONG[shape.type] or {}) do
          local page, failure = read(operation, before .. text .. after)
          assert.is_nil(page, place .. " = " .. text)
          assert.equal("InvalidResponse", failure.code)
        end
      end)
    end)
  end

  local listing = operations.list_progress_update_streams

  it("may not be nested without end", function()
    for _, depth in ipairs { 99, 1000, 1000000 } do
      local body = '{"New":' .. ("["):rep(depth) .. ("]"):rep(depth) .. "}"
      local page, failure = read(listing, body)
      if depth == 99 then
        assert.is_table(page)
      else
        assert.equal("InvalidResponse", failure.code)
      end
      assert.is_true(failure == nil or #failure.message < 200)
    end
  end)

  it("may not have half of a surrogate pair", function()
    for _, text in ipairs { "\\ud800", "\\udc00", "\\ud800\\u0041", "\\udc00\\ud800", "\\ud8" } do
      local page, failure = read(listing, ('{"NextToken":"%s"}'):format(text))
      assert.is_nil(page, text)
      assert.equal("InvalidResponse", failure.code)
    end
    assert.equal("\240\159\152\128", read(listing, [[{"NextToken":"\ud83d\ude00"}]]).NextToken)
  end)

  it("has the last of two members of one name", function()
    assert.equal("b", read(listing, '{"NextToken":"a","NextToken":"b"}').NextToken)
  end)

  it("keeps zero bytes and control characters that are escaped", function()
    assert.equal("a\0\1b", read(listing, [[{"NextToken":"a\u0000\u0001b"}]]).NextToken)
  end)
end)
