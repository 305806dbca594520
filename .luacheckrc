std = "max"
max_line_length = 100

files["lmigrationhub/transport"].std = "max+ngx_lua"
files["spec"].std = "max+busted"
files["spec/hub"].std = "max+busted+ngx_lua"
files["spec/services"].std = "max+busted+ngx_lua"
