local contract = require "spec.transport.contract"
local script = require "lmigrationhub.transport.script"
local transport = require "lmigrationhub.transport"

describe("lmigrationhub.transport.script", function()
  contract(script.new, {
    it = it, setup = setup, teardown = teardown,
    before_each = before_each, after_each = after_each,
  })
end)

describe("lmigrationhub.transport", function()
  it("is the script's outside nginx", function()
    local chosen = transport.new()
    assert.equal(getmetatable(script.new()), getmetatable(chosen))
    chosen:close()
  end)

  it("refuses nginx", function()
    rawset(_G, "ngx", { get_phase = function() end })
    local ok, message = pcall(transport.new)
    rawset(_G, "ngx", nil)
    assert.is_false(ok)
    assert.matches("nginx", message)
  end)
end)
