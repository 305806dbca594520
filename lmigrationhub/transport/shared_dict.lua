-- A lua_shared_dict of nginx, as a store of texts for all its workers. It never makes room by
-- dropping what others put there: what does not fit is refused.

local LACKING = "; add the directive `lua_shared_dict %s 64k;` to http{} of nginx's configuration"

---@class lmigrationhub.SharedDict
local Store = { __name = "lmigrationhub.transport.shared_dict" }
Store.__index = Store

---@param key string
---@return string?
function Store:get(key)
  local value = self._dict:get(key)
  return type(value) == "string" and value or nil
end

---@param key string
---@param value string
---@param seconds number for which it is kept
---@return boolean?
---@return string? message
function Store:set(key, value, seconds)
  return self._dict:safe_set(key, value, seconds)
end

---@param key string
function Store:remove(key)
  self._dict:delete(key)
end

--- Takes a lease, unless somebody has it.
---@param key string
---@param seconds number after which it ends by itself
---@return string|false|nil owner to give it back with; false: somebody has it
---@return string? message why it can be had by nobody
function Store:take(key, seconds)
  self._taken = self._taken + 1
  local owner = ("%d %.3f %d"):format(ngx.worker.pid(), ngx.now(), self._taken)
  local ok, message = self._dict:safe_add(key, owner, seconds)
  if ok then return owner end
  if message == "exists" then return false end
  return nil, message
end

--- Gives a lease back. One that ended just now may be another's a moment later, who then loses it:
--- what it is for is done twice, no more.
---@param key string
---@param owner string
function Store:give_back(key, owner)
  if self._dict:get(key) == owner then self._dict:delete(key) end
end

--- Opens a store.
---@param name string of a lua_shared_dict
---@return lmigrationhub.SharedDict?
---@return string? message which directive there has to be
local function open(name)
  local nginx = rawget(_G, "ngx")
  local dicts = type(nginx) == "table" and nginx.shared
  if not dicts then
    return nil, "option cache is for nginx, which this is not" .. LACKING:format(name)
  end
  local dict = dicts[name]
  if not dict then
    return nil, ("option cache: there is no lua_shared_dict %s"):format(name)
      .. LACKING:format(name)
  end
  return setmetatable({ _dict = dict, _taken = 0 }, Store)
end

return { open = open }
