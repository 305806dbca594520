-- The transports' contract, run inside a worker one test at a time, by name.
local contract = require "spec.transport.contract"
local nginx = require "lmigrationhub.transport.nginx"

local tests, hooks = {}, {}
local ports

local function hook(name)
  return function(body) hooks[name] = body end
end

local function check_idle(transport)
  for name, limit in pairs(transport._share) do
    local holder = limit.holders and limit.holders[1]
    if holder then error(("a place of %s is taken by %s"):format(name, holder.to.shown)) end
  end
end

local function add(name, body) tests[name] = body end

contract(nginx.new, {
  transport = "nginx",
  new_trusting = nginx.new,
  tls_ports = function() return ports end,
  check_idle = check_idle,
  it = add,
  overlap = add,
  setup = hook "setup",
  teardown = hook "teardown",
  before_each = hook "before_each",
  after_each = hook "after_each",
})

-- Gives true | false, what went wrong.
local function run(name)
  hooks.before_each()
  local ok, problem = pcall(tests[name])
  hooks.after_each()
  return ok, not ok and tostring(problem) or nil
end

local function setup(tls_ports)
  ports = tls_ports
  hooks.setup()
end

return { setup = setup, teardown = hooks.teardown, run = run }
