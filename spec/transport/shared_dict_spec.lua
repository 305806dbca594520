local server = require "spec.transport.nginx.server"
local shared_dict = require "lmigrationhub.transport.shared_dict"

describe("lmigrationhub.transport.shared_dict", function()
  local worker

  lazy_setup(function() worker = server.start("http://127.0.0.1:1", "/dev/null") end)
  lazy_teardown(function() worker:stop() end)
  before_each(function() worker:run "ngx.shared.credentials:flush_all()" end)

  local function run(text)
    return worker:run([[
      local dict = ngx.shared.credentials
      local store = assert(require("lmigrationhub.transport.shared_dict").open "credentials")
    ]] .. text)
  end

  it("is not to be had outside nginx", function()
    local store, message = shared_dict.open "credentials"
    assert.is_nil(store)
    assert.truthy(message:find("directive `lua_shared_dict credentials 64k;` to http{}", 1, true))
  end)

  it("is not to be had where there is no directive", function()
    local store, message = worker:run [[
      return require("lmigrationhub.transport.shared_dict").open "nowhere"
    ]]
    assert.is_nil(store)
    assert.truthy(message:find("no lua_shared_dict nowhere; add the directive", 1, true))
  end)

  it("keeps a text for some time", function()
    assert.same({ true, "text\0", "gone" }, { run [[
      local ok = store:set("key", "text\0", 0.05)
      local text = store:get "key"
      ngx.sleep(0.1)
      return ok, text, store:get "key" or "gone"
    ]] })
  end)

  it("removes a text", function()
    assert.is_nil(run [[
      store:set("key", "text", 60)
      store:remove "key"
      return store:get "key"
    ]])
  end)

  it("gives nothing that is no text", function()
    assert.is_nil(run [[
      dict:set("key", 5)
      return store:get "key"
    ]])
  end)

  it("gives a lease to one at a time, until it is given back or ends", function()
    assert.same({ "string", false, "string", false, "string" }, { run [[
      local first = store:take("lease", 60)
      local meanwhile = store:take("lease", 60)
      store:give_back("lease", first)
      local second = store:take("lease", 0.05)
      local again = store:take("lease", 60)
      ngx.sleep(0.1)
      return type(first), meanwhile, type(second), again, type(store:take("lease", 60))
    ]] })
  end)

  it("takes no lease away from its next owner", function()
    assert.is_false((run [[
      local first = store:take("lease", 0.05)
      ngx.sleep(0.1)
      store:take("lease", 60)
      store:give_back("lease", first)
      return store:take("lease", 60)
    ]]))
  end)

  it("knows the leases of two stores apart", function()
    assert.is_false((run [[
      local other = require("lmigrationhub.transport.shared_dict").open "credentials"
      local first = store:take("lease", 0.05)
      ngx.sleep(0.1)
      other:take("lease", 60)
      store:give_back("lease", first)
      return store:take("lease", 60)
    ]]))
  end)

  it("refuses what it has no room for, and drops nothing", function()
    assert.same({ "no memory", "no memory", "text" }, { run [[
      store:set("first", "text", 60)
      for _, size in ipairs { 3000, 1000, 300, 100, 30, 1 } do
        local count = 0
        while dict:safe_set(size .. "-" .. count, ("x"):rep(size)) do count = count + 1 end
      end
      local _, message = store:set("key", ("x"):rep(100), 60)
      local _, problem = store:take("lease", 60)
      return message, problem, store:get "first"
    ]] })
  end)
end)
