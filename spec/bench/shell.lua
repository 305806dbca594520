-- Files and commands of the benchmark.

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

--- What a command prints, without the last line's end. Raises when the command fails.
---@param command string
---@return string
local function output(command)
  local process = assert(io.popen(command))
  local text = process:read("a"):gsub("%s+$", "")
  if not process:close() then error(("failed: %s\n%s"):format(command, text), 2) end
  return text
end

return { read = read, write = write, output = output }
