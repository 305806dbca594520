-- The services that credentials come from, beside the local hub in its nginx: a test plans what
-- they do wrong, and reads what they were asked. One worker serves all, so plain tables will do.

local cjson = require "cjson"
local issue = require "spec.services.app.issue"

local PREFIX = "/_services/"
local SERVICES = {
  sts = require "spec.services.app.sts",
  sso = require "spec.services.app.sso",
  oidc = require "spec.services.app.oidc",
  signin = require "spec.services.app.signin",
  imds = require "spec.services.app.imds",
  container = require "spec.services.app.container",
}

local journal, plans = {}, {}

local function read_request(service, path)
  ngx.req.read_body()
  local uri = ngx.var.request_uri:match "^[^?]*"
  return {
    service = service, method = ngx.req.get_method(), path = path, signed_path = uri,
    url = ("%s://%s%s"):format(ngx.var.scheme, ngx.var.http_host, uri),
    headers = ngx.req.get_headers(0), arguments = ngx.req.get_uri_args(),
    body = ngx.req.get_body_data() or "",
  }
end

-- What is planned for this request: status, headers, body, delay, lifetime.
local function take_plan(service)
  local queue = plans[service] or {}
  local plan = queue[1]
  if not plan then return {} end
  plan.times = (plan.times or 1) - 1
  if plan.times <= 0 then table.remove(queue, 1) end
  return plan
end

local function send(answer)
  local body = answer.body or ""
  if type(body) == "table" then
    body, ngx.header["Content-Type"] = cjson.encode(body), "application/json"
  end
  for name, value in pairs(answer.headers or {}) do ngx.header[name] = value end
  ngx.status = answer.status
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

local function serve_request(name, path)
  local service, request, plan = SERVICES[name], read_request(name, path), take_plan(name)
  service.describe(request)
  if plan.delay then ngx.sleep(plan.delay) end
  local answer = plan.status and plan or service.answer(request, plan)
  table.insert(journal, {
    service = name, action = request.action, fields = request.fields, headers = request.headers,
    signer = request.signer, status = answer.status,
  })
  send(answer)
end

local CONTROLS = {
  plan = function()
    local given = cjson.decode(ngx.req.get_body_data())
    plans[given.service] = given.entries
  end,
  reset = function() journal, plans = {}, {} end,
  expire = issue.expire,
  requests = function() ngx.print(#journal == 0 and "[]" or cjson.encode(journal)) end,
  keys = function() ngx.print(#issue.all == 0 and "[]" or cjson.encode(issue.all)) end,
}

local function serve()
  local name, path = ngx.var.uri:sub(#PREFIX + 1):match "^(%w+)(.*)$"
  if SERVICES[name] then return serve_request(name, path) end
  if not CONTROLS[name] then return ngx.exit(404) end
  ngx.req.read_body()
  CONTROLS[name]()
end

return { serve = serve }
