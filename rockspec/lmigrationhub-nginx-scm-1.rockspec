rockspec_format = "3.0"
package = "lmigrationhub-nginx"
version = "scm-1"
source = { url = "." }
description = {
  summary = "The AWS Migration Hub client for Lua, inside nginx and OpenResty alone",
  license = "MIT",
}
dependencies = { "lua ~> 5.1", "lua-cjson >= 2.1.0" }
-- A library without headers: Debian's lie in a folder that luarocks does not search.
external_dependencies = {
  CRYPTO = { library = "crypto" },
}
build = {
  type = "builtin",
  modules = {
    lmigrationhub = "lmigrationhub/init.lua",
    ["lmigrationhub.call"] = "lmigrationhub/call.lua",
    ["lmigrationhub.client"] = "lmigrationhub/client.lua",
    ["lmigrationhub.clock_skew"] = "lmigrationhub/clock_skew.lua",
    ["lmigrationhub.concurrency"] = "lmigrationhub/concurrency.lua",
    ["lmigrationhub.config"] = "lmigrationhub/config.lua",
    ["lmigrationhub.credentials"] = "lmigrationhub/credentials/init.lua",
    ["lmigrationhub.credentials.assume_role"] = "lmigrationhub/credentials/assume_role.lua",
    ["lmigrationhub.credentials.cache"] = "lmigrationhub/credentials/cache.lua",
    ["lmigrationhub.credentials.container"] = "lmigrationhub/credentials/container.lua",
    ["lmigrationhub.credentials.context"] = "lmigrationhub/credentials/context.lua",
    ["lmigrationhub.credentials.environment"] = "lmigrationhub/credentials/environment.lua",
    ["lmigrationhub.credentials.explicit"] = "lmigrationhub/credentials/explicit.lua",
    ["lmigrationhub.credentials.fingerprint"] = "lmigrationhub/credentials/fingerprint.lua",
    ["lmigrationhub.credentials.imds"] = "lmigrationhub/credentials/imds.lua",
    ["lmigrationhub.credentials.login"] = "lmigrationhub/credentials/login.lua",
    ["lmigrationhub.credentials.process"] = "lmigrationhub/credentials/process.lua",
    ["lmigrationhub.credentials.shared"] = "lmigrationhub/credentials/shared.lua",
    ["lmigrationhub.credentials.sso"] = "lmigrationhub/credentials/sso.lua",
    ["lmigrationhub.credentials.static"] = "lmigrationhub/credentials/static.lua",
    ["lmigrationhub.credentials.sts"] = "lmigrationhub/credentials/sts.lua",
    ["lmigrationhub.credentials.web_identity"] = "lmigrationhub/credentials/web_identity.lua",
    ["lmigrationhub.digest"] = {
      sources = { "lmigrationhub/digest.c" },
      libraries = { "crypto" },
    },
    ["lmigrationhub.endpoint"] = "lmigrationhub/endpoint.lua",
    ["lmigrationhub.errors"] = "lmigrationhub/errors.lua",
    ["lmigrationhub.follow"] = "lmigrationhub/follow.lua",
    ["lmigrationhub.json"] = "lmigrationhub/json.lua",
    ["lmigrationhub.operations"] = "lmigrationhub/operations.lua",
    ["lmigrationhub.pagination"] = "lmigrationhub/pagination.lua",
    ["lmigrationhub.posix"] = "lmigrationhub/posix.c",
    ["lmigrationhub.rate_limiter"] = "lmigrationhub/rate_limiter.lua",
    ["lmigrationhub.reader"] = "lmigrationhub/reader.lua",
    ["lmigrationhub.request"] = "lmigrationhub/request.lua",
    ["lmigrationhub.response"] = "lmigrationhub/response.lua",
    ["lmigrationhub.retry"] = "lmigrationhub/retry.lua",
    ["lmigrationhub.settings"] = "lmigrationhub/settings.lua",
    ["lmigrationhub.shared_config"] = "lmigrationhub/shared_config.lua",
    ["lmigrationhub.sign_in"] = "lmigrationhub/sign_in.lua",
    ["lmigrationhub.sigv4"] = {
      sources = { "lmigrationhub/sigv4.c" },
      libraries = { "crypto" },
    },
    ["lmigrationhub.timestamp"] = "lmigrationhub/timestamp.lua",
    ["lmigrationhub.tokens"] = "lmigrationhub/tokens.lua",
    ["lmigrationhub.transport"] = "lmigrationhub/transport/init.lua",
    ["lmigrationhub.transport.clock"] = "lmigrationhub/transport/clock.lua",
    ["lmigrationhub.transport.exchange"] = "lmigrationhub/transport/exchange.lua",
    ["lmigrationhub.transport.failure"] = "lmigrationhub/transport/failure.lua",
    ["lmigrationhub.transport.http1"] = "lmigrationhub/transport/http1.lua",
    ["lmigrationhub.transport.light_threads"] = "lmigrationhub/transport/light_threads.lua",
    ["lmigrationhub.transport.limit"] = "lmigrationhub/transport/limit.lua",
    ["lmigrationhub.transport.nginx"] = "lmigrationhub/transport/nginx.lua",
    ["lmigrationhub.transport.shared_dict"] = "lmigrationhub/transport/shared_dict.lua",
    ["lmigrationhub.transport.url"] = "lmigrationhub/transport/url.lua",
    ["lmigrationhub.user_agent"] = "lmigrationhub/user_agent.lua",
    ["lmigrationhub.utf8"] = "lmigrationhub/utf8.c",
  },
}
