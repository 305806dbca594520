std = "max"
max_line_length = 100

-- A transport has its methods by contract, whether they need the transport or not.
files["lmigrationhub/transport"] = { std = "max+ngx_lua", self = false }
files["spec"].std = "max+busted"
files["spec/hub"].std = "max+busted+ngx_lua"
files["spec/services"].std = "max+busted+ngx_lua"
