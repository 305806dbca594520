-- The same work by cosockets and no more of Lua than it takes. No checks, no retries, no errors.

local cjson = require "cjson"
local sigv4 = require "lmigrationhub.sigv4"

local REGION = "us-west-2"

local function head(request, bytes)
  local lines = { "POST / HTTP/1.1" }
  for name, value in next, request.headers do lines[#lines + 1] = name .. ": " .. value end
  lines[#lines + 1] = "content-length: " .. bytes
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function read_length(socket)
  local length
  assert(assert(socket:receive()):find "^HTTP/1.1 200")
  while true do
    local line = assert(socket:receive())
    if line == "" then return length end
    length = tonumber(line:match "^[Cc]ontent%-[Ll]ength: (%d+)") or length
  end
end

local function fetch(service, parameters)
  local body = cjson.encode(parameters)
  local request = {
    method = "POST", path = "/", body = body,
    headers = {
      host = service.host .. ":" .. service.port,
      ["content-type"] = "application/x-amz-json-1.1",
      ["x-amz-date"] = os.date "!%Y%m%dT%H%M%SZ",
      ["x-amz-target"] = "AWSMigrationHub.ListMigrationTaskUpdates",
    },
  }
  request.headers.authorization = sigv4.authorization(request, service.keys, REGION, "mgh")
  local socket = ngx.socket.tcp()
  socket:settimeouts(5000, 30000, 30000)
  assert(socket:connect("127.0.0.1", service.port, { pool = "bare loop", pool_size = 256 }))
  if socket:getreusedtimes() == 0 then assert(socket:sslhandshake(nil, service.host, true)) end
  assert(socket:send { head(request, #body), body })
  local page = assert(socket:receive(read_length(socket)))
  assert(socket:setkeepalive(20000))
  return cjson.decode(page)
end

---@param service { host: string, port: integer, keys: table }
---@param parameters table
---@param use fun(update: table): boolean called for each update; true: no more is wanted
return function(service, parameters, use)
  repeat
    local page = fetch(service, parameters)
    for _, update in ipairs(page.MigrationTaskUpdateList) do
      if use(update) then return end
    end
    parameters.NextToken = page.NextToken
  until not page.NextToken
end
