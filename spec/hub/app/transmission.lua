-- Puts a response on the wire: well, by nginx; or badly, byte by byte over the raw socket.

local clock = require "spec.hub.app.clock"

-- $request_id is 16 random bytes in hexadecimal; the marks of a version 4 UUID are put in.
local function uuid()
  local hex = ngx.var.request_id
  return ("%s-%s-4%s-a%s-%s"):format(
    hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

local function headers_of(response, context)
  local spelled = {}
  local function put(name, value) spelled[name:lower()] = { name = name, value = value } end
  put("x-amzn-RequestId", uuid())
  put("Date", clock.http_date(context.now))
  put("Content-Length", #response.body)
  for name, value in pairs(response.headers) do put(name, value) end
  for name, value in pairs(context.effects.headers or {}) do put(name, value) end
  return spelled
end

local function send_well(response, headers)
  ngx.status = response.status
  for _, header in pairs(headers) do
    if header.value then ngx.header[header.name] = header.value end
  end
  ngx.print(response.body)
end

local function head_of(response, headers)
  local lines = { ("HTTP/1.1 %d Told so"):format(response.status), "Connection: close" }
  for _, header in pairs(headers) do
    if header.value then table.insert(lines, ("%s: %s"):format(header.name, header.value)) end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- The pieces of a response, and the pause between two of them.
local function pieces_of(head, body, effects)
  local all = head .. body
  if effects.cut_head then return { all:sub(1, effects.cut_head) }, 0 end
  if effects.cut then all = head .. body:sub(1, effects.cut) end
  if effects.stall then
    local first = #head + (effects.stall.bytes or 0)
    return { all:sub(1, first), all:sub(first + 1) }, effects.stall.seconds
  end
  if not effects.drip then return { all }, 0 end
  local pieces, size = {}, effects.drip.bytes or 1
  for first = 1, #all, size do table.insert(pieces, all:sub(first, first + size - 1)) end
  return pieces, effects.drip.seconds
end

local function send_badly(response, headers, effects)
  local socket = assert(ngx.req.socket(true))
  local pieces, pause = pieces_of(head_of(response, headers), response.body, effects)
  for index, piece in ipairs(pieces) do
    if index > 1 then ngx.sleep(pause) end
    if piece ~= "" and not socket:send(piece) then break end
  end
  return ngx.exit(444) -- closes the connection without a word more
end

local RAW = { "close", "cut", "cut_head", "stall", "drip" }

-- nginx adds a Date of its own, so a response without one has to go the other way.
local function needs_raw_socket(headers, effects)
  for _, name in ipairs(RAW) do
    if effects[name] then return true end
  end
  return not headers.date.value
end

--- send(response, context{now, effects})
local function send(response, context)
  local effects, headers = context.effects, headers_of(response, context)
  if effects.delay then ngx.sleep(effects.delay) end
  if needs_raw_socket(headers, effects) then return send_badly(response, headers, effects) end
  return send_well(response, headers)
end

return { send = send }
