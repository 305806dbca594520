-- Answers the requests of the benchmark inside nginx. It checks no signature: it must be quick.

local pages = require "spec.bench.pages"

-- -> answer(delay): `delay` is the service's time in seconds
local function new()
  local page = pages.new()
  return function(delay)
    ngx.req.read_body()
    local operation = ngx.var.http_x_amz_target:match "%.(.*)$"
    local head, token, tail = page(operation, ngx.req.get_body_data())
    if delay > 0 then ngx.sleep(delay) end
    ngx.header["Content-Type"] = "application/x-amz-json-1.1"
    ngx.header["Content-Length"] = #head + #token + #tail
    ngx.header["x-amzn-RequestId"] = "5d0f1c2e-7b1a-4c55-9b8f-8f2f6f3e2a10"
    ngx.print { head, token, tail }
  end
end

return { new = new }
