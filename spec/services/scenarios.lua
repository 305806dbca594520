-- DATA: the ways to credentials. Of each: the files below the home directory, the environment and
-- the options of a client; whose keys it comes to sign with (`signs`, the first part of the key id)
-- and what it says of them in the user agent (`feature`); and what the services are asked (`asks`),
-- each time at least these fields and headers, in this order. init.lua fills in what stands as
-- ${name}.

local ROLE_A, ROLE_B = "arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"
local MFA_SERIAL = "arn:aws:iam::123456789012:mfa/ada"

local KEYS = "aws_access_key_id = ${key}\naws_secret_access_key = ${secret}\n"
local ENVIRONMENT_KEYS = {
  AWS_ACCESS_KEY_ID = "${session_key}", AWS_SECRET_ACCESS_KEY = "${session_secret}",
  AWS_SESSION_TOKEN = "${session_token}",
}

-- The tools name a token's file after a digest: SHA-1 of the session's name or of the start URL,
-- SHA-256 of the login session.
local SSO_TOKEN = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json" -- of corp
local LEGACY_SSO_TOKEN = ".aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json"
local START_URL = "https://corp.awsapps.com/start"
local LOGIN = ".aws/login/cache/"
  .. "397b11bbda6668a5a8d17d42c91036373f4a376627089c204bef61ce0ae993c2.json"
local LOGIN_SESSION = "arn:aws:iam::123456789012:user/ada"

local SSO_SESSION = ([[
[default]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Reader
[sso-session corp]
sso_region = eu-west-1
sso_start_url = %s
]]):format(START_URL)
local LEGACY_SSO = ([[
[default]
sso_account_id = 123456789012
sso_role_name = Reader
sso_region = eu-west-1
sso_start_url = %s
]]):format(START_URL)

local function sso_token(expires)
  return ([[{
    "startUrl": "%s", "region": "eu-west-1", "expiresAt": "${%s}",
    "accessToken": "sso-token-of-the-file", "refreshToken": "sso-refresh-of-the-file",
    "clientId": "sso-client", "clientSecret": "sso-client-secret",
    "registrationExpiresAt": "${in_an_hour}", "unknown": [1, {"kept": true}]
  }]]):format(START_URL, expires)
end

local function login(expires)
  return ([[{
    "accessToken": {
      "accessKeyId": "${session_key}", "secretAccessKey": "${session_secret}",
      "sessionToken": "${session_token}", "accountId": "123456789012", "expiresAt": "${%s}"
    },
    "tokenType": "aws_sigv4", "refreshToken": "login-refresh-of-the-file",
    "idToken": "login-id-token", "clientId": "arn:aws:signin:::devtools/same-device",
    "dpopKey": "${dpop_key}"
  }]]):format(expires)
end

local function role(lines)
  return ("[default]\nrole_arn = %s\n%s"):format(ROLE_A, lines)
end

-- What is run gets no shell, so a script is run by one.
local function program(script)
  return {
    [".aws/config"] = "[default]\ncredential_process = sh '${home}/my program' \"two words\"\n",
    ["my program"] = script,
  }
end

local GIVEN = [[
printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s", "SessionToken": "%s"}' \
  '${session_key}' '${session_secret}' '${session_token}'
]]

local IMDS_FOLDER = "/latest/meta-data/iam/security-credentials/"
local IMDS_TOKEN = { service = "imds", action = "PUT /latest/api/token", status = 200,
  headers = { ["x-aws-ec2-metadata-token-ttl-seconds"] = "21600" } }
local IMDS_ROLE = { service = "imds", action = "GET " .. IMDS_FOLDER, status = 200 }
local IMDS_KEYS =
  { service = "imds", action = "GET " .. IMDS_FOLDER .. "instance-role", status = 200 }

local function assume(signer, fields)
  fields.RoleArn = fields.RoleArn or ROLE_A
  return { service = "sts", action = "AssumeRole", signer = signer, fields = fields, status = 200 }
end

local CONTAINER_OPEN = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "${http}container/open" }

