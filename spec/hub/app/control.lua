-- The hub's own door, under /_hub/: no signatures, no journal, for the tests on this machine.

local cjson = require "cjson"
local journal = require "spec.hub.app.journal"
local misbehaviour = require "spec.hub.app.misbehaviour"
local store = require "spec.hub.app.store"

local function refuse(message)
  ngx.status = 400
  ngx.print(message)
end

local function misbehave()
  local ok, list = pcall(cjson.decode, ngx.req.get_body_data() or "")
  if not ok or type(list) ~= "table" then return refuse "not JSON" end
  if #list == 0 then list = { list } end
  local added, problem = misbehaviour.add(list)
  if not added then return refuse(problem) end
end

local function reset(seed)
  misbehaviour.clear()
  journal.clear()
  ngx.shared.tokens:flush_all()
  store.fill(seed)
end

local function save(seed) ngx.print(cjson.encode(store.dump(seed))) end

local ROUTES = {
  ["GET /_hub/ready"] = function() end,
  ["GET /_hub/requests"] = function() ngx.print(journal.list()) end,
  ["POST /_hub/misbehave"] = misbehave,
  ["POST /_hub/reset"] = reset,
  ["POST /_hub/save"] = save,
}

local function serve(seed)
  ngx.req.read_body()
  local route = ROUTES[ngx.req.get_method() .. " " .. ngx.var.uri]
  if not route then return refuse "no such control" end
  route(seed)
end

return { serve = serve }
