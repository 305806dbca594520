-- Where a service of AWS is reached: from region, FIPS and dual-stack by the rules of AWS's
-- endpoint rule sets, or by a URL that the user gave.

-- A partition's regions share a prefix; what has none of these belongs to the first, public
-- partition.
local AWS = { suffix = "amazonaws.com", dual_stack_suffix = "api.aws" }
local PARTITIONS = {
  {
    prefix = "cn-", suffix = "amazonaws.com.cn", dual_stack_suffix = "api.amazonwebservices.com.cn",
  },
  { prefix = "us-gov-", suffix = "amazonaws.com", dual_stack_suffix = "api.aws" },
  { prefix = "us-iso-", suffix = "c2s.ic.gov", dual_stack_suffix = "api.aws.ic.gov" },
  { prefix = "us-isob-", suffix = "sc2s.sgov.gov", dual_stack_suffix = "api.aws.scloud" },
  { prefix = "eu-isoe-", suffix = "cloud.adc-e.uk", dual_stack_suffix = "api.cloud-aws.adc-e.uk" },
  { prefix = "us-isof-", suffix = "csp.hci.ic.gov", dual_stack_suffix = "api.aws.hci.ic.gov" },
  { prefix = "eusc-", suffix = "amazonaws.eu", dual_stack_suffix = "api.amazonwebservices.eu" },
}
local DEFAULT_PORTS = { http = "80", https = "443" }
local MAX_PORT = 65535

local function partition_of(region)
  for _, partition in ipairs(PARTITIONS) do
    if region:sub(1, #partition.prefix) == partition.prefix then return partition end
  end
  return AWS
end

local function is_host_label(text)
  return #text <= 63 and text:find("^%w[%w-]*$") ~= nil and text:sub(-1) ~= "-"
end

local function split_authority(authority)
  local host, port = authority:match("^(%[[%x:.]+%])(.*)$")
  if not host then host, port = authority:match("^([%w._-]+)(.*)$") end
  if not host or port == "" then return host end
  local digits = port:match("^:(%d+)$")
  if not digits or tonumber(digits) > MAX_PORT then return nil end
  return host, digits
end

---@class lmigrationhub.Endpoint
---@field url string without a closing slash
---@field host string as the Host header has it: lower case, no default port
---@field path string of the URL, without a closing slash

--- Takes a URL apart.
---@param url string
---@return lmigrationhub.Endpoint? parts
---@return string? message what is wrong with the URL
local function parse(url)
  local scheme, authority, path = url:match("^(%a+)://([^/?#]+)(/?[^?#%s%c]*)$")
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then
    return nil, "must be http://… or https://…, without query"
  end
  local host, port = split_authority(authority)
  if not host then return nil, "has no valid host and port" end
  host = host:lower()
  if port and port ~= DEFAULT_PORTS[scheme] then host = host .. ":" .. port end
  path = path:gsub("/+$", "")
  return { url = scheme .. "://" .. host .. path, host = host, path = path }
end

local function invalid(message) return nil, "Invalid Configuration: " .. message end

local function custom(settings)
  if settings.use_fips then return invalid "FIPS and custom endpoint are not supported" end
  if settings.use_dualstack then
    return invalid "Dualstack and custom endpoint are not supported"
  end
  local parts, message = parse(settings.endpoint)
  if not parts then return invalid("the endpoint URL " .. message) end
  return parts
end

--- Finds the endpoint of a service.
---@param service string the first label of its host name: "mgh", "sts"
---@param settings table with region, endpoint, use_fips and use_dualstack, each of them or none
---@return lmigrationhub.Endpoint?
---@return string? message
local function resolve(service, settings)
  if settings.endpoint then return custom(settings) end
  local region = settings.region
  if not region then return invalid "Missing Region" end
  if not is_host_label(region) then return invalid "the region is not a valid host label" end
  local partition = partition_of(region)
  local name = settings.use_fips and service .. "-fips" or service
  local suffix = settings.use_dualstack and partition.dual_stack_suffix or partition.suffix
  return parse(("https://%s.%s.%s"):format(name, region, suffix))
end

return { resolve = resolve, parse = parse }
