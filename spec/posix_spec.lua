local faults = require "spec.faults"
local posix = require "lmigrationhub.posix"
local run = require "spec.program"
local socket = require "socket"

local function shell(command, options)
  return run({ "/bin/sh", "-c", command }, options)
end

-- Valgrind's own files have numbers of five digits.
local function open_files()
  collectgarbage() -- files that other tests have dropped
  collectgarbage()
  local pipe = assert(io.popen "ls /proc/$PPID/fd | grep -c '^.\\{1,4\\}$'")
  local count = tonumber(pipe:read "*a")
  pipe:close()
  return count
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function output_of(command)
  local _, output = shell(command)
  return output
end

describe("lmigrationhub.posix.start", function()
  it("gives exit status, output and the end of stderr", function()
    assert.same({ 3, "out\n", "err\n" }, { shell "echo out; echo err >&2; exit 3" })
  end)

  it("finds the program in PATH", function()
    assert.same({ 0, "word", "" }, { run { "printf", "word" } })
  end)

  it("uses no shell", function()
    local word = "a b'\"\\$HOME;*|`id`\n"
    assert.same({ 0, word, "" }, { run { "printf", "%s", word } })
  end)

  it("gives minus the signal that ended the program", function()
    assert.equal(-15, (shell "kill -TERM $$"))
  end)

  it("keeps zero bytes of the output", function()
    assert.equal("a\0b", output_of "printf 'a\\000b'")
  end)

  it("gives the program an empty input", function()
    assert.equal("", output_of "cat")
  end)

  -- A file that Lua opens, and a socket, are inherited by whatever the host itself starts.
  it("hands no file on, neither its own nor the host's", function()
    local kept = assert(io.open("/dev/null"))
    local listener = assert(socket.bind("127.0.0.1", 0))
    local listing = output_of "ls /proc/self/fd"
    kept:close()
    listener:close()
    assert.equal("0\n1\n2\n3\n", listing) -- ls itself has opened the last
  end)

  -- Not under valgrind: there a child cannot tell its parent.
  it("says why a program cannot start #slow", function()
    local status, message = run { "/nonexistent/program" }
    assert.is_nil(status)
    assert.equal("No such file or directory", message)
    assert.equal("Permission denied", select(2, run { "/etc/passwd" }))
  end)

  it("takes as much output as it may print and not a byte more", function()
    assert.equal(("x"):rep(10), select(2, shell("printf xxxxxxxxxx", { max_output = 10 })))
    local status, message = shell("printf xxxxxxxxxxx; sleep 60", { max_output = 10 })
    assert.is_nil(status)
    assert.equal("it printed more than its output limit", message)
  end)

  it("takes 64 KiB when nothing is said", function()
    assert.equal(65536, #output_of "head -c 65536 /dev/zero")
    assert.is_nil((shell "head -c 65537 /dev/zero"))
  end)

  it("keeps the last KiB of a long stderr", function()
    local _, output, tail = shell "echo out; seq 100000 >&2"
    assert.equal("out\n", output)
    assert.equal(1024, #tail)
    assert.equal("\n99999\n100000\n", tail:sub(-14))
  end)

  it("kills the program and all of its group when the time is over", function()
    local path = os.tmpname()
    local command = ("sleep 60 & echo $! > %s; wait"):format(path)
    local status, message = shell(command, { timeout = 0.2 })
    assert.is_nil(status)
    assert.equal("it took longer than its time limit", message)
    local process, deadline = read(path), os.time() + 5
    local function is_gone()
      local state = output_of("ps -o stat= -p " .. process)
      return state == "" or state:find "^Z" ~= nil
    end
    repeat until is_gone() or os.time() >= deadline
    assert.is_true(is_gone()) -- a signal takes its time
    os.remove(path)
  end)

  it("kills a program that closed its output and ignores signals", function()
    local _, message = shell("trap '' TERM INT; exec >&- 2>&-; sleep 60", { timeout = 0.2 })
    assert.equal("it took longer than its time limit", message)
  end)

  it("does not wait for what the program left behind", function()
    local status, output, tail = shell("sleep 60 & echo $!", { timeout = 30 })
    assert.same({ 0, "" }, { status, tail })
    shell("kill " .. output)
  end)

  it("starts a program with no signal blocked or ignored", function()
    assert.equal("0000000000000000\n", output_of "sed -n 's/^SigBlk:\t//p' /proc/self/status")
  end)

  it("leaves no zombie and no open file", function()
    local before = open_files()
    for _ = 1, 10 do
      shell "true"
      shell("sleep 60", { timeout = 0.01 })
      run { "/nonexistent/program" }
    end
    assert.is_true(open_files() - before < 5) -- the machine's own come and go
    local pipe = assert(io.popen "ps -o stat= --ppid $PPID | grep Z")
    assert.equal("", pipe:read "*a")
    pipe:close()
  end)

  local function is_running(pid)
    local state = output_of("ps -o stat= -p " .. pid)
    return state ~= "" and not state:find "^Z"
  end

  -- What comes true within some seconds.
  local function becomes(expected, question, ...)
    for _ = 1, 500 do
      if question(...) == expected then return true end
      socket.sleep(0.01)
    end
    return false
  end

  -- A program that runs for a minute, and its number.
  local function start_long()
    local path = os.tmpname()
    local program = posix.start { "/bin/sh", "-c", ("echo $$ > %s; exec sleep 60"):format(path) }
    assert.is_true(becomes(true, function() return read(path):find "\n" ~= nil end))
    local pid = read(path):match "%d+"
    os.remove(path)
    return program, pid
  end

  it("does not wait for the program", function()
    local begin = socket.gettime()
    local program, pid = start_long()
    assert.is_false(program:finished())
    assert.is_true(socket.gettime() - begin < 30)
    assert.is_true(is_running(pid))
    assert.has_error(function() program:result() end)
  end)

  it("gives the result as often as it is asked", function()
    local program = posix.start { "printf", "word" }
    assert.is_true(becomes(true, program.finished, program))
    assert.same({ 0, "word", "" }, { program:result() })
    assert.is_true(program:finished())
    assert.same({ 0, "word", "" }, { program:result() })
  end)

  it("kills a program in which nobody is interested any more", function()
    local dropped = { start_long() }
    local pid = table.remove(dropped)
    assert.is_true(is_running(pid))
    dropped[1] = nil
    collectgarbage()
    collectgarbage()
    assert.is_true(becomes(false, is_running, pid))
  end)

  it("says that it knows nothing when its supervisor was killed", function()
    local program, pid = start_long()
    shell("kill -9 $(ps -o ppid= -p " .. pid .. ")")
    assert.is_true(becomes(true, program.finished, program))
    assert.same({ nil, "its supervisor was killed" }, { program:result() })
    shell("kill -9 " .. pid)
  end)

  it("gives a long output whole, however late it is read", function()
    local program = posix.start({ "head", "-c", "1000000", "/dev/zero" }, { max_output = 1000000 })
    socket.sleep(0.1)
    assert.is_true(becomes(true, program.finished, program))
    assert.equal(("\0"):rep(1000000), (select(2, program:result())))
  end)

  it("refuses wrong arguments", function()
    for _, arguments in ipairs {
      {}, { "true" }, { {} }, { { 1 } }, { { "a\0b" } }, { { "true" }, 1 },
      { { "true" }, { timeout = 0 } }, { { "true" }, { timeout = "soon" } },
      { { "true" }, { timeout = 0 / 0 } }, { { "true" }, { max_output = -1 } },
      { { "true" }, { max_output = 2 ^ 40 } },
    } do
      assert.has_error(function() posix.start(arguments[1], arguments[2]) end)
    end
  end)
end)

describe("lmigrationhub.posix.write_private", function()
  local folder

  before_each(function() folder = output_of("mktemp -d"):gsub("\n", "") end)
  after_each(function() shell("rm -r " .. folder) end)

  it("writes a file that only its owner may read", function()
    local path = folder .. "/token.json"
    assert.is_true(posix.write_private(path, "secret\0text"))
    assert.equal("secret\0text", read(path))
    assert.equal("600\n", output_of("stat -c %a " .. path))
  end)

  it("replaces a file and its mode, and leaves nothing else", function()
    local path = folder .. "/token.json"
    shell(("echo old > %s; chmod 644 %s"):format(path, path))
    assert.is_true(posix.write_private(path, "new"))
    assert.equal("new", read(path))
    assert.equal("600\n", output_of("stat -c %a " .. path))
    assert.equal("token.json\n", output_of("ls -A " .. folder))
  end)

  it("writes to no place that a link leads to", function()
    local path, victim = folder .. "/token.json", folder .. "/victim"
    for _, link in ipairs { "ln -s victim", "ln -s missing", "ln victim" } do
      shell(("cd %s; rm -f token.json missing; echo old > victim; %s token.json"):format(
        folder, link))
      assert.is_true(posix.write_private(path, "secret"))
      assert.equal("old\n", read(victim))
      assert.equal("regular file 600 1\n", output_of("stat -c '%F %a %h' " .. path))
      assert.equal("token.json\nvictim\n", output_of("ls -A " .. folder))
    end
  end)

  it("replaces the file at once: who reads the old one reads it whole", function()
    local path = folder .. "/token.json"
    assert.is_true(posix.write_private(path, ("old"):rep(9999)))
    local reader = assert(io.open(path, "rb"))
    assert.equal("old", reader:read(3))
    assert.is_true(posix.write_private(path, "new"))
    assert.equal(("old"):rep(9998), reader:read "*a")
    reader:close()
    assert.equal("new", read(path))
  end)

  it("says why it cannot, without the text", function()
    local written, message = posix.write_private(folder .. "/none/token.json", "secret")
    assert.is_nil(written)
    assert.equal("cannot write " .. folder .. "/none/token.json: No such file or directory",
      message)
  end)

  it("leaves nothing behind when the last step fails", function()
    shell("mkdir " .. folder .. "/taken")
    assert.is_nil((posix.write_private(folder .. "/taken", "secret")))
    assert.equal("taken\n", output_of("ls -A " .. folder))
  end)

  it("refuses wrong arguments", function()
    assert.has_error(function() posix.write_private() end)
    assert.has_error(function() posix.write_private(folder .. "/a\0b", "") end)
    assert.has_error(function() posix.write_private(folder .. "/a", {}) end)
  end)
end)

describe("lmigrationhub.posix, where the system refuses,", function()
  local library, path

  setup(function()
    library = faults.compile "refusals"
    path = os.tmpname()
  end)
  before_each(function() os.remove(path) end)
  teardown(function() os.remove(library) end)

  -- What it prints, and how many more of its files are open afterwards.
  local SCRIPT = [[
    local posix = require "lmigrationhub.posix"
    local run, descriptors = require "spec.program", require "spec.descriptors"
    local before = descriptors()
    print(%s)
    print(descriptors() - before)
  ]]

  local function output_when(refusal, call)
    return faults.run_in(library, ("REFUSE='%s'"):format(refusal), SCRIPT:format(call))
  end

  local RUNS = {
    { "pipe 1", "Too many open files" },
    { "pipe 2", "Too many open files" },
    { "fcntl 1", "Too many open files" },
    { "fcntl 2", "Too many open files" },
    { "fcntl 3", "Too many open files" },
    { "fcntl 4", "Too many open files" },
    { "fcntl 5", "Too many open files" },
    { "fcntl 6", "Too many open files" },
    { "fcntl 7", "Too many open files" },
    { "fcntl 8", "Too many open files" },
    { "pipe 3", "Too many open files" },
    { "fork", "Resource temporarily unavailable" },
    { "posix_spawn_file_actions_init", "Cannot allocate memory" },
    { "posix_spawn_file_actions_addopen", "Cannot allocate memory" },
    { "posix_spawn_file_actions_adddup2 1", "Cannot allocate memory" },
    { "posix_spawn_file_actions_adddup2 2", "Cannot allocate memory" },
    { "posix_spawnattr_init", "Cannot allocate memory" },
    { "posix_spawnattr_setflags", "Invalid argument" },
    { "posix_spawnattr_setpgroup", "Invalid argument" },
    { "posix_spawnattr_setsigmask", "Invalid argument" },
    { "waitpid", "its exit status is lost" },
  }
  for _, case in ipairs(RUNS) do
    it("says why a program did not run: " .. case[1], function()
      assert.equal(("nil\t%s\n0\nexit 0"):format(case[2]), output_when(case[1], [[run { "true" }]]))
    end)
  end

  for _, interrupted in ipairs { "read 1 4", "waitpid 1 4" } do
    it("goes on running when interrupted: " .. interrupted, function()
      assert.equal("0\tword\t\n0\nexit 0", output_when(interrupted, [[run { "printf", "word" }]]))
    end)
  end

  for _, case in ipairs {
    { "write", "No space left on device" },
    { "fsync", "Input/output error" },
    { "close", "Input/output error" },
  } do
    it("leaves no file that it could not write: " .. case[1], function()
      local output = output_when(case[1], ("posix.write_private(%q, 'secret')"):format(path))
      assert.matches(
        ("^nil\tcannot write %s: %s\n"):format(path:gsub("%p", "%%%0"), case[2]), output)
      assert.equal("", output_of(("ls %s* 2>&1 | grep -v 'No such file'"):format(path)))
    end)
  end

  it("goes on writing when interrupted", function()
    local call = ("posix.write_private(%q, 'text')"):format(path)
    assert.equal("true\n0\nexit 0", output_when("write 1 4", call))
    assert.equal("text", read(path))
    os.remove(path)
  end)
end)
