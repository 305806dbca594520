-- The local Migration Hub, inside nginx: one request of the service's protocol, from its bytes to
-- its answer.

local cjson = require "cjson"
local authentication = require "spec.hub.app.authentication"
local control = require "spec.hub.app.control"
local handlers = require "spec.hub.app.operations"
local journal = require "spec.hub.app.journal"
local misbehaviour = require "spec.hub.app.misbehaviour"
local model = require "spec.hub.app.model"
local pages = require "spec.hub.app.pages"
local response = require "spec.hub.app.response"
local store = require "spec.hub.app.store"
local tokens = require "spec.hub.app.tokens"
local transmission = require "spec.hub.app.transmission"

local TARGET = "^AWSMigrationHub%.(%w+)$"
local CONTENT_TYPE = "application/x-amz-json-1.1"

local HOME_REGION_NOT_SET = {
  code = "HomeRegionNotSetException", message = "The home region is not set.",
}
local DRY_RUN = {
  code = "DryRunOperation",
  message = "The request would have succeeded, but the DryRun flag is set.",
}

local seed
local keys = {} -- by access key ID

local function read_request()
  ngx.req.read_body()
  local headers = ngx.req.get_headers(0)
  return {
    method = ngx.req.get_method(),
    path = ngx.var.request_uri:match("^[^?]*"),
    query = ngx.var.args or "",
    headers = headers,
    body = ngx.req.get_body_data() or "",
    operation = tostring(headers["x-amz-target"]):match(TARGET),
  }
end

local function is_known(request)
  return request.method == "POST" and request.path == "/"
    and request.headers["content-type"] == CONTENT_TYPE
    and request.operation ~= nil and handlers[request.operation] ~= nil
end

-- With "u" a search fails on a subject that is not UTF-8.
local function is_utf8(text)
  local from = ngx.re.find(text, "", "u")
  return from ~= nil
end

local function decode(body)
  if is_utf8(body) and body:find("^%s*{") then
    local ok, input = pcall(cjson.decode, body)
    if ok then return input end
  end
  return nil, { code = "SerializationException", message = "The body is not a JSON object." }
end

local function handle(request, account, input, context)
  local handler = handlers[request.operation]
  if model.pagination(request.operation) then
    return pages.list(request.operation, handler, account, input, context)
  end
  local result, fault = handler(account, input, context)
  return result and cjson.encode(result), fault
end

-- -> result as JSON | nil, fault | nil, nil, canned answer
local function perform(request, context)
  if not is_known(request) then return nil, { code = "UnknownOperationException" } end
  local input, broken = decode(request.body)
  request.is_dry_run = input ~= nil and input.DryRun == true
  local account, refused = authentication.authenticate(request, context)
  if not account then return nil, refused end
  if context.effects.answer then return nil, nil, context.effects.answer end
  if not input then return nil, broken end
  local problem = model.invalid(request.operation, input)
  if problem then return nil, { code = "InvalidInputException", message = problem } end
  if context.effects.home_region_not_set then
    return nil, HOME_REGION_NOT_SET
  end
  if input.DryRun then return nil, DRY_RUN end
  return handle(request, store.account(account), input, context)
end

local function answer(request, context)
  local json, fault, canned = perform(request, context)
  if json then return response.success(json) end
  return canned or response.fault(fault)
end

local function serve()
  local request, effects = read_request(), misbehaviour.take()
  local context = {
    now = ngx.now() + (effects.skew or 0), -- seconds
    region = seed.region,
    keys = keys,
    effects = effects,
  }
  local answered = answer(request, context)
  journal.add(request, answered)
  return transmission.send(answered, context)
end

local function read_seed(path)
  local file = assert(io.open(path, "rb"))
  local data = cjson.decode(file:read("*a"))
  file:close()
  return data
end

--- Runs before the first request: start{seed = path, model = path}
local function start(options)
  cjson.decode_invalid_numbers(false)
  model.load(options.model)
  seed = read_seed(options.seed)
  for _, account in ipairs(seed.accounts) do
    for _, key in ipairs(account.keys or {}) do
      keys[key.access_key_id] = setmetatable({ account = account.id }, { __index = key })
    end
  end
  tokens.start()
  store.fill(seed)
end

return {
  start = start, serve = serve, control = function() control.serve(seed) end,
  keys = keys, region = function() return seed.region end, -- for other services beside it
}
