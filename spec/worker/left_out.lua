-- DATA: the specs, and the tests of other specs by the beginnings of their names, that have no
-- place inside nginx, and why. All else runs there.

local LIBCURL = "needs libcurl, which nginx is not to map"
local SCRIPTS = "starts or ends processes of scripts"
local TEXT = "reads or installs files, and runs nothing of them"
local NGINX = "starts an nginx of its own, and runs in its worker what there is to run"
local TRUST = "names authorities in code, which nginx's configuration does instead"
local PROXY = "uses a proxy, which the transport inside nginx does not"

return {
  files = {
    ["spec/bad_input_spec.lua"] = LIBCURL,
    ["spec/collector_spec.lua"] = LIBCURL,
    ["spec/curl_spec.lua"] = LIBCURL,
    ["spec/transport/script_spec.lua"] = LIBCURL,
    ["spec/transport/scheduler_spec.lua"] = "is about waits that nginx's own scheduler takes over",
    ["spec/examples_spec.lua"] = SCRIPTS,
    ["spec/startup_spec.lua"] = SCRIPTS,
    ["spec/teardown_spec.lua"] = SCRIPTS,
    ["spec/floors_spec.lua"] = TEXT,
    ["spec/install_spec.lua"] = TEXT,
    ["spec/readme_spec.lua"] = TEXT,
    ["spec/types_spec.lua"] = TEXT,
    ["spec/transport/shared_dict_spec.lua"] = NGINX,
    ["spec/transport/limit_spec.lua"] = NGINX,
    ["spec/transport/nginx_spec.lua"] = NGINX,
  },
  tests = {
    ["lmigrationhub against the local hub takes everything from the environment"] = SCRIPTS,
    ["lmigrationhub against the local hub trusts nobody but the given authorities"] = TRUST,
    ["the chain of credentials in a process of its own"] = SCRIPTS,
    ["lmigrationhub.client: new shares nothing outside nginx"] = "is inside there",
    ["lmigrationhub.posix.start says that it knows nothing when its supervisor was killed"] =
      "kills a child of nginx, whose log tells of that",
    ["the chain of credentials behind a proxy"] = PROXY,
    ["the verification of a server"] = SCRIPTS,
    ["with the logger on, no secret shows in failure 9, TLSError"] = TRUST,
    ["with the logger on, no secret shows of a proxy's"] = PROXY,
    ["lmigrationhub.client against the local hub: concurrently has fewer under way when the "
      .. "service throttles"] = "counts in the order in which the scheduler of scripts wakes",
  },
}
