local conformance = require "spec.conformance"
local credentials = require "lmigrationhub.credentials"
local errors = require "lmigrationhub.errors"
local worlds = require "spec.credentials.world"

local GIVEN = { access_key_id = "given", secret_access_key = "hidden" }
local ENVIRONMENT = { access_key_id = "environment", secret_access_key = "hidden" }
local PREFIX = "lmigrationhub.credentials."
local PROVIDERS = {
  "explicit", "environment", "static", "assume_role", "web_identity", "sso", "login", "process",
  "container", "imds",
}

local function with(settings, more)
  local all = {}
  for name, value in pairs(settings) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

-- Stands in for a provider that asks the network, until the end of the test; it has nothing, or
-- what the test says.
local function stand_in(name, load)
  local calls = {}
  package.loaded[PREFIX .. name] = {
    name = name,
    load = function(settings, ...)
      calls[#calls + 1] = settings.profile or "default"
      if load then return load(settings, ...) end
      return nil, "nothing here"
    end,
  }
  return calls
end

local function giving(key)
  return function() return { access_key_id = key, secret_access_key = "hidden" } end
end

local function in_files(profiles, more)
  return with({ region = "us-east-1", files = { profiles = profiles } }, more or {})
end

local function get(settings, world)
  return credentials.new(settings, world or worlds.new()).get()
end

local function key_of(settings, world)
  local found, failure = get(settings, world)
  return found and found.access_key_id or failure.code .. ": " .. failure.message
end

local function reset()
  for _, name in ipairs(PROVIDERS) do package.loaded[PREFIX .. name] = nil end
end

-- A store that only holds what it was given.
local function new_store()
  local store = { entries = {}, asked = 0 }
  function store:get(key)
    self.asked = self.asked + 1
    return self.entries[key]
  end
  function store:set(key, value)
    self.entries[key] = value
    return true
  end
  function store:take()
    return "owner"
  end
  function store:give_back() end
  return store
end

describe("lmigrationhub.credentials with a store", function()
  before_each(reset)

  local KEYS = { aws_access_key_id = "file", aws_secret_access_key = "hidden" }
  local ROLE = { role_arn = "role", source_profile = "keys" }

  local function in_world(store)
    local world = worlds.new()
    world.store = store
    return world
  end

  -- Settings, and whose key they lead to.
  local GIVEN_KEYS = {
    ["in code"] = { in_files({ default = ROLE, keys = KEYS }, { credentials = GIVEN }), "given" },
    ["in the environment"] =
      { in_files({ default = ROLE, keys = KEYS }, ENVIRONMENT), "environment" },
    ["in a profile"] = { in_files { default = KEYS }, "file" },
  }
  for where, case in pairs(GIVEN_KEYS) do
    it("leaves it alone for keys " .. where, function()
      local store = new_store()
      assert.equal(case[2], key_of(case[1], in_world(store)))
      assert.equal(0, store.asked)
      assert.same({}, store.entries)
    end)
  end

  it("asks once for clients with the same settings, and again for others", function()
    local store = new_store()
    local function ask(role, more)
      local world = in_world(store)
      local profile = { role_arn = role, source_profile = "keys" }
      local key = key_of(in_files({ default = profile, keys = KEYS }, more), world)
      return key, #world.requests
    end
    assert.same({ "key-of-a", 1 }, { ask "a" })
    assert.same({ "key-of-a", 0 }, { ask "a" })
    assert.same({ "key-of-b", 1 }, { ask "b" })
    assert.same({ "key-of-a", 1 }, { ask("a", { endpoint_sts = "https://sts.test" }) })
  end)

  it("keeps their source, which the user agent tells", function()
    local store = new_store()
    local settings = in_files { default = ROLE, keys = KEYS }
    assert.equal("assume role", get(settings, in_world(store)).source)
    assert.equal("assume role", get(settings, in_world(store)).source)
  end)

  it("shares the role of a profile in code whatever the environment holds", function()
    local store = new_store()
    local more = with(ENVIRONMENT, { profile = "role", profile_in_code = true })
    key_of(in_files({ role = ROLE, keys = KEYS }, more), in_world(store))
    assert.truthy(next(store.entries))
  end)

  it("puts no long-lived key there", function()
    local store = new_store()
    local keys = { aws_access_key_id = "AKIAFILE", aws_secret_access_key = "long-lived" }
    key_of(in_files { default = ROLE, keys = keys }, in_world(store))
    for key, value in pairs(store.entries) do
      assert.is_nil((key .. value):find "AKIAFILE" or (key .. value):find "long%-lived")
    end
  end)
end)

describe("lmigrationhub.credentials", function()
  before_each(function()
    reset()
    stand_in "container"
    stand_in "imds"
  end)

  after_each(reset)

  it("takes what was given in code before the environment", function()
    assert.equal("given", key_of(with(ENVIRONMENT, { credentials = GIVEN })))
  end)

  it("takes the environment before the profile", function()
    local settings = in_files({ default = { aws_access_key_id = "x" } }, ENVIRONMENT)
    assert.equal("environment", key_of(settings))
  end)

  it("wants a source profile to be there, and its way to it to end", function()
    assert.truthy(key_of(in_files { default = { role_arn = "r", source_profile = "none" } })
      :find("there is no such profile, referenced from default", 1, true))
    assert.truthy(key_of(in_files {
      default = { role_arn = "r", source_profile = "a" },
      a = { role_arn = "r", source_profile = "b" },
      b = { role_arn = "r", source_profile = "a" },
    }):find("the profiles form an infinite loop: default -> a -> b", 1, true))
  end)

  it("takes the profile before a web identity of the environment", function()
    assert.equal("file", key_of(in_files({
      default = { aws_access_key_id = "file", aws_secret_access_key = "hidden" },
    }, { web_identity_token_file = "/token", role_arn = "env" })))
  end)

  it("takes a web identity before the container", function()
    local world = worlds.new()
    world.files["/token"] = "jwt"
    stand_in("container", giving "container")
    assert.equal("key-of-env", key_of({
      region = "us-east-1", web_identity_token_file = "/token", role_arn = "env",
    }, world))
  end)

  it("takes the container before the instance", function()
    stand_in("imds", giving "imds")
    assert.equal("imds", key_of {})
    stand_in("container", giving "container")
    assert.equal("container", key_of {})
  end)

  it("passes the environment by when the profile was given in code", function()
    assert.equal("file", key_of(in_files({
      work = { aws_access_key_id = "file", aws_secret_access_key = "hidden" },
    }, with(ENVIRONMENT, { profile = "work", profile_in_code = true }))))
    local calls = stand_in "container"
    local missed = key_of(in_files({ work = {} }, with(ENVIRONMENT, {
      profile = "work", profile_in_code = true, web_identity_token_file = "/token",
    })))
    assert.matches("^NoCredentials: ", missed)
    assert.equal(1, #calls)
  end)

  it("says provider by provider why there are none", function()
    local found, failure = get {}
    assert.is_nil(found)
    assert.is_true(errors.is_error(failure))
    assert.equal("credentials", failure.kind)
    assert.equal("NoCredentials", failure.code)
    assert.equal("unable to locate credentials (option credentials: none given in code; "
      .. "environment: AWS_ACCESS_KEY_ID is not set; profile default: not found; web identity: no "
      .. "web identity token file is set; container: nothing here; imds: nothing here)",
      failure.message)
  end)

  it("takes half a key pair for a mistake", function()
    local found, failure = get { secret_access_key = "hidden" }
    assert.is_nil(found)
    assert.equal("InvalidCredentials", failure.code)
    assert.equal("environment: partial credentials, missing: AWS_ACCESS_KEY_ID", failure.message)
  end)

  it("takes for a mistake what a header cannot hold", function()
    assert.equal("InvalidCredentials: environment: the access key id holds what no key id has",
      key_of { access_key_id = "AKID # mine", secret_access_key = "hidden" })
    assert.equal("InvalidCredentials: environment: the session token is no text for a header",
      key_of(with(ENVIRONMENT, { session_token = "hidden\r\nx: y" })))
  end)

  it("takes a named profile that is absent for a mistake", function()
    assert.equal("InvalidCredentials: profile work: not found",
      key_of(in_files({ default = {} }, { profile = "work" })))
  end)

  it("goes on after a profile without credentials", function()
    assert.matches("profile default: it holds no credentials; web identity: ",
      key_of(in_files { default = { region = "us-west-2" } }))
  end)

  it("looks again after a failure", function()
    local settings = {}
    local source = credentials.new(settings, worlds.new())
    assert.is_nil((source.get()))
    settings.access_key_id, settings.secret_access_key = "late", "hidden"
    assert.equal("late", source.get().access_key_id)
  end)

  it("gives every caller an error object of its own", function()
    local source = credentials.new({}, worlds.new())
    local _, first = source.get()
    local _, second = source.get()
    assert.are_not.equal(first, second)
  end)

  it("tells which provider the credentials came from", function()
    local static = { aws_access_key_id = "file", aws_secret_access_key = "hidden" }
    for source, settings in pairs {
      ["option credentials"] = { credentials = GIVEN },
      environment = ENVIRONMENT,
      profile = in_files { default = static },
      ["assume role"] = in_files { B = static, default = { role_arn = "r", source_profile = "B" } },
    } do
      assert.equal(source, get(settings).source)
    end
  end)

  it("tells the log which provider had some, and nothing secret", function()
    local world = worlds.new()
    get(in_files {
      B = { aws_access_key_id = "file", aws_secret_access_key = "hidden" },
      default = { role_arn = "arn:role", source_profile = "B" },
    }, world)
    assert.same({ "debug: credentials found by: assume role" }, world.lines)
  end)

  it("loads no provider that it does not ask", function()
    local function loaded()
      local names = {}
      for _, name in ipairs { "sso", "login", "process", "assume_role", "web_identity", "static",
        "sts" }
      do
        if package.loaded[PREFIX .. name] then names[#names + 1] = name end
      end
      return names
    end
    package.loaded[PREFIX .. "sts"] = nil
    key_of(ENVIRONMENT)
    assert.same({}, loaded())
    key_of(in_files { default = { aws_access_key_id = "x", aws_secret_access_key = "hidden" } })
    assert.same({ "static" }, loaded())
  end)

  it("shows no secret in a dump of it", function()
    local source = credentials.new({ credentials = GIVEN }, worlds.new())
    source.get()
    for name, value in pairs(source) do
      assert.is_true(name == "get" or name == "invalidate")
      assert.equal("function", type(value))
    end
  end)

  it("renews what a user's function gave when it ends", function()
    local world, count = worlds.new(), 0
    local source = credentials.new({
      credentials = function()
        count = count + 1
        return {
          access_key_id = "call-" .. count, secret_access_key = "hidden",
          expiration = world.time + 100,
        }
      end,
    }, world)
    assert.equal("call-1", source.get().access_key_id)
    world.time = world.time + 89
    assert.equal("call-1", source.get().access_key_id)
    world.time = world.time + 1
    assert.equal("call-2", source.get().access_key_id)
  end)

  it("outlives STS's failures with a role's credentials, and asks anew when they are rejected",
    function()
      local world = worlds.new()
      local source = credentials.new(in_files {
        B = { aws_access_key_id = "file", aws_secret_access_key = "hidden" },
        default = { role_arn = "arn:role", source_profile = "B" },
      }, world)
      local first = source.get()
      world.answers = { { status = 403, headers = {}, body = "" } }
      assert.is_true(source.invalidate(first))
      assert.equal(first, source.get())
      assert.equal(2, #world.requests)
      world.time = world.time + 600
      assert.are_not.equal(first, source.get())
      assert.is_false(source.invalidate { access_key_id = "other" })
    end)

  it("tells a login that is over, though the old credentials serve", function()
    local world = worlds.new()
    stand_in("sso", function()
      return {
        access_key_id = "sso", secret_access_key = "hidden", expiration = world.time + 3600,
      }
    end)
    local source = credentials.new(in_files { default = { sso_role_name = "role" } }, world)
    source.get()
    world.time = world.time + 3000
    stand_in("sso", function() return nil, "log in again", true, "LoginRequired" end)
    local found, failure = source.get()
    assert.is_nil(found)
    assert.equal("LoginRequired", failure.code)
    assert.equal("profile default: sso: log in again", failure.message)
  end)
end)

describe("a profile", function()
  before_each(function()
    reset()
    for _, name in ipairs { "container", "imds", "sso", "login" } do stand_in(name) end
  end)

  after_each(reset)

  local KEYS = { aws_access_key_id = "keys", aws_secret_access_key = "hidden" }
  local ROLE = { role_arn = "role", source_profile = "base" }
  local PROCESS = { credential_process = "program" }

  local function profile_of(...)
    local all = {}
    for _, part in ipairs { ... } do
      for key, value in pairs(part) do all[key] = value end
    end
    return all
  end

  local function found_in(profile)
    local world = worlds.new()
    world.files["/token"] = "jwt"
    world.run = function()
      return 0, '{"Version": 1, "AccessKeyId": "process", "SecretAccessKey": "hidden"}', ""
    end
    stand_in("sso", giving "sso")
    stand_in("login", giving "login")
    return key_of(in_files { default = profile, base = KEYS }, world), world
  end

  it("has its providers in order", function()
    local identity = { web_identity_token_file = "/token", role_arn = "identity" }
    local sso, login = { sso_account_id = "1" }, { login_session = "arn" }
    assert.equal("process", found_in(PROCESS))
    assert.equal("login", found_in(profile_of(PROCESS, login)))
    assert.equal("keys", found_in(profile_of(PROCESS, login, KEYS)))
    assert.equal("sso", found_in(profile_of(PROCESS, login, KEYS, sso)))
    assert.equal("key-of-role", found_in(profile_of(PROCESS, login, KEYS, sso, ROLE)))
    assert.equal("key-of-identity", found_in(profile_of(PROCESS, login, KEYS, sso, ROLE, identity)))
  end)

  it("does not use the environment's role", function()
    local settings = in_files({ default = { web_identity_token_file = "/token" } },
      { role_arn = "environment", web_identity_token_file = "/token" })
    assert.equal("InvalidCredentials: profile default: web identity: the web identity token file "
      .. "is set, but no role_arn", key_of(settings))
  end)

  it("goes on to the next of its providers when one has nothing", function()
    stand_in "sso"
    local settings = in_files { default = profile_of(KEYS, { sso_session = "my-sso" }) }
    assert.equal("keys", key_of(settings))
  end)

  it("takes credentials for a role from the environment, even if the profile is given in code",
    function()
      local world = worlds.new()
      local profiles = { work = { role_arn = "role", credential_source = "Environment" } }
      assert.equal("key-of-role", key_of(in_files(profiles, with(ENVIRONMENT, {
        profile = "work", profile_in_code = true,
      })), world))
      assert.matches("Credential=environment/", world.requests[1].headers.authorization)
    end)

  it("says what is wrong with the profile that it needs", function()
    assert.equal("InvalidCredentials: profile default: assume role: source_profile base: keys: "
      .. "partial credentials, missing: aws_secret_access_key", key_of(in_files {
        default = ROLE, base = { aws_access_key_id = "x" },
      }))
  end)

  it("is asked for again at each renewal, from the base on", function()
    local world = worlds.new()
    local source = credentials.new(in_files { default = ROLE, base = KEYS }, world)
    source.get()
    world.time = world.time + 2700
    world.answers[1] = worlds.role_answer("AssumeRole", "renewed")
    world.answers[1].body = world.answers[1].body:gsub(tostring(worlds.NOW + 3600),
      tostring(worlds.NOW + 9999))
    assert.equal("key-of-renewed", source.get().access_key_id)
  end)

  local REFUSALS = { -- the public wording -> ours
    ["profile must contain `source_profile`"] = "needs source_profile or credential_source",
    ["profile contained both source_profile and credential_source"] =
      "both source_profile and credential_source",
    ["profile missing aws_secret_access_key"] = "missing: aws_secret_access_key",
    ["profile missing aws_access_key_id"] = "missing: aws_access_key_id",
    ["profile `B` did not contain credential information"] =
      "source_profile B: it holds no credentials",
    ["profile `A` did not contain credential information"] = "profile A: it holds no credentials",
    ["could not find source profile B referenced from A"] =
      "source_profile B: there is no such profile, referenced from A",
    ["No profiles were defined"] = "profile A: not found",
    ["profile formed an infinite loop"] = "infinite loop: A -> B",
    ["`role_arn` was missing"] = "but no role_arn",
  }
  local NAMED = { Ec2InstanceMetadata = "imds", EcsContainer = "container" }

  local function assert_role(expected, request)
    local fields = worlds.split_form(request.body)
    assert.equal(expected.role_arn, fields.RoleArn)
    assert.equal(expected.role_session_name or "lmigrationhub-" .. worlds.NOW,
      fields.RoleSessionName)
    assert.equal(expected.external_id, fields.ExternalId)
    return fields
  end

  local check = {} -- the base of a chain -> checks it, and gives the number of calls it took

  function check.AccessKey(expected, requests, found)
    local key = requests[1] and requests[1].headers.authorization:match "Credential=([^/]+)/"
    assert.equal(expected.access_key_id, key or found.access_key_id)
    return 0
  end

  function check.WebIdentityToken(expected, requests)
    assert.is_nil(requests[1].headers.authorization)
    assert.equal("jwt", assert_role(expected, requests[1]).WebIdentityToken)
    return 1
  end

  function check.NamedSource(_, requests)
    assert.matches("Credential=named/", requests[1].headers.authorization)
    return 0
  end

  function check.Sso(_, requests, found)
    assert.equal("sso", found.access_key_id)
    assert.equal(0, #requests)
    return 0
  end

  local function assert_chain(chain, requests, found)
    local kind, expected = next(chain[1])
    local calls = check[kind](expected, requests, found)
    for index = 2, #chain do
      calls = calls + 1
      local fields = assert_role(chain[index].AssumeRole, requests[calls])
      assert.equal("AssumeRole", fields.Action)
    end
    assert.equal(calls, #requests)
  end

  conformance.each("credentials/assume-role-chains.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case: " .. case.docs, function()
        local given, chain = case.input, case.output.ProfileChain
        local world = worlds.new()
        world.files["/var/token.jwt"] = "jwt"
        if chain then stand_in("sso", giving "sso") else package.loaded[PREFIX .. "sso"] = nil end
        local source = chain and chain[1].NamedSource
        if source then stand_in(NAMED[source], giving "named") end
        local found, failure = get({
          region = "us-east-1", profile = given.selected_profile,
          files = { profiles = given.profiles, sso_sessions = given.sso_sessions, home = "/home" },
        }, world)
        if chain then return assert_chain(chain, world.requests, found) end
        assert.is_nil(found)
        local reason = REFUSALS[case.output.Error] or "sso"
        assert.truthy(failure.message:find(reason, 1, true), failure.message)
      end)
    end
  end)
end)
