local conformance = require "spec.conformance"
local shared_config = require "lmigrationhub.shared_config"

local CONFIG, CREDENTIALS = "/home/user/.aws/config", "/home/user/.aws/credentials"
local ENDLESS = ("x"):rep(2 ^ 16)

local function environment(variables)
  return function(name) return variables[name] end
end

-- A file of that text; ENDLESS never ends.
local function file_of(text)
  local position = 1
  return {
    close = function() end,
    read = function(_, count)
      if text == ENDLESS then return text:sub(1, count) end
      local chunk = text:sub(position, position + count - 1)
      position = position + count
      if chunk ~= "" then return chunk end
    end,
  }
end

local function opener(files)
  return function(path)
    if files[path] then return file_of(files[path]) end
    return nil, path .. ": No such file or directory", 2
  end
end

local function load(files)
  return shared_config.load(environment { HOME = "/home/user" }, opener(files))
end

local function parse(text) return shared_config.parse(text, "config", "file") end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function from_base64(text)
  return (text:gsub("[^=]+", function(digits)
    local bits, count, bytes = 0, 0, {}
    for digit in digits:gmatch "." do
      bits, count = bits * 64 + DIGITS:find(digit, 1, true) - 1, count + 6
      if count >= 8 then
        count = count - 8
        bytes[#bytes + 1] = string.char(math.floor(bits / 2 ^ count))
        bits = bits % 2 ^ count
      end
    end
    return table.concat(bytes)
  end):gsub("=", ""))
end

describe("lmigrationhub.shared_config.parse", function()
  -- Text -> the properties of profile p.
  local PROFILES = {
    ["[profile p]\nregion = us-west-2"] = { region = "us-west-2" },
    ["\239\187\191[profile p]\r\na = 1\r\n\r\nb =\r\n c = 2\r\n"] = { a = "1", b = { c = "2" } },
    ["[profile p]\na = 1 # c\nb = 2#c\nc =\t; c\nd = #"] = { a = "1", b = "2#c", c = "", d = "" },
    ["[profile p]\na = 1\n\n \n  2\n\t# 3\nb = 4"] = { a = "1\n2\n# 3", b = "4" },
    ["[profile p]\na = 1\n2 =\n b = c=d # e\n# f\n  # g\n B = h"] = {
      a = "1", ["2"] = { b = "h" },
    },
    ["[profile p]\n  # indented\na = 1"] = { a = "1" },
    ["[profile p]\na =\n b = 1\na =\n c = 2"] = { a = { c = "2" } },
    ["[profile p]\na =\n b = 1\na = 2"] = { a = "2" },
    ["[profile p]\na = 1\n 2\na = 3"] = { a = "3" },
    ["[profile p]\na b = 1\n 2\nc = 3"] = { c = "3" },
    ["[profile p]\na b =\n d = 2\nc = 3"] = { c = "3" },
    ["[profile p]\na = b\0c\rd"] = { a = "b\0c\rd" },
    ["[profile \"p\"]\na = 1"] = { a = "1" },
    ["[profile 'p']\na = 1"] = { a = "1" },
    ["[profile p]\t; comment ]\na = 1"] = { a = "1" },
    ["[profile p]\n__index = 1"] = { __index = "1" },
  }
  for text, expected in pairs(PROFILES) do
    it(("reads %q"):format(text), function()
      assert.same({ profiles = { p = expected }, sso_sessions = {}, services = {} }, parse(text))
    end)
  end

  for _, header in ipairs {
    "p", "profile", "profile ", "profile a b", "profile \"a", "profile a\"",
    "profile 'a\"", "profile \"a\" \"b\"", "profile \"\"", "profile caf\195\169", "Profile a",
    "sso-session", "services a b", "plugins", "", "Default", "\"default\"", "profile\ra",
    "profile a#b",
  } do
    it(("leaves out the section [%s]"):format(header), function()
      local text = "[" .. header .. "]\na = 1\n 2\nb =\n c = 3\n[profile q]"
      assert.same({ profiles = { q = {} }, sso_sessions = {}, services = {} }, parse(text))
    end)
  end

  it("takes a quoted name with blanks, of any section", function()
    assert.same({
      profiles = { ["a b"] = { c = "1" } }, sso_sessions = { ["d e"] = {} },
      services = { ["f;g"] = {} },
    }, parse "[profile \"a b\"]\nc = 1\n[sso-session 'd e']\n[services \"f;g\"]")
  end)

  it("takes no quotes in the credentials file", function()
    assert.same({}, shared_config.parse("[\"a\"]\nb = c", "credentials", "file").profiles)
  end)

  -- Text -> message after the file's name. Nothing of a line's text is in it.
  local BROKEN = {
    ["secret"] = "line 1: expected a [section] before the first property",
    ["\n# c\nsecret = secret"] = "line 3: expected a [section] before the first property",
    [" secret"] = "line 1: expected a property before an indented line",
    ["[profile p]\n secret = secret"] = "line 2: expected a property before an indented line",
    ["[default]\nsecret"] = "line 2: expected name = value",
    ["[default]\r\n\r\nsecret # = secret\r\n"] = "line 3: expected name = value",
    ["[default]\n = secret"] = "line 2: expected a property before an indented line",
    ["[default]\n=secret"] = "line 2: expected a name before the =",
    ["[default]\na =\n secret"] = "line 3: expected name = value in the nested block",
    ["[default]\na =\n = secret"] = "line 3: expected a name before the = in the nested block",
    ["[default]\na =\n b = 1\n secret"] = "line 4: expected name = value in the nested block",
    ["[in valid]\nsecret"] = "line 2: expected name = value",
    ["[default"] = "line 1: expected a ] after the section's name",
    ["[default] secret = secret"] = "line 1: expected nothing but a comment after the ]",
    ["[default]\rsecret = secret"] = "line 1: expected nothing but a comment after the ]",
    ["\255\254[\0d\0]\0\n\0"] = "line 1: expected a [section] before the first property",
    ["\0"] = "line 1: expected a [section] before the first property",
  }
  for text, expected in pairs(BROKEN) do
    it(("refuses %q"):format(text), function()
      local file, message = parse(text)
      assert.is_nil(file)
      assert.equal("file, " .. expected, message)
    end)
  end

  -- Begin, a part to repeat, end, and the start of a message if there is to be one. If time grew
  -- with the square of the length, each would take the better part of an hour.
  local LONG = 2 ^ 21
  local HOSTILE = {
    ["a blank line"] = { "", " ", "" },
    ["blanks before a property"] = { "[default]\na=1\n", " ", "b" },
    ["blanks in a value"] = { "[default]\na = b", " ", "c" },
    ["blanks after a value"] = { "[default]\na = b", " ", "" },
    ["blanks in a header"] = { "[profile", " ", "p]" },
    ["brackets"] = { "[", "[", "]" },
    ["quotes"] = { "[profile ", "'", "]" },
    ["a quoted name"] = { "[profile \"", "a", "\"\"]" },
    ["a header without an end"] = { "[", "a", "", "expected a ]" },
    ["blanks after a header"] = { "[default]", " ", "x", "expected nothing" },
    ["comment signs"] = { "[default]\na = b", "#", "" },
    ["comment signs apart"] = { "[default]\na = b", "\t;", "" },
    ["NULs"] = { "[default]\na = ", "\0", "" },
    ["line ends"] = { "[default]", "\n", "" },
    ["carriage returns"] = { "[default]", "\r", "" },
    ["continuation lines"] = { "[default]\na = b", "\n c", "" },
    ["nested properties"] = { "[default]\na =", "\n c=d", "" },
    ["a property again and again"] = { "[default]\n", "a=b\n", "" },
    ["a section again and again"] = { "", "[default]\n", "" },
    ["one word"] = { "[default]\n", "a", "", "expected name = value" },
  }
  for name, case in pairs(HOSTILE) do
    it("reads " .. name .. " in linear time", function()
      local first, part, last, expected = case[1], case[2], case[3], case[4]
      local file, message = parse(first .. part:rep(math.floor(LONG / #part)) .. last)
      assert.equal(expected == nil, file ~= nil)
      assert.truthy(not expected or message:find(expected, 1, true))
    end)
  end
end)

describe("lmigrationhub.shared_config.locate", function()
  it("expands ~ before a slash, and no other", function()
    local function locate(path)
      return (shared_config.locate(environment { HOME = "/h", AWS_CONFIG_FILE = path }, "/"))
    end
    assert.equal("/h/c", locate "~/c")
    assert.equal("~user/c", locate "~user/c")
    assert.equal("/a/~/c", locate "/a/~/c")
  end)

  it("takes an empty variable for an unset one", function()
    local config, credentials, home = shared_config.locate(environment {
      HOME = "/h", AWS_CONFIG_FILE = "", AWS_SHARED_CREDENTIALS_FILE = "",
    }, "/")
    assert.same({ "/h/.aws/config", "/h/.aws/credentials", "/h" }, { config, credentials, home })
    assert.is_nil((shared_config.locate(environment { HOME = "" }, "/")))
  end)

  it("finds nothing without a home directory but what the environment names", function()
    local config, credentials, home = shared_config.locate(environment {
      AWS_SHARED_CREDENTIALS_FILE = "/k", USERPROFILE = "C:\\u",
    }, "/")
    assert.is_nil(config)
    assert.equal("/k", credentials)
    assert.is_nil(home)
  end)

  it("finds the home directory of Windows", function()
    for _, case in ipairs {
      { { HOME = "C:\\h", USERPROFILE = "C:\\u" }, "C:\\h" },
      { { USERPROFILE = "C:\\u", HOMEDRIVE = "D:", HOMEPATH = "\\v" }, "C:\\u" },
      { { HOMEDRIVE = "D:", HOMEPATH = "\\v" }, "D:\\v" },
      { { HOMEDRIVE = "D:" } },
      { {} },
    } do
      local config, _, home = shared_config.locate(environment(case[1]), "\\")
      assert.equal(case[2], home)
      assert.equal(case[2] and case[2] .. "\\.aws\\config", config)
    end
  end)

  conformance.each("config/file-location.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case: " .. case.name, function()
        local separator = case.platform == "windows" and "\\" or "/"
        local config, credentials =
          shared_config.locate(environment(case.environment), separator)
        assert.equal(case.configLocation, config or conformance.null)
        assert.equal(case.credentialsLocation, credentials or conformance.null)
      end)
    end
  end)
end)

describe("lmigrationhub.shared_config.load", function()
  it("lays the credentials file over the config file, and says where a key is from", function()
    local loaded = load {
      [CONFIG] = "[profile a]\nx = 1\ny = 1\n[profile b]\nz =\n w = 1\n[sso-session s]\nv = 1",
      [CREDENTIALS] = "[a]\ny = 2\nz = 2\n[c]\nx = 2",
    }
    assert.same({
      profiles = { a = { x = "1", y = "2", z = "2" }, b = { z = { w = "1" } }, c = { x = "2" } },
      sso_sessions = { s = { v = "1" } },
      services = {},
      origins = {
        a = { x = CONFIG, y = CREDENTIALS, z = CREDENTIALS }, b = { z = CONFIG },
        c = { x = CREDENTIALS },
      },
      config_path = CONFIG,
      home = "/home/user",
    }, loaded)
  end)

  it("takes absent files, and a missing home directory, for empty files", function()
    local empty = { profiles = {}, sso_sessions = {}, services = {}, origins = {} }
    assert.same(empty, shared_config.load(environment {}, opener {}))
    assert.same({}, load({}).profiles)
    local file_for_folder = environment { AWS_CONFIG_FILE = "/dev/null/config" }
    assert.same({}, shared_config.load(file_for_folder, io.open).profiles)
  end)

  it("names a broken file of either kind, and the line", function()
    for _, path in ipairs { CONFIG, CREDENTIALS } do
      local loaded, message = load { [path] = "[default]\nsecret" }
      assert.is_nil(loaded)
      assert.equal(path .. ", line 2: expected name = value", message)
    end
  end)

  it("names a file that may not be opened", function()
    local loaded, message = shared_config.load(environment { AWS_CONFIG_FILE = "/c" },
      function(path) return nil, path .. ": Permission denied", 13 end)
    assert.is_nil(loaded)
    assert.equal("cannot read /c: Permission denied", message)
  end)

  it("names a folder in place of a file", function()
    local loaded, message = shared_config.load(environment { AWS_CONFIG_FILE = "/" }, io.open)
    assert.is_nil(loaded)
    assert.equal("cannot read /: Is a directory", message)
  end)

  it("reads a file whole", function()
    local value = ("0123456789"):rep(1e5)
    assert.equal(value, load({ [CONFIG] = "[default]\na = " .. value }).profiles.default.a)
  end)

  it("closes what it opened, also after a failed read", function()
    local closed = 0
    local function open(path)
      return {
        read = function() return nil, path == CREDENTIALS and "Input/output error" or nil end,
        close = function() closed = closed + 1 end,
      }
    end
    local _, message = shared_config.load(environment { HOME = "/home/user" }, open)
    assert.equal("cannot read " .. CREDENTIALS .. ": Input/output error", message)
    assert.equal(2, closed)
  end)

  it("gives up on an endless file", function()
    local loaded, message = load { [CREDENTIALS] = ENDLESS }
    assert.is_nil(loaded)
    assert.equal("cannot read " .. CREDENTIALS .. ": larger than 16 MiB", message)
  end)

  -- Systems differ here: names are lower-cased, as the SDK-wide list has it.
  local OWN_CHOICE = {
    ["c/aws_profile_all_valid_property_characters_test"] = {
      profiles = {
        foo = {
          [DIGITS:sub(1, 26):lower():rep(2) .. "0123456789-_/.%@:+"] = "value",
        },
      },
    },
  }

  local function check(input, expect)
    local loaded, message = load {
      [CONFIG] = input.config or input.config_base64 and from_base64(input.config_base64),
      [CREDENTIALS] = input.credentials,
    }
    if expect.error then
      assert.is_nil(loaded)
      assert.truthy(message:find("^/home/user/%.aws/%a+, line %d+: expected "))
      return
    end
    assert.same(expect.profiles, loaded.profiles)
    assert.same(expect.sso_sessions or {}, loaded.sso_sessions)
    assert.same(expect.services or {}, loaded.services)
  end

  conformance.each("config/cases.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case: " .. case.name, function()
        check(case.input, OWN_CHOICE[case.name] or case.expect)
      end)

      if case.input_kind then
        it("public case, as credentials: " .. case.name, function()
          check({ credentials = case.input.config }, case.expect)
        end)
      end
    end
  end)
end)
