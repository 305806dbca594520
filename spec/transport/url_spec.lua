local parse = require("lmigrationhub.transport.url").parse

describe("lmigrationhub.transport.url", function()
  it("takes a URL apart", function()
    assert.same({
      scheme = "https", authority = "MGH.us-west-2.amazonaws.com:8443",
      host = "mgh.us-west-2.amazonaws.com", port = 8443, is_address = false, target = "/a/b?c=d",
      shown = "https://MGH.us-west-2.amazonaws.com:8443/a/b",
      pool = "lmigrationhub|https://mgh.us-west-2.amazonaws.com:8443",
    }, parse "HTTPS://MGH.us-west-2.amazonaws.com:8443/a/b?c=d#e")
  end)

  it("has at least a slash for a path, and the scheme's port", function()
    local plain, secure = parse "http://a.test", parse "https://a.test?b"
    assert.same({ "/", 80 }, { plain.target, plain.port })
    assert.same({ "/?b", 443 }, { secure.target, secure.port })
  end)

  it("tells addresses from names", function()
    for host, is_address in pairs {
      ["127.0.0.1"] = true, ["[::1]"] = true, ["[fd00:ec2::254]"] = true,
      ["[::ffff:10.0.0.1]"] = true, ["localhost"] = false,
      ["a-b_c.test"] = false, ["1a.test"] = false,
    } do
      assert.equal(is_address, parse("http://" .. host .. ":81/").is_address, host)
    end
  end)

  it("keeps apart what may not share a connection", function()
    local pools = {}
    for _, url in ipairs {
      "http://a.test/", "https://a.test/", "https://b.test/", "https://a.test:444/",
      "http://a.test:443/",
    } do
      local pool = parse(url).pool
      assert.is_nil(pools[pool], url)
      pools[pool] = true
    end
    assert.equal(parse("https://A.test/x").pool, parse("https://a.test:443/y").pool)
  end)

  for _, url in ipairs {
    "", "a.test", "//a.test/", "ftp://a.test/", "http://", "http:///a", "http://:80/",
    "http://a b/",
    "http://user@a.test/", "http://user:word@a.test/", "http://a.test:0/", "http://a.test:65536/",
    "http://a.test:/", "http://a.test:8o/", "http://::1/", "http://[a.test]/", "http://-a.test/",
    "http://unix:/tmp/socket/", "http://a.test\r\n/", "http://a\0b/",
  } do
    it(("takes %q for none"):format(url), function() assert.is_nil(parse(url)) end)
  end

  it("takes nothing but a text for one", function()
    for _, value in ipairs { 5, true, {}, print } do assert.is_nil(parse(value)) end
    assert.is_nil(parse(nil))
  end)
end)
