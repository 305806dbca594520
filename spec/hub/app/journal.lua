-- What the hub saw since the last reset, without signatures and session tokens; of very much, what
-- it saw last.

local cjson = require "cjson"

local records = ngx.shared.journal

local function without_secrets(headers)
  local kept = {}
  for name, value in pairs(headers) do kept[name] = value end
  if type(kept.authorization) == "string" then
    kept.authorization = kept.authorization:gsub("Signature=%x+", "Signature=…")
  end
  if kept["x-amz-security-token"] then kept["x-amz-security-token"] = "…" end
  return kept
end

-- Forgets the oldest where there is no room.
local function keep(index, record)
  while true do
    local ok, problem = records:safe_set(index, record)
    if ok then return end
    local oldest = records:incr("forgotten", 1, 0)
    if problem ~= "no memory" or oldest >= index then error(problem) end
    records:delete(oldest)
  end
end

local function add(request, response)
  local record = {
    operation = request.operation,
    method = request.method,
    path = request.path,
    headers = without_secrets(request.headers),
    body = request.body,
    connection = tonumber(ngx.var.connection),
    tls = ngx.var.https == "on",
    session_reused = ngx.var.ssl_session_reused == "r",
    time = ngx.now(),
    status = response.status,
    error = response.code,
  }
  keep(records:incr("count", 1, 0), cjson.encode(record))
end

--- All records as one JSON list.
local function list()
  local lines = {}
  for index = (records:get "forgotten" or 0) + 1, records:get "count" or 0 do
    lines[#lines + 1] = records:get(index)
  end
  return "[" .. table.concat(lines, ",") .. "]"
end

local function clear()
  records:flush_all()
  records:flush_expired()
end

return { add = add, list = list, clear = clear }
