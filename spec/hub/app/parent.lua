-- Ends nginx when the process that started it is gone: it holds the other end of nginx's stdin.

local ffi = require "ffi"

ffi.cdef [[
  struct pollfd { int fd; short events; short revents; };
  int poll(struct pollfd *descriptors, unsigned long count, int timeout);
  int kill(int pid, int signal);
  int getpid(void);
  int getppid(void);
]]

local INTERVAL = 0.1 -- seconds
local SIGTERM = 15

local function watch()
  local C, master = ffi.C, ffi.C.getppid()
  local stdin = ffi.new("struct pollfd[1]") -- asks for no event: what poll reports is a hang-up
  assert(ngx.timer.every(INTERVAL, function(premature)
    if premature or C.poll(stdin, 1, 0) == 0 then return end
    C.kill(C.getppid() == master and master or C.getpid(), SIGTERM)
  end))
end

return { watch = watch }
