local process = require "lmigrationhub.credentials.process"

local ANSWER = [[{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hidden",
  "SessionToken": "token", "Expiration": "2026-01-01T00:00:00Z", "AccountId": "123456789012"}]]

local function load(command, run, profile)
  profile = profile or {}
  profile.credential_process = command
  return process.load({ files = { profiles = { default = profile } } }, { run = run })
end

local function printing(text)
  return function() return 0, text, "" end
end

local function words_of(command)
  local words
  load(command, function(argv)
    words = argv
    return 0, ANSWER, ""
  end)
  return words
end

describe("lmigrationhub.credentials.process", function()
  it("gives what the program printed", function()
    assert.same({
      access_key_id = "id", secret_access_key = "hidden", session_token = "token",
      account_id = "123456789012", expiration = 1767225600,
    }, load("program", printing(ANSWER)))
  end)

  it("needs only the keys", function()
    local answer = '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hidden"}'
    assert.same({ access_key_id = "id", secret_access_key = "hidden" },
      load("program", printing(answer)))
  end)

  it("takes the profile's account when the program names none", function()
    local answer = '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hidden"}'
    local profile = { aws_account_id = "999999999999" }
    assert.equal("999999999999", load("program", printing(answer), profile).account_id)
    assert.equal("123456789012", load("program", printing(ANSWER), profile).account_id)
  end)

  it("gives the program a minute and 64 KiB", function()
    local limits
    load("program", function(_, given)
      limits = given
      return 0, ANSWER, ""
    end)
    assert.same({ timeout = 60, max_output = 65536 }, limits)
  end)

  for command, words in pairs {
    ["program"] = { "program" },
    ["  program\t--flag   value "] = { "program", "--flag", "value" },
    [ [["/opt/my tools/program" 'a b' c\ d]] ] = { "/opt/my tools/program", "a b", "c d" },
    [ [[a'b'"c"\d]] ] = { "abcd" },
    [ [[a '' ""]] ] = { "a", "", "" },
    [ [["a\"b\\c\d$HOME"]] ] = { [[a"b\c\d$HOME]] },
    [ [['a\b"c']] ] = { [[a\b"c]] },
    [ [["it's" 'say "x"']] ] = { "it's", [[say "x"]] },
    ["a;b|c&d>e *"] = { "a;b|c&d>e", "*" },
    ["a # b"] = { "a", "#", "b" },
  } do
    it("splits " .. command .. " without a shell", function()
      assert.same(words, words_of(command))
    end)
  end

  for _, command in ipairs { [[a 'b]], [[a "b]], [[a "b\"]], [[a \]], "", "  " } do
    it("refuses the command [" .. command .. "]", function()
      local credentials, message, is_broken = load(command, printing(ANSWER))
      assert.is_nil(credentials)
      assert.matches("^cannot split the command: ", message)
      assert.is_true(is_broken)
    end)
  end

  it("tells the status and the last line of stderr, nothing of the output", function()
    assert.same(
      { nil, "the program exited with status 2: no session", true, "CredentialsError" },
      { load("program", function() return 2, ANSWER, "starting\nno session\n \n" end) })
    assert.equal("the program was ended by signal 9",
      select(2, load("program", function() return -9, ANSWER, "" end)))
  end)

  it("shortens stderr and keeps it to one line", function()
    local _, message = load("program", function() return 1, "", "a\27[0mb" .. ("x"):rep(999) end)
    assert.equal("the program exited with status 1: a [0mb" .. ("x"):rep(194), message)
  end)

  it("says why the program could not run", function()
    local function missing() return nil, "No such file or directory" end
    assert.equal("cannot run program: No such file or directory",
      select(2, load("program --token secret", missing)))
  end)

  for reason, answer in pairs {
    ["the program printed no JSON object"] = "hidden",
    ["the program's Version is not 1"] =
      '{"Version": 2, "AccessKeyId": "id", "SecretAccessKey": "hidden"}',
    ["the program gave no text for AccessKeyId"] = '{"Version": 1, "SecretAccessKey": "hidden"}',
    ["the program gave no text for SecretAccessKey"] =
      '{"Version": 1, "AccessKeyId": "hidden", "SecretAccessKey": ""}',
    ["the program gave no text for SessionToken"] =
      '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hidden", "SessionToken": 1}',
    ["the program's Expiration is no time"] =
      '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hidden", "Expiration": "soon"}',
  } do
    it("says: " .. reason, function()
      assert.same({ nil, reason, true, "CredentialsError" }, { load("program", printing(answer)) })
    end)
  end

  it("has none without a command", function()
    assert.same({ nil, "no credential_process" }, { load(nil) })
  end)

  it("is only asked again when the credentials end", function()
    assert.is_true(process.is_late)
  end)
end)
