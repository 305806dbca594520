-- Time inside nginx, which counts whole milliseconds and looks at its clock between events only.

local LONGEST = 1000000 -- seconds; nginx has 31 bits for milliseconds

--- As nginx takes them: rounded up, from 1.
---@param seconds number
---@return integer
local function to_milliseconds(seconds)
  return math.max(1, math.ceil(math.min(seconds, LONGEST) * 1000))
end

---@param time number
---@return number seconds
local function seconds_until(time) return time - ngx.now() end

--- Now, and not when nginx last looked.
---@return number seconds since 1970
local function now()
  ngx.update_time()
  return ngx.now()
end

---@param seconds number
local function sleep(seconds)
  ngx.update_time() -- else time that the handler has used counts as slept
  ngx.sleep(to_milliseconds(seconds) / 1000)
end

--- One that nobody has posted to yet.
---@return table semaphore
local function new_semaphore() return assert(require("ngx.semaphore").new(0)) end

-- nginx cuts fractions of a millisecond off: the half keeps whole ones whole.
--- Waits for a semaphore; tells whether there was one in time.
---@param semaphore table
---@param seconds number
---@return boolean
local function await(semaphore, seconds)
  return (semaphore:wait((to_milliseconds(seconds) + 0.5) / 1000)) == true
end

return {
  to_milliseconds = to_milliseconds, seconds_until = seconds_until, now = now, sleep = sleep,
  new_semaphore = new_semaphore, await = await,
}
