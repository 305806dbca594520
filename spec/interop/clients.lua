-- Clients of the Migration Hub, others' and ours, that play the same steps: calls, or listings of
-- all items. play(hub, steps) gives an outcome for each, { result } or { error = { code, … } }.

local cjson = require "cjson"
local migrationhub = require "lmigrationhub"

local PYTHON = os.getenv "PYTHON" or "/usr/bin/python3"

-- Nothing of the user's own settings, nor of this machine's.
local CLEAN = "env -u AWS_PROFILE AWS_CONFIG_FILE=/dev/null "
  .. "AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true"

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function output_of(command)
  local process = assert(io.popen(command .. " 2>&1"))
  local output = process:read "*a"
  process:close()
  return output
end

local function write(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

local function variables(hub, changes)
  local words = { CLEAN, "NODE_EXTRA_CA_CERTS=" .. quote(hub.ca_file) }
  for name, value in pairs(hub.environment) do
    table.insert(words, name .. "=" .. quote(changes and changes[name] or value))
  end
  return table.concat(words, " ")
end

-- A client that is a program of its own. `changes` are to the variables that lead it to the hub.
local function program(command)
  return function(hub, steps, changes)
    local path = write(cjson.encode(steps))
    local output = output_of(("%s %s <%s"):format(variables(hub, changes), command, path))
    os.remove(path)
    local ok, outcomes = pcall(cjson.decode, output)
    return ok and outcomes or error(("%s said: %s"):format(command, output))
  end
end

local function snake_case(name) return (name:gsub("(%l)(%u)", "%1_%2"):lower()) end

local function ours_list(client, method, parameters)
  local items = {}
  for item in client[method:gsub("^list_", "")](client, parameters) do
    items[#items + 1] = item
  end
  return items
end

local function ours_call(client, method, parameters) return client[method](client, parameters) end

local function ours(hub, steps)
  local client = migrationhub.new {
    region = hub.region, endpoint = hub.https_endpoint, ca_file = hub.ca_file, credentials = {
      access_key_id = hub.access_key_id, secret_access_key = hub.secret_access_key,
    },
  }
  local outcomes = {}
  for index, step in ipairs(steps) do
    local run = step.how == "list" and ours_list or ours_call
    local ok, outcome = pcall(run, client, snake_case(step.operation), step.parameters)
    if not ok and not migrationhub.is_error(outcome) then error(outcome, 0) end
    outcomes[index] = ok and { result = outcome } or { error = outcome }
  end
  client:close()
  return outcomes
end

--- Fetches AWS's client for JavaScript where it is missing.
local function install_npm()
  local status = os.execute "spec/interop/npm/install >&2"
  assert(status == true or status == 0, "npm could not install AWS's client for JavaScript")
end

return {
  install_npm = install_npm,
  botocore = program(PYTHON .. " spec/interop/botocore_client.py"),
  npm = program "node spec/interop/npm/client.js",
  lmigrationhub = ours,
}
