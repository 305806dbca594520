-- The transports' contract, run inside a worker one test at a time, by name.
local contract = require "spec.transport.contract"
local nginx = require "lmigrationhub.transport.nginx"

local tests, hooks = {}, {}

local function hook(name)
  return function(body) hooks[name] = body end
end

local function add(name, body) tests[name] = body end

contract(nginx.new, {
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

return { setup = hooks.setup, teardown = hooks.teardown, run = run }
