-- What /proc knows of processes and of their connections. Linux only, as are the tests.

local function read(path)
  local file = io.open(path)
  if not file then return "" end
  local text = file:read "*a"
  file:close()
  return text
end

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

--- The processes that a process has started and not yet buried.
---@param pid integer
---@return table<integer, boolean> by pid
local function children(pid)
  local found = {}
  for child in read(("/proc/%d/task/%d/children"):format(pid, pid)):gmatch "%d+" do
    found[tonumber(child)] = true
  end
  return found
end

--- What a process's descriptors stand for: "socket:[123]", a path, …
---@param pid integer
---@return string[] sorted
local function descriptors(pid)
  local found = lines_of(("readlink /proc/%d/fd/* 2>/dev/null"):format(pid))
  table.sort(found)
  return found
end

-- In /proc/net/tcp: addresses and states are hexadecimal; 0A listens, 06 (TIME_WAIT) is over.
local LINE = "^%s*%d+: %x+:(%x+) %x+:(%x+) (%x%x) %S+ %S+ %S+%s+%d+%s+%d+ (%d+)"

--- The connections to a port, and what became of those that nobody holds any more.
---@param port integer
---@return { inode: string, is_client: boolean }[]
local function connections(port)
  local found = {}
  for line in io.lines "/proc/net/tcp" do
    local here, there, state, inode = line:match(LINE)
    local is_client = there and tonumber(there, 16) == port
    if state ~= "0A" and state ~= "06" and (is_client or tonumber(here or "", 16) == port) then
      table.insert(found, { inode = inode, is_client = is_client })
    end
  end
  return found
end

return { children = children, descriptors = descriptors, connections = connections }
