std = "max"
max_line_length = 100
self = false -- methods are there by contract, whether they need their object or not

files["lmigrationhub/transport"].std = "max+ngx_lua"
-- Its functions are for editors alone.
files["lmigrationhub/types.lua"].unused = false

files["spec"].std = "max+busted"
files["spec/bench/app.lua"].std = "max+ngx_lua"
files["spec/bench/front"].std = "max+ngx_lua"
files["spec/hub"].std = "max+busted+ngx_lua"
files["spec/reload/app.lua"].std = "max+ngx_lua"
files["spec/services"].std = "max+busted+ngx_lua"
files["spec/torture/collector.lua"].globals = { "coroutine" } -- which gets its hook there
files["spec/transport/nginx/app.lua"].std = "max+ngx_lua"
files["spec/worker/app.lua"].std = "max+ngx_lua"

files["examples/dashboard/app.lua"].std = "max+ngx_lua"
files["examples/dashboard/feed.lua"].std = "max+ngx_lua"
