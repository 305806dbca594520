local conformance = require "spec.conformance"
local endpoint = require "lmigrationhub.endpoint"

describe("lmigrationhub.endpoint", function()
  for region, host in pairs {
    ["us-west-2"] = "mgh.us-west-2.amazonaws.com",
    ["mars-north-9"] = "mgh.mars-north-9.amazonaws.com",
    ["cn-northwest-1"] = "mgh.cn-northwest-1.amazonaws.com.cn",
    ["us-gov-west-1"] = "mgh.us-gov-west-1.amazonaws.com",
    ["us-iso-west-1"] = "mgh.us-iso-west-1.c2s.ic.gov",
    ["us-isob-east-1"] = "mgh.us-isob-east-1.sc2s.sgov.gov",
    ["eu-isoe-west-1"] = "mgh.eu-isoe-west-1.cloud.adc-e.uk",
    ["us-isof-south-1"] = "mgh.us-isof-south-1.csp.hci.ic.gov",
    ["eusc-de-east-1"] = "mgh.eusc-de-east-1.amazonaws.eu",
  } do
    it("of " .. region .. " is " .. host, function()
      assert.same({ url = "https://" .. host, host = host, path = "" },
        endpoint.resolve("mgh", { region = region }))
    end)
  end

  it("serves any service by its host prefix", function()
    assert.equal("sts-fips.us-east-1.amazonaws.com",
      endpoint.resolve("sts", { region = "us-east-1", use_fips = true }).host)
  end)

  it("has another suffix for dual-stack", function()
    assert.equal("mgh.us-west-2.api.aws",
      endpoint.resolve("mgh", { region = "us-west-2", use_dualstack = true }).host)
  end)

  for _, option in ipairs { "use_fips", "use_dualstack" } do
    it("takes no URL of one's own beside " .. option, function()
      local found, message = endpoint.resolve("mgh", { endpoint = "https://a", [option] = true })
      assert.is_nil(found)
      assert.matches("^Invalid Configuration: .* and custom endpoint are not supported$", message)
    end)
  end

  for _, region in ipairs { "", "-x", "x-", "a.b", "a/b", "a@b", "a b", "a\nb", ("x"):rep(64) } do
    it(("refuses the region %q"):format(region), function()
      assert.is_nil((endpoint.resolve("mgh", { region = region })))
    end)
  end

  for url, expected in pairs {
    ["https://example.com"] = { url = "https://example.com", host = "example.com", path = "" },
    ["HTTPS://Example.COM:443/"] = { url = "https://example.com", host = "example.com", path = "" },
    ["http://localhost:80"] = { url = "http://localhost", host = "localhost", path = "" },
    ["http://127.0.0.1:8080/a/b/"] = {
      url = "http://127.0.0.1:8080/a/b", host = "127.0.0.1:8080", path = "/a/b",
    },
    ["https://[::1]:8443"] = { url = "https://[::1]:8443", host = "[::1]:8443", path = "" },
  } do
    it("takes the URL " .. url, function() assert.same(expected, endpoint.parse(url)) end)
  end

  for _, url in ipairs {
    "", "example.com", "ftp://example.com", "https://", "https://user:pass@example.com",
    "https://a b",
    "https://example.com?x=1", "https://example.com/#x", "https://example.com:0x50",
    "https://h:99999",
    "https://[::1", "https://h:", "https://h/a b", "https://h/\r\nx", "https://exa\0mple",
  } do
    it(("refuses the URL %q"):format(url), function() assert.is_nil((endpoint.parse(url))) end)
  end

  conformance.each("endpoints/mgh.json", function(data)
    for _, case in ipairs(data.cases) do
      it("public case: " .. case.name, function()
        local input = {}
        for name, value in pairs(case.input) do
          if value ~= conformance.null then input[name] = value end
        end
        local found, message = endpoint.resolve("mgh", input)
        assert.equal(case.expect.url, found and found.url)
        assert.equal(case.expect.error, message)
      end)
    end
  end)

  conformance.each("endpoints/partitions.json", function(data)
    for _, partition in ipairs(data.partitions) do
      it("public partition: " .. partition.id, function()
        for _, region in ipairs(partition.regions) do
          if not region:find "global$" then
            local plain = endpoint.resolve("mgh", { region = region })
            local dual = endpoint.resolve("mgh", { region = region, use_dualstack = true })
            assert.equal(("mgh.%s.%s"):format(region, partition.dns_suffix), plain.host)
            assert.equal(("mgh.%s.%s"):format(region, partition.dual_stack_dns_suffix), dual.host)
          end
        end
      end)
    end
  end)
end)
