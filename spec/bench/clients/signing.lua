-- What a signature costs: signing.lua CALLS. Prints microseconds a call, of CPU: with the derived
-- key cached, and with a key that must be derived.

local sigv4 = require "lmigrationhub.sigv4"

local SECRETS = 16 -- more than the signer keeps keys of
local CALLS = tonumber(arg[1])

-- As lmigrationhub sends it.
local request = {
  method = "POST", path = "/",
  headers = {
    host = "mgh.us-west-2.amazonaws.com",
    ["content-type"] = "application/x-amz-json-1.1",
    ["x-amz-date"] = "20251104T120000Z",
    ["x-amz-target"] = "AWSMigrationHub.ListMigrationTaskUpdates",
    ["amz-sdk-invocation-id"] = "5d0f1c2e-7b1a-4c55-9b8f-8f2f6f3e2a10",
    ["amz-sdk-request"] = "attempt=1; max=3",
  },
  body = '{"MigrationTaskName":"sms-12de3cf1a","NextToken":"' .. ("x"):rep(200)
    .. '","ProgressUpdateStream":"SMS"}',
}

local function keys(number)
  return { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" .. number }
end

local function time(secrets)
  local all = {}
  for number = 1, secrets do all[number] = keys(number) end
  local begun = os.clock()
  for call = 1, CALLS do
    sigv4.authorization(request, all[call % secrets + 1], "us-west-2", "mgh")
  end
  return (os.clock() - begun) / CALLS * 1e6
end

print(("%.3f %.3f"):format(time(1), time(SECRETS)))
