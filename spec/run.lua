-- Runs every test, or the steps that it is told by name, two at a time, and ends with the line
-- `N passed, N failed`. A step is a shell script that prints TAP: one that dies before its plan has
-- failed. TAP's comments are shown.

local LUAS = {
  { name = "5.4", interpreter = "lua5.4" },
  { name = "5.3", interpreter = "lua5.3" },
  { name = "5.1", interpreter = "lua5.1" },
  { name = "jit", interpreter = "luajit" },
}
-- What runs once, for what it is about is not this Lua.
local IN_NGINX = "spec/nginx_cache_spec.lua spec/nginx_client_spec.lua spec/nginx_process_spec.lua"
local RELOADED = "spec/reload_spec.lua spec/dashboard/reload_spec.lua"

local UNITS = [[find spec -name '*_spec.lua' ! -name 'nginx_*_spec.lua' ! -name readme_spec.lua \
  ! -name reload_spec.lua ! -path 'spec/hub/*' ! -path 'spec/interop/*' | sort]]

local C_FILES = "find lmigrationhub spec -name '*.c'"

-- What these try runs in nginx, or in what they install: out of the reach of what watches here.
local ELSEWHERE = "spec/transport/nginx_spec.lua spec/install_spec.lua "
  .. "spec/coverage/instrument_spec.lua"

-- The same, but with the interpreter that they run in, which a sanitizer sees.
local IN_CHILDREN = "spec/startup_spec.lua spec/examples_spec.lua spec/teardown_spec.lua"

-- Long, and all in Lua: there is nothing for valgrind.
local LUA_ALONE = "spec/timestamp_spec.lua spec/shared_config_spec.lua spec/floors_spec.lua "
  .. "spec/transport/http1_spec.lua spec/types_spec.lua"

-- Longer still when everything is collected so often: fewer of their steps have a collection.
local PATIENT = "spec/logger_spec.lua spec/shared_config_spec.lua spec/timestamp_spec.lua "
  .. "spec/follow_spec.lua spec/collector_spec.lua spec/transport/http1_spec.lua "
  .. "spec/whole_service_spec.lua spec/types_spec.lua spec/utf8_spec.lua"

-- Whole clients and their chains of credentials, which take valgrind as long as all the rest.
local CLIENTS = "spec/init_spec.lua spec/chain_spec.lua spec/logger_spec.lua "
  .. "spec/follow_spec.lua spec/whole_service_spec.lua"

local BUSTED = [[
export LUA_PATH='./?.lua;./?/init.lua;;' LUA_CPATH='$BUILD/?.so;;'
exec $LUA /usr/bin/busted -o spec.tap $SPECS
]]

-- Each in a process of its own: what a full collection costs grows with all that is loaded.
local ALONE = [[
export LUA_PATH='./?.lua;./?/init.lua;;' LUA_CPATH='$BUILD/?.so;;' COLLECT_EVERY=$STEPS
status=0
for spec in $SPECS; do
  $LUA /usr/bin/busted -o spec.tap $OPTIONS --exclude-tags=slow $spec || status=1
done
exit $status
]]

local EACH = [[
n=0
for item in $ITEMS; do
  n=$((n + 1))
  if $COMMAND; then echo "ok $n - $item"; else echo "not ok $n - $item"; fi
done
echo 1..$n
]]

-- The specs preload libraries of their own into child processes.
local SANITIZED = [[
make -s BUILD=build/asan build-5.4 build/asan/sanitized_lua || exit
export ASAN_OPTIONS=verify_asan_link_order=0 UBSAN_OPTIONS=print_stacktrace=1
]]

local VALGRIND = "valgrind -q --error-exitcode=99 --child-silent-after-fork=yes "
  .. "--keep-debuginfo=yes --leak-check=full --errors-for-leak-kinds=definite "
  .. "$(ls spec/valgrind.supp 2>/dev/null | sed s/^/--suppressions=/) lua5.4"

