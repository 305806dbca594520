-- The same work by the same C calls and no more of Lua than it takes: bare_loop.lua PAGES.
-- No checks, no retries, no errors. This is what the library's comforts are measured against.

local cjson = require "cjson"
local curl = require "lmigrationhub.curl"
local sigv4 = require "lmigrationhub.sigv4"

io.stdout:setvbuf "line"

local URL = os.getenv "AWS_ENDPOINT_URL_MIGRATION_HUB"
local REGION = os.getenv "AWS_REGION"
local TIMEOUTS = { connect = 5, total = 30 }
local KEYS = {
  access_key_id = os.getenv "AWS_ACCESS_KEY_ID",
  secret_access_key = os.getenv "AWS_SECRET_ACCESS_KEY",
}

local multi = curl.new()

local function fetch(parameters)
  local request = {
    method = "POST", url = URL .. "/", path = "/", timeouts = TIMEOUTS,
    headers = {
      host = URL:match "//(.*)$",
      ["content-type"] = "application/x-amz-json-1.1",
      ["x-amz-date"] = os.date "!%Y%m%dT%H%M%SZ",
      ["x-amz-target"] = "AWSMigrationHub.ListMigrationTaskUpdates",
    },
    body = cjson.encode(parameters),
  }
  request.headers.authorization = sigv4.authorization(request, KEYS, REGION, "mgh")
  local pending = multi:start(request)
  while not pending:finished() do multi:poll(1) end
  local status, _, body = pending:result()
  assert(status == 200, body)
  return cjson.decode(body)
end

local parameters = { ProgressUpdateStream = "SMS", MigrationTaskName = "sms-P" .. arg[1] }
local count, percent, bytes, time = 0, 0, 0, 0
repeat
  local page = fetch(parameters)
  for _, update in ipairs(page.MigrationTaskUpdateList) do
    local state = update.MigrationTaskState
    if count == 0 then print(state.StatusDetail) end
    count = count + 1
    percent = percent + state.ProgressPercent
    bytes = bytes + #state.Status + #state.StatusDetail + #update.UpdateType
    time = math.max(time, update.UpdateDateTime)
  end
  parameters.NextToken = page.NextToken
until not page.NextToken
multi:close()
print(("%d %d %d %.3f"):format(count, percent, bytes, time))
