local json = require "lmigrationhub.json"
local sign_in = require "lmigrationhub.sign_in"

local NOW = 1000000000 -- 2001-09-09T01:46:40Z

local function answer(status, body, headers)
  return { status = status, headers = headers or {}, body = body }
end

local function new_context(text)
  local context = { memory = {}, logged = {} }
  function context.now() return NOW end
  function context.log(_, message) table.insert(context.logged, message) end
  function context.open() return { read = function() return text end, close = function() end } end
  function context.write_private(_, contents)
    context.written = contents
    return true
  end
  return context
end

-- Tokens { ends = seconds, refreshToken = text }, renewed with what `exchange` returns.
local function kind_with(exchange)
  return {
    name = "pass", path = "/pass", ahead = 100, needs = { "refreshToken" }, exchange = exchange,
    ends_of = function(token) return token.ends end,
    apply = function(token, given, expires_at)
      token.ends, token.expires_at = NOW + given.expiresIn, expires_at
      return given.complete
    end,
  }
end

local function pass(left, more)
  local token = { ends = NOW + left, refreshToken = "old", other = "kept" }
  for name, value in pairs(more or {}) do token[name] = value end
  return json.encode(token)
end

describe("lmigrationhub.sign_in", function()
  it("takes texts that are not empty", function()
    assert.equal("x", sign_in.text_of({ name = "x" }, "name"))
    for _, value in ipairs { "", 5, {}, true } do
      assert.is_nil(sign_in.text_of({ name = value }, "name"))
    end
  end)

  describe("asking", function()
    local function ask(given, message)
      return sign_in.ask({}, {
        send = function(_, options)
          assert.is_true(options.retry)
          return given, message
        end,
      })
    end

    it("gives the decoded answer", function()
      assert.same({ a = 1 }, ask(answer(200, '{"a": 1}')))
    end)

    it("gives what the transport says", function()
      assert.same({ nil, "timed out" }, { ask(nil, "timed out") })
    end)

    local REFUSALS = {
      { answer(500, "<html>"), "HTTP 500" },
      { answer(403, '{"message": "No"}'), "HTTP 403: No" },
      { answer(400, '{"error": "bad", "error_description": "Why"}'), "HTTP 400 bad: Why", "bad" },
      { answer(401, "", { ["x-amzn-errortype"] = "Denied:http://x/" }), "HTTP 401 Denied" },
      { answer(400, '{"error": 5, "message": {}}'), "HTTP 400" },
    }
    for _, case in ipairs(REFUSALS) do
      it("tells a refusal: " .. case[2], function()
        local given, message, status, code = ask(case[1])
        assert.is_nil(given)
        assert.equal(case[2], message)
        assert.equal(case[1].status, status)
        assert.equal(case[3], code)
      end)
    end
  end)

  it("leaves a token alone that has time", function()
    local kind = kind_with(function() error "renewed" end)
    assert.equal(NOW + 101, sign_in.find_token(kind, new_context(pass(101))).ends)
  end)

  it("renews one that has not, and puts it back", function()
    local context = new_context(pass(100))
    local kind = kind_with(function(token)
      assert.equal("old", token.refreshToken)
      return { expiresIn = 900.5, complete = true, refreshToken = "new" }
    end)
    local token = sign_in.find_token(kind, context)
    assert.same({
      ends = NOW + 900.5, expires_at = "2001-09-09T02:01:40Z", refreshToken = "new", other = "kept",
    }, token)
    assert.same(token, json.decode(context.written))
  end)

  it("asks first what stands in the way", function()
    local kind = kind_with(function() error "renewed" end)
    kind.obstacle = function() return "the weather" end
    local token, message, is_final = sign_in.find_token(kind, new_context(pass(0)))
    assert.is_nil(token)
    assert.equal("the pass has ended; the pass was not renewed: the weather", message)
    assert.is_true(is_final)
  end)

  for status, expected in pairs { [400] = true, [499] = true, [429] = false, [500] = false } do
    it(("takes HTTP %d for %s"):format(status, expected and "final" or "passing"), function()
      local kind = kind_with(function() return nil, "no", status end)
      local context = new_context(pass(0))
      for _ = 1, 2 do
        assert.equal(expected, (select(3, sign_in.find_token(kind, context))))
      end
    end)
  end

  it("lets a failure count for a minute, by whatever clock", function()
    local tries = 0
    local kind = kind_with(function()
      tries = tries + 1
      return nil, "no"
    end)
    local context = new_context(pass(0))
    for _, time in ipairs { NOW, NOW + 59, NOW + 60, NOW + 1, NOW } do
      function context.now() return time end
      sign_in.find_token(kind, context)
    end
    assert.equal(3, tries)
  end)

  it("takes an incomplete answer for passing, and keeps nothing of it", function()
    local kind = kind_with(function() return { expiresIn = 900 } end)
    local context = new_context(pass(0))
    local token, message, is_final = sign_in.find_token(kind, context)
    assert.is_nil(token)
    assert.equal("the pass has ended; the pass was not renewed: the answer is not complete",
      message)
    assert.is_false(is_final)
    assert.is_nil(context.written)
  end)
end)
