local json = require "lmigrationhub.json"
local sts = require "lmigrationhub.credentials.sts"

local KEYS = { access_key_id = "base", secret_access_key = "hidden" }
local ROLE = {
  access_key_id = "id", secret_access_key = "role-secret", session_token = "token",
  expiration = 1767225600, account_id = "123456789012",
}

local function answer(keys, arn)
  return { status = 200, headers = {}, body = json.encode {
    AssumeRoleResponse = { AssumeRoleResult = {
      Credentials = keys,
      AssumedRoleUser = { Arn = arn or "arn:aws:sts::123456789012:assumed-role/role/session" },
    } },
  } }
end

local function role_keys(expiration)
  return {
    AccessKeyId = "id", SecretAccessKey = "role-secret", SessionToken = "token",
    Expiration = expiration,
  }
end

-- A context that answers and notes what is sent and signed.
local function new_context(response, message)
  local context = {}
  function context.send(request, options)
    context.request, context.options = request, options
    if options.sign then options.sign(request) end
    return response, message
  end
  function context.sign(request, ...)
    context.signed = { ... }
    return request
  end
  return context
end

local function call(settings, response, keys, message)
  local context = new_context(response or answer(role_keys(1767225600)), message)
  local result = { sts.call(settings, context, "AssumeRole", { { "RoleArn", "arn:a/b" } }, keys) }
  return context, result
end

local PLAIN = { region = "eu-west-1" }

describe("lmigrationhub.credentials.sts", function()
  it("posts a form and accepts JSON", function()
    local context = call(PLAIN, nil, KEYS)
    assert.same({
      method = "POST",
      url = "https://sts.eu-west-1.amazonaws.com/",
      path = "/",
      headers = {
        host = "sts.eu-west-1.amazonaws.com",
        accept = "application/json",
        ["content-type"] = "application/x-www-form-urlencoded",
      },
      body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aa%2Fb",
    }, context.request)
    assert.is_true(context.options.retry)
  end)

  it("escapes what is no letter or digit, and leaves out what has no value", function()
    local context = new_context(answer(role_keys(1)))
    sts.call(PLAIN, context, "A", { { "b", "a b+c/=&%~-._\233\n" }, { "c" }, { "d", "1" } })
    assert.equal("Action=A&Version=2011-06-15&b=a%20b%2Bc%2F%3D%26%25~-._%E9%0A&d=1",
      context.request.body)
  end)

  it("signs when there is something to sign with", function()
    assert.same({ KEYS, "eu-west-1", "sts" }, call(PLAIN, nil, KEYS).signed)
    assert.is_nil(call(PLAIN).signed)
  end)

  for url, settings in pairs {
    ["https://sts.eu-west-1.amazonaws.com/"] = { region = "eu-west-1" },
    ["https://sts.cn-north-1.amazonaws.com.cn/"] = { region = "cn-north-1" },
    ["https://sts-fips.us-east-1.amazonaws.com/"] = { region = "us-east-1", use_fips = true },
    ["https://sts.us-east-1.api.aws/"] = { region = "us-east-1", use_dualstack = true },
    ["https://sts-fips.us-east-1.api.aws/"] = {
      region = "us-east-1", use_fips = true, use_dualstack = true,
      sts_regional_endpoints = "legacy",
    },
    ["http://127.0.0.1:8080/sts/"] = {
      region = "us-east-1", endpoint_sts = "http://127.0.0.1:8080/sts",
      sts_regional_endpoints = "legacy",
    },
    ["https://sts.eu-south-1.amazonaws.com/"] = {
      region = "eu-south-1", sts_regional_endpoints = "legacy",
    },
  } do
    it("goes to " .. url, function()
      local context = call(settings, nil, KEYS)
      assert.equal(url, context.request.url)
      assert.same({ KEYS, settings.region, "sts" }, context.signed)
    end)
  end

  it("goes to the global endpoint for an old region when told to", function()
    local context = call({ region = "eu-west-1", sts_regional_endpoints = "legacy" }, nil, KEYS)
    assert.equal("https://sts.amazonaws.com/", context.request.url)
    assert.equal("sts.amazonaws.com", context.request.headers.host)
    assert.same({ KEYS, "us-east-1", "sts" }, context.signed)
  end)

  it("says what is wrong with the endpoint", function()
    local _, result = call({})
    assert.same({ nil, "STS: Invalid Configuration: Missing Region", true }, result)
  end)

  it("gives the role's credentials", function()
    for _, expiration in ipairs { 1767225600, "2026-01-01T00:00:00Z", "1767225600" } do
      local _, result = call(PLAIN, answer(role_keys(expiration)))
      assert.same({ ROLE }, result)
    end
  end)

  it("does without an account", function()
    local _, result = call(PLAIN, answer(role_keys(1767225600), "odd"))
    assert.is_nil(result[1].account_id)
    assert.equal("id", result[1].access_key_id)
  end)

  it("tells code and message of a refusal", function()
    local body = '{"Error":{"Code":"AccessDenied","Message":"not you","Type":"Sender"}}'
    local _, result = call(PLAIN, { status = 403, headers = {}, body = body })
    assert.same({ nil, "AssumeRole: HTTP 403: AccessDenied: not you", true, "CredentialsError" },
      result)
  end)

  it("tells the status of a refusal that is no JSON", function()
    for _, body in ipairs { "", "<html>", "{}", '{"Error":1}', '{"Error":{"Code":{}}}' } do
      local _, result = call(PLAIN, { status = 503, headers = {}, body = body })
      assert.equal("AssumeRole: HTTP 503", result[2])
    end
  end)

  it("tells that nobody answered", function()
    local context = new_context(nil, "no route")
    assert.same({ nil, "AssumeRole: no route", true, "CredentialsError" },
      { sts.call(PLAIN, context, "AssumeRole", {}) })
  end)

  it("refuses an answer without credentials, and does not show it", function()
    local partial = role_keys(1767225600)
    partial.SessionToken = nil
    for _, response in ipairs {
      answer(partial), answer(role_keys "soon"), answer(role_keys(nil)), answer(nil),
      { status = 200, headers = {}, body = "<AssumeRoleResponse>role-secret" },
      { status = 200, headers = {}, body = '{"AssumeRoleResponse":[1]}' },
    } do
      local _, result = call(PLAIN, response)
      assert.same({
        nil, "AssumeRole: the answer holds no credentials in JSON", true, "CredentialsError",
      }, result)
    end
  end)
end)