local CPPCHECK = "cppcheck -q --std=c99 --enable=warning,performance,portability "
  .. "--error-exitcode=1 $item"
local C_FLAGS = "-std=c99 -include spec/no_return.h -I/usr/include/lua5.4 "
local CLANG_TIDY = "clang-tidy --quiet $item -- " .. C_FLAGS
-- It sees what the optimizer leaves, and with limits of its own gives up on half of a module.
local ANALYZER = "gcc " .. C_FLAGS .. "-O0 -fanalyzer -Werror -c -o /dev/null $item "
  .. "--param=analyzer-bb-explosion-factor=100 --param=analyzer-max-enodes-per-program-point=64"

-- Runs step $2 of folder $1: says its number, exit status and seconds.
local STEP = [[
started=$(date +%s)
timeout --foreground -k 5 900 sh "$1/$2" >"$1/$2.log" 2>&1
echo "$2 $? $(($(date +%s) - started))"
]]

-- Nothing of the user's settings reaches a test: no AWS_*, no proxy, no HOME.
local RUN_ALL = [[
seq $COUNT | env -i PATH="$PATH:/usr/sbin:/sbin" HOME=$FOLDER TMPDIR=$FOLDER LANG=C.UTF-8 \
  ${CONFORMANCE:+CONFORMANCE="$CONFORMANCE"} xargs -P 2 -n 1 sh $FOLDER/step $FOLDER
]]

local function fill(template, values)
  return (template:gsub("%$(%u+)", values))
end

local function words(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read "a":gsub("%s+", " "))
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function busted(build, interpreter, specs)
  return fill(BUSTED, { BUILD = build, LUA = interpreter, SPECS = specs })
end

local function each(items, command)
  return fill(EACH, { ITEMS = items, COMMAND = command })
end

