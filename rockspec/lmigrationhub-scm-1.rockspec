rockspec_format = "3.0"
package = "lmigrationhub"
version = "scm-1"
source = { url = "." }
description = {
  summary = "The AWS Migration Hub client for Lua",
  license = "MIT",
}
dependencies = { "lua >= 5.1, < 5.5", "lua-cjson >= 2.1.0" }
-- Libraries without headers: Debian's lie in a folder that luarocks does not search.
external_dependencies = {
  CRYPTO = { library = "crypto" },
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  modules = {
    lmigrationhub = "lmigrationhub/init.lua",
    ["lmigrationhub.client"] = "lmigrationhub/client.lua",
    ["lmigrationhub.config"] = "lmigrationhub/config.lua",
    ["lmigrationhub.credentials"] = "lmigrationhub/credentials/init.lua",
    ["lmigrationhub.credentials.environment"] = "lmigrationhub/credentials/environment.lua",
    ["lmigrationhub.credentials.explicit"] = "lmigrationhub/credentials/explicit.lua",
    ["lmigrationhub.curl"] = {
      sources = { "lmigrationhub/curl.c" },
      libraries = { "curl" },
    },
    ["lmigrationhub.endpoint"] = "lmigrationhub/endpoint.lua",
    ["lmigrationhub.errors"] = "lmigrationhub/errors.lua",
    ["lmigrationhub.json"] = "lmigrationhub/json.lua",
    ["lmigrationhub.operations"] = "lmigrationhub/operations.lua",
    ["lmigrationhub.pagination"] = "lmigrationhub/pagination.lua",
    ["lmigrationhub.reader"] = "lmigrationhub/reader.lua",
    ["lmigrationhub.request"] = "lmigrationhub/request.lua",
    ["lmigrationhub.response"] = "lmigrationhub/response.lua",
    ["lmigrationhub.retry"] = "lmigrationhub/retry.lua",
    ["lmigrationhub.sigv4"] = {
      sources = { "lmigrationhub/sigv4.c" },
      libraries = { "crypto" },
    },
    ["lmigrationhub.timestamp"] = "lmigrationhub/timestamp.lua",
    ["lmigrationhub.transport"] = "lmigrationhub/transport/init.lua",
    ["lmigrationhub.transport.script"] = "lmigrationhub/transport/script.lua",
    ["lmigrationhub.utf8"] = "lmigrationhub/utf8.c",
  },
}
