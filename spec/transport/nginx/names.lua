-- A name server for specs, over a UDP socket that it inherits: lua5.4 names.lua DESCRIPTOR
-- All names mean 127.0.0.1, but nowhere.test, which does not exist, and silent.test, about which it
-- says nothing. It ends when its standard input does.
local socket = require "socket"

local stdin = {
  getfd = function() return 0 end,
  dirty = function() return false end,
}

local udp = socket.udp()
udp:close()
udp = socket.udp4 and socket.udp4() or socket.udp()
udp:setfd(tonumber(arg[1]))
udp:settimeout(0)

local function read_name(query)
  local labels, at = {}, 13
  while query:byte(at) > 0 do
    labels[#labels + 1] = query:sub(at + 1, at + query:byte(at))
    at = at + 1 + query:byte(at)
  end
  return table.concat(labels, "."), query:sub(13, at + 4)
end

-- RFC 1035, 4.1; the answer points to the question's name, and may not be kept.
local function answer(query)
  local name, question = read_name(query)
  if name == "silent.test" then return nil end
  if name == "nowhere.test" then
    return query:sub(1, 2) .. "\x81\x83\0\1\0\0\0\0\0\0" .. question
  end
  return query:sub(1, 2) .. "\x81\x80\0\1\0\1\0\0\0\0" .. question
    .. "\xC0\x0C\0\1\0\1\0\0\0\0\0\4\127\0\0\1"
end

repeat
  local readable = socket.select({ udp, stdin })
  local query, address, port = udp:receivefrom()
  local text = query and answer(query)
  if text then udp:sendto(text, address, port) end
until readable[stdin]
