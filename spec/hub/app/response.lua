-- Responses as values {status, headers, body}: results, faults, and those of misbehaviours.

local cjson = require "cjson"

local CONTENT_TYPE = "application/x-amz-json-1.1"
local NAMESPACE = "com.amazonaws.migrationhub#"

local function success(json)
  return { status = 200, headers = { ["Content-Type"] = CONTENT_TYPE }, body = json }
end

-- Where a fault's code is written, in the forms that are seen in the wild.
local FORMS = {
  plain = function(code, body) body.__type = code end,
  namespaced = function(code, body) body.__type = NAMESPACE .. code end,
  code = function(code, body) body.code = code end,
  header = function(code, _, headers)
    headers["X-Amzn-Errortype"] = code .. ":http://internal.amazon.com/coral/com.amazonaws.mgh/"
  end,
}

--- fault: {code, message, status = 400, form = "plain", members, headers}
local function fault(description)
  local headers, body = { ["Content-Type"] = CONTENT_TYPE }, { message = description.message }
  for name, value in pairs(description.headers or {}) do headers[name] = value end
  for name, value in pairs(description.members or {}) do body[name] = value end
  FORMS[description.form or "plain"](description.code, body, headers)
  return {
    status = description.status or 400, headers = headers, body = cjson.encode(body),
    code = description.code,
  }
end

local function throttle(options)
  return fault {
    code = "ThrottlingException",
    message = "Rate exceeded",
    members = { RetryAfterSeconds = options.retry_after_seconds },
    headers = { ["x-amz-retry-after"] = options.retry_after_ms },
  }
end

local OUTAGES = {
  [500] = { code = "InternalServerError", message = "An internal error occurred." },
  [503] = { code = "ServiceUnavailableException", message = "The service is unavailable." },
}

local OUTAGE_FORMS = {
  json = function(status)
    return fault { status = status, code = OUTAGES[status].code, message = OUTAGES[status].message }
  end,
  html = function(status)
    return {
      status = status, headers = { ["Content-Type"] = "text/html" },
      body = ("<html><body><h1>%d</h1></body></html>"):format(status),
    }
  end,
  empty = function(status) return { status = status, headers = {}, body = "" } end,
}

local function fail(options) return OUTAGE_FORMS[options.form or "json"](options.status or 500) end

local function respond(options)
  return {
    status = options.status or 200,
    headers = options.headers or {},
    body = options.body or "",
  }
end

return {
  success = success,
  fault = fault,
  canned = { throttle = throttle, fail = fail, error = fault, respond = respond },
}