local scenarios = {
  {
    name = "a table in code",
    options = { credentials = { access_key_id = "${key}", secret_access_key = "${secret}" } },
    signs = "AKIA", feature = "e",
  },
  {
    name = "environment variables, before any profile",
    environment = ENVIRONMENT_KEYS,
    files = { [".aws/credentials"] = "[default]\n" .. KEYS },
    signs = "ASIAIOSFODNN7SESSION", feature = "g",
  },
  {
    name = "keys of the default profile",
    files = { [".aws/credentials"] = "[default]\n" .. KEYS },
    signs = "AKIA", feature = "n",
  },
  {
    name = "keys of a profile that the environment names, in files elsewhere",
    environment = {
      AWS_PROFILE = "work", AWS_CONFIG_FILE = "${home}/elsewhere/config", AWS_REGION = false,
    },
    files = { ["elsewhere/config"] = "[profile work]\nregion = us-west-2\n" .. KEYS },
    signs = "AKIA", feature = "n",
  },
  {
    name = "a role by another profile's keys",
    files = {
      [".aws/config"] = role "source_profile = base\n",
      [".aws/credentials"] = "[base]\n" .. KEYS,
    },
    signs = "ASIASTS", feature = "i",
    asks = { assume("AKIAIOSFODNN7EXAMPLE", {}) },
  },
  {
    name = "a role by a role by keys",
    files = {
      [".aws/config"] = role "source_profile = middle\n" .. "[profile middle]\nrole_arn = "
        .. ROLE_B .. "\nsource_profile = base\n[profile base]\n" .. KEYS,
    },
    signs = "ASIASTS", feature = "i",
    asks = {
      assume("AKIAIOSFODNN7EXAMPLE", { RoleArn = ROLE_B }),
      assume("ASIASTS", { RoleArn = ROLE_A }),
    },
  },
  {
    name = "a role by the environment's keys",
    environment = {
      AWS_ACCESS_KEY_ID = "${session_key}", AWS_SECRET_ACCESS_KEY = "${session_secret}",
      AWS_SESSION_TOKEN = "${session_token}",
    },
    files = { [".aws/config"] = "[profile a]\nrole_arn = " .. ROLE_A
      .. "\ncredential_source = Environment\n" },
    options = { profile = "a" },
    signs = "ASIASTS", feature = "i",
    asks = { assume("ASIAIOSFODNN7SESSION", {}) },
  },
  {
    name = "a role by the container's",
    environment = CONTAINER_OPEN,
    files = { [".aws/config"] = role "credential_source = EcsContainer\n" },
    signs = "ASIASTS", feature = "i",
    asks = {
      { service = "container", action = "GET /open", status = 200 }, assume("ASIACONTAINER", {}),
    },
  },
  {
    name = "a role by the instance's",
    files = { [".aws/config"] = role "credential_source = Ec2InstanceMetadata\n" },
    signs = "ASIASTS", feature = "i",
    asks = { IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS, assume("ASIAIMDS", {}) },
  },
  {
    name = "a role with external id, session name, duration and a code",
    files = {
      [".aws/config"] = role("source_profile = base\nexternal_id = partner/1\n"
        .. "role_session_name = ada@example.com\nduration_seconds = 1800\nmfa_serial = "
        .. MFA_SERIAL .. "\n[profile base]\n" .. KEYS),
    },
    options = { mfa_code = function(serial) return serial == MFA_SERIAL and "835219" or nil end },
    signs = "ASIASTS", feature = "i",
    asks = {
      assume("AKIAIOSFODNN7EXAMPLE", {
        ExternalId = "partner/1", RoleSessionName = "ada@example.com", DurationSeconds = "1800",
        SerialNumber = MFA_SERIAL, TokenCode = "835219",
      }),
    },
  },
  {
    name = "a web identity that the environment names",
    environment = {
      AWS_WEB_IDENTITY_TOKEN_FILE = "${home}/identity", AWS_ROLE_ARN = ROLE_A,
      AWS_ROLE_SESSION_NAME = "pod",
    },
    files = { identity = "web-identity.token\n" },
    signs = "ASIASTS", feature = "q",
    asks = { {
      service = "sts", action = "AssumeRoleWithWebIdentity", status = 200,
      fields = {
        RoleArn = ROLE_A, RoleSessionName = "pod", WebIdentityToken = "web-identity.token\n",
      },
    } },
  },
  {
    name = "a web identity that a profile names",
    files = {
      [".aws/config"] = role "web_identity_token_file = ${home}/identity\n",
      identity = "web-identity.token",
    },
    signs = "ASIASTS", feature = "q",
    asks = { {
      service = "sts", action = "AssumeRoleWithWebIdentity", status = 200,
      fields = { RoleArn = ROLE_A, WebIdentityToken = "web-identity.token" },
    } },
  },
  {
    name = "SSO without a session",
    files = { [".aws/config"] = LEGACY_SSO, [LEGACY_SSO_TOKEN] = sso_token "in_an_hour" },
    signs = "ASIASSO", feature = "s",
    asks = { {
      service = "sso", action = "GET /federation/credentials", status = 200,
      fields = { role_name = "Reader", account_id = "123456789012" },
      headers = { ["x-amz-sso_bearer_token"] = "sso-token-of-the-file" },
    } },
  },
  {
    name = "an SSO session",
    files = { [".aws/config"] = SSO_SESSION, [SSO_TOKEN] = sso_token "in_an_hour" },
    signs = "ASIASSO", feature = "s",
    asks = { { service = "sso", action = "GET /federation/credentials", status = 200 } },
  },
  {
    name = "an SSO session that is to be renewed",
    files = { [".aws/config"] = SSO_SESSION, [SSO_TOKEN] = sso_token "soon" },
    signs = "ASIASSO", feature = "s",
    asks = {
      {
        service = "oidc", action = "POST /token", status = 200,
        fields = { grantType = "refresh_token", refreshToken = "sso-refresh-of-the-file" },
      },
      { service = "sso", action = "GET /federation/credentials", status = 200 },
    },
  },
  {
    name = "a login",
    files = { [".aws/config"] = "[default]\nlogin_session = " .. LOGIN_SESSION .. "\n",
      [LOGIN] = login "in_an_hour" },
    signs = "ASIAIOSFODNN7SESSION", feature = "AD",
  },
  {
    name = "a login that is to be renewed",
    files = { [".aws/config"] = "[default]\nlogin_session = " .. LOGIN_SESSION .. "\n",
      [LOGIN] = login "soon" },
    signs = "ASIALOGIN", feature = "AD",
    asks = { {
      service = "signin", action = "POST /v1/token", status = 200,
      fields = { grantType = "refresh_token", refreshToken = "login-refresh-of-the-file" },
    } },
  },
  {
    name = "a program",
    files = program("test \"$1\" = 'two words' && sleep 0.2 && " .. GIVEN),
    signs = "ASIAIOSFODNN7SESSION", feature = "w",
  },
  {
    name = "a container",
    environment = CONTAINER_OPEN,
    signs = "ASIACONTAINER", feature = "z",
    asks = { { service = "container", action = "GET /open", status = 200 } },
  },
  {
    name = "a container that wants a token",
    environment = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI = "${http}container/guarded",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "container-token",
    },
    signs = "ASIACONTAINER", feature = "z",
    asks = { { service = "container", action = "GET /guarded", status = 200 } },
  },
  {
    name = "a container that wants a token of a file, over HTTPS",
    environment = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI = "${https}container/guarded",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "another-token",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "${home}/token",
    },
    files = { token = "container-token" },
    signs = "ASIACONTAINER", feature = "z",
    asks = { { service = "container", action = "GET /guarded", status = 200 } },
  },
  {
    name = "an instance",
    signs = "ASIAIMDS", feature = "0",
    asks = { IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS },
  },
  {
    name = "an instance of version 1",
    plans = { imds = { { status = 403 } } },
    signs = "ASIAIMDS", feature = "0",
    asks = {
      { service = "imds", action = "PUT /latest/api/token", status = 403 }, IMDS_ROLE, IMDS_KEYS,
    },
  },
}

return {
  ways = scenarios, program = program, given = GIVEN, role = role, keys = KEYS,
  sso_session = SSO_SESSION, legacy_sso = LEGACY_SSO, sso_token = sso_token, login = login,
  paths = { sso = SSO_TOKEN, legacy_sso = LEGACY_SSO_TOKEN, login = LOGIN },
  login_session = LOGIN_SESSION, container = CONTAINER_OPEN, role_arn = ROLE_A,
}
