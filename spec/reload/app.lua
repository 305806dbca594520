-- Runs inside the workers that are reloaded: lists updates from the hub in every way.

local client = require "lmigrationhub.client"
local tasks = require "spec.reload.tasks"

local INTERVAL = 0.05 -- seconds

local function count(...)
  local updates = 0
  for _ in ... do updates = updates + 1 end
  return updates
end

-- How many updates were read, by path.
local ways = {}

ways["/list"] = function(hub) return count(hub:migration_task_updates(tasks.ended)) end

ways["/prefetch"] = function(hub)
  return count(hub:migration_task_updates(tasks.ended, { prefetch = true }))
end

ways["/follow"] = function(hub) return count(hub:follow(tasks.ended, { interval = INTERVAL })) end

ways["/concurrently"] = function(hub)
  local sum = 0
  for _, updates in ipairs(hub:concurrently({ 1, 2, 3, 4, 5, 6 }, 3, function()
    return ways["/list"](hub)
  end)) do
    sum = sum + updates
  end
  return sum
end

local function serve(hub)
  local text = ("%d updates\n"):format(ways[ngx.var.uri](hub))
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end

-- Follows a task that never ends, in a timer, until nginx ends the worker.
local function watch(hub)
  local follower
  for _, its_follower in hub:follow(tasks.endless, { interval = INTERVAL }) do
    follower = its_follower
  end
  ngx.log(ngx.NOTICE, "no longer followed: ", follower and follower.ended)
end

-- No settings of whoever starts this.
local function nothing() end

---@param endpoint string
---@param key string
---@param secret string
local function new(endpoint, key, secret)
  local hub = client.new({
    region = tasks.seed.region, endpoint = endpoint,
    credentials = { access_key_id = key, secret_access_key = secret },
  }, { getenv = nothing })
  return {
    serve = function() serve(hub) end,
    watch = function(is_premature)
      if not is_premature then watch(hub) end
    end,
  }
end

return { new = new }
