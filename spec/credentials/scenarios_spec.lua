-- Recorded scenarios of the whole chain: settings, files and traffic as they were, against our
-- configuration and providers.

local config = require "lmigrationhub.config"
local conformance = require "spec.conformance"
local contexts = require "lmigrationhub.credentials.context"
local credentials = require "lmigrationhub.credentials"
local errors = require "lmigrationhub.errors"
local json = require "lmigrationhub.json"
local retry = require "lmigrationhub.retry"
local worlds = require "spec.credentials.world"

local QUIET = 1600000000 -- seconds since 1970 UTC, for scenarios without credentials

-- What some recordings take for granted: a profile that was given in code, more than one attempt
-- (botocore's default), no retries, traffic with STS that was taken from another one.
local OPTIONS = { e2e_assume_role = { profile = "default" } }
local ENVIRONMENT = {
  imds_default_chain_retries = { AWS_METADATA_SERVICE_NUM_ATTEMPTS = "3" },
  sso_server_error = { AWS_MAX_ATTEMPTS = "1" },
}
local OTHER_SIGNER = { ecs_assume_role = true }

-- What we say where the recording ends with an error of its own wording.
local REASONS = {
  eks_pod_identity_no_token_file = "No such file",
  imds_default_chain_error = "imds: the instance has no role",
  imds_disabled = "imds: switched off",
  imds_no_iam_role = "credential_source Ec2InstanceMetadata: imds: the instance has no role",
  imds_token_fail = "imds: no answer about a role",
  profile_overrides_web_identity =
    "credential_source Environment: environment: AWS_ACCESS_KEY_ID is not set",
  sso_no_token_file = "no SSO token: /home/.aws/sso/cache/dace00cba5f8355ec9d274ceb2bcebdfbeed0e12",
  sso_server_error = "HTTP 503",
  web_identity_source_profile_no_env = "web identity: the web identity token file is set, but no "
    .. "role_arn",
  web_identity_token_invalid_jwt = "InvalidIdentityToken: No OpenIDConnect provider found",
  credential_process_failure = "process: the program exited with status 1",
  credential_process_invalid = "process: the program printed no JSON object",
  empty_config = "unable to locate credentials",
  invalid_config = "config, line 2: ",
  invalid_sso_credentials_config = "neither sso_account_id nor sso_role_name",
  sso_token = "neither sso_account_id nor sso_role_name",
}

local function new_file(content)
  local at = 1
  return {
    read = function(_, format)
      local count = type(format) == "number" and format or #content
      if at > #content then return format == "*a" and "" or nil end
      local piece = content:sub(at, at + count - 1)
      at = at + count
      return piece
    end,
    close = function() end,
  }
end

local function open_in(files)
  return function(path)
    if files[path] then return new_file(files[path]) end
    return nil, path .. ": No such file or directory", 2
  end
end

-- The recordings have STS's XML; we ask for JSON.
local function json_of(xml)
  local action = xml:match "^<(%w+)Response "
  local function element(name) return xml:match("<" .. name .. ">(.-)</" .. name .. ">") end
  if action == "Error" then
    return json.encode { Error = { Code = element "Code", Message = element "Message" } }
  end
  return json.encode { [action .. "Response"] = { [action .. "Result"] = {
    AssumedRoleUser = { Arn = element "Arn" },
    Credentials = {
      AccessKeyId = element "AccessKeyId", SecretAccessKey = element "SecretAccessKey",
      SessionToken = element "SessionToken", Expiration = element "Expiration",
    },
  } } }
end

local function canonical(uri)
  local base, query = uri:match "^([^?]*)%??(.*)$"
  local fields = {}
  for field in query:gmatch "[^&]+" do fields[#fields + 1] = field end
  table.sort(fields)
  return base:gsub("/$", "") .. "?" .. table.concat(fields, "&")
end

-- The recordings of web identity name other roles than their settings do.
local function assert_form(recorded, sent)
  local expected, fields = worlds.split_form(recorded), worlds.split_form(sent)
  assert.equal(expected.Action, fields.Action)
  assert.equal(expected.Version, fields.Version)
  if expected.Action == "AssumeRole" then assert.equal(expected.RoleArn, fields.RoleArn) end
end

local function assert_request(recorded, sent, is_other_signer)
  assert.equal(recorded.method, sent.method)
  assert.equal(canonical(recorded.uri), canonical(sent.url))
  local signer = (sent.headers.authorization or ""):match "Credential=([^/]+)/"
  if not is_other_signer then
    assert.equal(recorded.headers.authorization_credential or signer, signer)
  end
  local bearer = recorded.headers["x-amz-sso_bearer_token"]
  assert.equal(bearer, sent.headers["x-amz-sso_bearer_token"])
  if recorded.body ~= "" then assert_form(recorded.body, sent.body) end
end

-- Plays the recorded answers. Who asks the metadata service for more than was recorded waits in
-- vain; anybody else must not.
local function new_transport(exchanges, is_other_signer)
  local transport = { played = 0, sleep = function() end }
  function transport:send(request)
    local exchange = exchanges[self.played + 1]
    if not exchange then
      assert.matches("^http://169%.254%.169%.254/", request.url)
      return nil, "nobody there", "timeout"
    end
    self.played = self.played + 1
    assert_request(exchange.request, request, is_other_signer)
    local response = exchange.response
    local body = response.body:find "^<%w+Response " and json_of(response.body) or response.body
    return { status = response.status, headers = response.headers, body = body }
  end
  return transport
end

local function through_shell(argv, limits)
  local context = contexts.new({}, { transport = { sleep = function() end } })
  return context.run({ "/bin/sh", "-c", table.concat(argv, " ") }, limits)
end

local function replay(scenario, name)
  local expected, open = scenario.expect.credentials or {}, open_in(scenario.files)
  local more = ENVIRONMENT[name] or {}
  local settings, failure = config.new(OPTIONS[name], {
    getenv = function(variable) return more[variable] or scenario.environment[variable] end,
    open = open,
  })
  if not settings then return nil, failure end
  settings.region = settings.region or "us-east-1"
  local world = worlds.new()
  local transport = new_transport(scenario.exchanges, OTHER_SIGNER[name])
  world.transport, world.open, world.run = transport, open, through_shell
  world.time = expected.expiry and expected.expiry - 3000 or QUIET
  world.retry = function()
    return retry.new { max_attempts = settings.max_attempts, random = world.random }
  end
  local found
  found, failure = credentials.new(settings, world).get()
  assert.equal(#scenario.exchanges, transport.played)
  return found, failure
end

local function assert_expected(expected, name, found, failure)
  if expected.error then
    assert.is_nil(found)
    assert.is_true(errors.is_error(failure))
    return assert.truthy(failure.message:find(REASONS[name], 1, true), failure.message)
  end
  assert.is_nil(failure)
  local keys = expected.credentials
  assert.equal(keys.access_key_id, found.access_key_id)
  assert.equal(keys.secret_access_key, found.secret_access_key)
  assert.equal(keys.session_token, found.session_token)
  assert.equal(keys.account_id, found.account_id)
  assert.equal(keys.expiry, found.expiration)
end

describe("the chain of credentials", function()
  conformance.each("credentials/smithy-rs-scenarios.json", function(data)
    for _, scenario in ipairs(data.scenarios) do
      local name = scenario.name:match "[^/]+$"
      it("recorded scenario: " .. scenario.name, function()
        assert_expected(scenario.expect, name, replay(scenario, name))
      end)
    end
  end)
end)
