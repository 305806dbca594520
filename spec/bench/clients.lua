-- DATA: the clients that are compared.

local PYTHON = os.getenv "PYTHON" or "/usr/bin/python3"

return {
  ours = {
    name = "lmigrationhub, Lua 5.4", lua = "5.4", updates = true,
    command = "lua5.4 spec/bench/clients/lmigrationhub.lua",
  },
  ours_jit = {
    name = "lmigrationhub, LuaJIT", lua = "jit", updates = true,
    command = "luajit spec/bench/clients/lmigrationhub.lua",
  },
  ours_ahead = {
    name = "with prefetch, Lua 5.4", lua = "5.4", updates = true,
    command = "env PREFETCH=1 lua5.4 spec/bench/clients/lmigrationhub.lua",
  },
  ours_jit_ahead = {
    name = "with prefetch, LuaJIT", lua = "jit", updates = true,
    command = "env PREFETCH=1 luajit spec/bench/clients/lmigrationhub.lua",
  },
  bare = {
    name = "bare loop, Lua 5.4", lua = "5.4", updates = true,
    command = "lua5.4 spec/bench/clients/bare_loop.lua",
  },
  bare_jit = {
    name = "bare loop, LuaJIT", lua = "jit", updates = true,
    command = "luajit spec/bench/clients/bare_loop.lua",
  },
  libcurl = { name = "libcurl alone, C", command = "build/bench/libcurl" },
  botocore = {
    name = "botocore, Python", updates = true,
    command = PYTHON .. " spec/bench/clients/botocore_paginator.py",
  },
  javascript = {
    name = "AWS SDK, JavaScript", updates = true,
    command = "node spec/bench/clients/javascript_paginator.js",
  },
  signing = { name = "signing", lua = "5.4", command = "lua5.4 spec/bench/clients/signing.lua" },
  prefetch = { name = "prefetch", lua = "5.4", command = "lua5.4 spec/bench/clients/prefetch.lua" },
  concurrent = {
    name = "concurrently", lua = "5.4", command = "lua5.4 spec/bench/clients/concurrent.lua",
  },
}