-- The specs of the first list that are not in the others.
local function without(specs, ...)
  local left_out, left = " " .. table.concat({ ... }, " ") .. " ", {}
  for spec in specs:gmatch "%S+" do
    if not left_out:find(" " .. spec .. " ", 1, true) then left[#left + 1] = spec end
  end
  return table.concat(left, " ")
end

local function under_valgrind(specs)
  return fill(ALONE, {
    BUILD = "build/5.4", LUA = VALGRIND, STEPS = "", OPTIONS = "", SPECS = specs,
  })
end

local function collected(lua, every, specs)
  return fill(ALONE, {
    BUILD = "build/" .. lua.name, LUA = lua.interpreter, STEPS = tostring(every),
    OPTIONS = "--helper=spec/torture/collector.lua", SPECS = specs,
  })
end

-- Steps that watch the memory: { name, script } each.
local function watching_steps(units)
  local reached = without(units, ELSEWHERE)
  local here = without(reached, IN_CHILDREN)
  local steps = {
    { "valgrind", under_valgrind(without(reached, LUA_ALONE, CLIENTS)) },
    { "valgrind, clients", under_valgrind(CLIENTS) },
    { "sanitizers", SANITIZED .. busted("build/asan/5.4", "build/asan/sanitized_lua", reached) },
    { "failing memory", "exec sh spec/torture/run" },
  }
  for _, lua in ipairs { LUAS[1], LUAS[4] } do
    table.insert(steps, { "collector, " .. lua.name, collected(lua, 401, without(here, PATIENT)) })
    table.insert(steps, { "collector, long, " .. lua.name, collected(lua, 4001, PATIENT) })
  end
  return steps
end

local function compile(compiler)
  local modules = {}
  for module in words("ls lmigrationhub/*.c"):gmatch "(%S+)%.c" do
    for _, lua in ipairs(LUAS) do
      table.insert(modules, ("build/%s/%s/%s.so"):format(compiler, lua.name, module))
    end
  end
  return each(table.concat(modules, " "), ("make -s BUILD=build/%s $item"):format(compiler))
end

local function all_steps()
  local units = words(UNITS)
  local steps = watching_steps(units)
  table.insert(steps, 1, { "coverage", "exec sh spec/coverage/run" }) -- the longest comes first
  for _, step in ipairs {
    { "gcc", compile "gcc" },
    { "clang", compile "clang" },
    { "cppcheck", each(words(C_FILES), CPPCHECK) },
    { "clang-tidy", each(words(C_FILES), CLANG_TIDY) },
    { "gcc -fanalyzer", each(words "ls lmigrationhub/*.c", ANALYZER) },
    { "luacheck", "exec luacheck --no-cache --formatter TAP lmigrationhub spec examples" },
    { "interop", busted("build/5.4", "lua5.4", "spec/interop") },
    { "README", busted("build/5.4", "lua5.4", "spec/readme_spec.lua") },
    { "reloads", busted("build/5.4", "lua5.4", RELOADED) },
    { "nginx", busted("build/5.4", "lua5.4", IN_NGINX) },
    { "inside nginx", "exec lua5.4 spec/worker/run.lua " .. units },
  } do
    table.insert(steps, step)
  end
  for _, lua in ipairs(LUAS) do
    local build = "build/" .. lua.name
    table.insert(steps, { lua.interpreter, busted(build, lua.interpreter, units) })
    table.insert(steps, { lua.interpreter .. ", hub", busted(build, lua.interpreter, "spec/hub") })
  end
  return steps
end

-- The steps of those names; all when there is none.
local function select_steps(names)
  local steps, selected = all_steps(), {}
  if #names == 0 then return steps end
  local by_name = {}
  for _, step in ipairs(steps) do by_name[step[1]] = step end
  for _, name in ipairs(names) do
    table.insert(selected, by_name[name] or error("there is no step " .. name, 0))
  end
  return selected
end

local function tally(output, status)
  local passed, failed, skipped, planned = 0, 0, 0, 0
  for line in output:gmatch "[^\n]+" do
    if line:find "^ok %d+ %- # SKIP " then
      skipped = skipped + 1
    elseif line:find "^ok %d+ " then
      passed = passed + 1
    elseif line:find "^not ok %d+ " then
      failed = failed + 1
    end
    planned = planned + (tonumber(line:match "^1%.%.(%d+)$") or 0)
  end
  local complete = planned > 0 and planned == passed + failed + skipped
  local explained = status == 0 or failed > 0
  if not (complete and explained) then failed = failed + 1 end
  return { passed = passed, failed = failed, skipped = skipped }
end

local function describe(counts)
  local text = ("%d passed, %d failed"):format(counts.passed, counts.failed)
  return counts.skipped == 0 and text or ("%s, %d skipped"):format(text, counts.skipped)
end

local function report(step, counts, log, seconds)
  print(("%-22s%4d s   %s"):format(step[1], seconds, describe(counts)))
  for line in log:gmatch "[^\n]+" do
    local shown = counts.failed > 0 and not line:find "^ok %d" or line:find "^# "
    if shown then print("  " .. line) end
  end
end

local function run(steps, folder)
  local sum = { passed = 0, failed = 0, skipped = 0 }
  write(folder .. "/step", STEP)
  for number, step in ipairs(steps) do write(folder .. "/" .. number, step[2]) end
  local unheard = #steps
  local pipe <close> = assert(io.popen(fill(RUN_ALL, { COUNT = #steps, FOLDER = folder })))
  for line in pipe:lines() do
    local number, status, seconds = line:match "^(%d+) (%d+) (%d+)$"
    local log = read(folder .. "/" .. number .. ".log")
    local counts = tally(log, tonumber(status))
    report(steps[tonumber(number)], counts, log, seconds)
    for kind, count in pairs(counts) do sum[kind] = sum[kind] + count end
    unheard = unheard - 1
  end
  sum.failed = sum.failed + unheard
  return sum
end

local steps = select_steps(arg)
local folder = words "mktemp -d":match "%S+"
local sum = run(steps, folder)
os.execute("rm -rf " .. folder)
print(describe(sum))
os.exit(sum.failed == 0)
