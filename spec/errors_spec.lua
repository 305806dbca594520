local errors = require "lmigrationhub.errors"

describe("lmigrationhub.errors", function()
  it("reads as one line with operation, code, message and what is known of the answer", function()
    local failure = errors.new {
      kind = "service", code = "ResourceNotFoundException", message = "no such task",
      operation = "ListMigrationTaskUpdates", status = 400, request_id = "f3b1", attempts = 3,
    }
    assert.equal(
      "ListMigrationTaskUpdates: ResourceNotFoundException: no such task "
        .. "(HTTP 400, request id f3b1, 3 attempts)", tostring(failure))
  end)

  it("leaves out what is not known", function()
    local failure = errors.new { kind = "config", code = "NoRegion", message = "" }
    assert.equal("NoRegion", tostring(failure))
  end)

  it("does not speak of a single attempt", function()
    local failure = errors.new { kind = "transport", code = "Timeout", message = "m", attempts = 1 }
    assert.equal("Timeout: m", tostring(failure))
  end)

  it("stays one line whatever the message has in it", function()
    local failure = errors.new { kind = "service", code = "X", message = "a\r\nb\0c\27[31m" }
    assert.equal("X: a b c [31m", tostring(failure))
  end)

  it("is told from any other value", function()
    assert.is_true(errors.is_error(errors.new { kind = "config", code = "X", message = "" }))
    for _, other in ipairs { "text", 1, {}, setmetatable({}, {}), print } do
      assert.is_false(errors.is_error(other))
    end
    assert.is_false(errors.is_error(nil))
  end)

  it("is what an uncaught error shows, except on PUC 5.1", function()
    local interpreter = arg[-1] or "lua"
    local index = -1
    while arg[index] do interpreter, index = arg[index], index - 1 end
    local script = "error(require('lmigrationhub.errors').new"
      .. "{ kind = 'config', code = 'NoRegion', message = 'm' })"
    local pipe = io.popen(('%s -e "%s" 2>&1'):format(interpreter, script))
    local shown = pipe:read "*a"
    pipe:close()
    local is_puc_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
    assert.truthy(shown:find(is_puc_51 and "(error object is not a string)" or "NoRegion: m", 1,
      true))
  end)
end)
