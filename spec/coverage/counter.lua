-- What an instrumented file calls: counter(notes, file) -> reached(place), tested(place, value).
-- A note is written when its place is first come to, at once and whole: so nothing is lost when a
-- process is killed, and processes may share the file.
local open = io.open

return function(notes, file)
  local noted = { reached = {}, ["true"] = {}, ["false"] = {} }

  local function note(what, place)
    if noted[what][place] then return end
    local out = open(notes, "a")
    if not out then return end -- a test has taken the descriptors; perhaps the next time
    out:write(("%s %s %s\n"):format(file, what, place))
    out:close()
    noted[what][place] = true
  end

  local function reached(place) note("reached", place) end

  local function tested(place, value)
    note(value and "true" or "false", place)
    return value
  end

  return reached, tested
end
