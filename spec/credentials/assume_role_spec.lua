local assume_role = require "lmigrationhub.credentials.assume_role"

local BASE = { access_key_id = "base", secret_access_key = "hidden" }

-- A context whose STS, profiles and providers note what they are asked.
local function new_context(base)
  local context = {}
  function context.sts(action, parameters, credentials)
    local fields = {}
    for _, pair in ipairs(parameters) do fields[pair[1]] = pair[2] end
    context.sts_call = { action = action, fields = fields, credentials = credentials }
    return "credentials"
  end
  function context.of_profile(name, visited)
    context.profile_call = { name, visited }
    if base then return base end
    return nil, "it holds no credentials"
  end
  function context.of_source(name)
    context.source_call = name
    if base then return base end
    return nil, "environment: AWS_ACCESS_KEY_ID is not set", nil, "SomeCode"
  end
  function context.session_name() return "made-up" end
  return context
end

local function load(profile, context, settings)
  settings = settings or {}
  settings.profile = "A"
  settings.files = { profiles = { A = profile } }
  return assume_role.load(settings, context)
end

describe("lmigrationhub.credentials.assume_role", function()
  it("assumes the role with another profile's credentials", function()
    local context = new_context(BASE)
    assert.equal("credentials", load({ role_arn = "arn:role", source_profile = "B" }, context))
    assert.same({ "B", { "A" } }, context.profile_call)
    assert.same({
      action = "AssumeRole", credentials = BASE,
      fields = { RoleArn = "arn:role", RoleSessionName = "made-up" },
    }, context.sts_call)
  end)

  it("tells which profiles came before", function()
    local context, visited = new_context(BASE), { "C" }
    load({ role_arn = "arn:role", source_profile = "B" }, context, { visited = visited })
    assert.same({ "B", { "C", "A" } }, context.profile_call)
    assert.same({ "C" }, visited)
  end)

  it("assumes the role with another provider's credentials", function()
    for name, canonical in pairs {
      Environment = "environment", EcsContainer = "ecscontainer",
      Ec2InstanceMetadata = "ec2instancemetadata",
    } do
      local context = new_context(BASE)
      load({ role_arn = "arn:role", credential_source = name }, context)
      assert.equal(canonical, context.source_call)
      assert.equal(BASE, context.sts_call.credentials)
    end
  end)

  it("sends what the profile says of the session", function()
    local context = new_context(BASE)
    load({
      role_arn = "arn:role", source_profile = "B", role_session_name = "job",
      external_id = "ticket", duration_seconds = "900",
    }, context)
    assert.same({
      RoleArn = "arn:role", RoleSessionName = "job", ExternalId = "ticket", DurationSeconds = "900",
    }, context.sts_call.fields)
  end)

  it("ignores a duration that is no whole number", function()
    for _, wrong in ipairs { "an hour", "9.5", "-1", "" } do
      local context = new_context(BASE)
      load({ role_arn = "arn:role", source_profile = "B", duration_seconds = wrong }, context)
      assert.is_nil(context.sts_call.fields.DurationSeconds)
    end
  end)

  it("asks the program for the code of the MFA device", function()
    local context, asked = new_context(BASE), nil
    load({ role_arn = "arn:role", source_profile = "B", mfa_serial = "arn:mfa" }, context, {
      mfa_code = function(serial)
        asked = serial
        return "123456"
      end,
    })
    assert.equal("arn:mfa", asked)
    assert.equal("arn:mfa", context.sts_call.fields.SerialNumber)
    assert.equal("123456", context.sts_call.fields.TokenCode)
  end)

  it("names the option that a profile with MFA needs", function()
    local context = new_context(BASE)
    local _, message, is_broken =
      load({ role_arn = "arn:role", source_profile = "B", mfa_serial = "arn:mfa" }, context)
    assert.matches("option mfa_code", message)
    assert.is_true(is_broken)
    assert.is_nil(context.sts_call)
  end)

  it("refuses what is no code", function()
    local profile = { role_arn = "arn:role", source_profile = "B", mfa_serial = "arn:mfa" }
    for _, case in ipairs {
      { nil, "the user left", ": the user left" }, { "", nil, "" }, { "12 34", nil, "" },
      { 123456, nil, "" },
    } do
      local settings = { mfa_code = function() return case[1], case[2] end }
      assert.same({ nil, "the function mfa_code gave no code" .. case[3], true },
        { load(profile, new_context(BASE), settings) })
    end
  end)

  for reason, profile in pairs {
    ["role_arn needs source_profile or credential_source"] = { role_arn = "arn:role" },
    ["both source_profile and credential_source are set"] = {
      role_arn = "arn:role", source_profile = "B", credential_source = "Environment",
    },
    ["credential_source must be Environment, EcsContainer or Ec2InstanceMetadata"] = {
      role_arn = "arn:role", credential_source = "Elsewhere",
    },
  } do
    it("says: " .. reason, function()
      assert.same({ nil, reason, true }, { load(profile, new_context(BASE)) })
    end)
  end

  it("says whose credentials are missing", function()
    assert.same({ nil, "source_profile B: it holds no credentials", true },
      { load({ role_arn = "arn:role", source_profile = "B" }, new_context()) })
    assert.same({
      nil, "credential_source Environment: environment: AWS_ACCESS_KEY_ID is not set", true,
      "SomeCode",
    }, { load({ role_arn = "arn:role", credential_source = "Environment" }, new_context()) })
  end)

  it("has none without a role", function()
    assert.same({ nil, "no role_arn" }, { load({}, new_context()) })
  end)
end)
