-- One poll, many viewers: a feed runs what polls for as long as somebody views it, and hands its
-- items to all of them. A worker has one feed of a name.

local semaphore = require "ngx.semaphore"

local LOOK = 1 -- seconds between two looks whether anybody still views
local MOST = 20000 -- items that a feed keeps; beyond that the older half goes

---@class dashboard.Feed
---@field items table[] what viewers see
---@field outcome { event: string, data: table }? how it ended
local Feed = {}
Feed.__index = Feed

---@class dashboard.Viewer
---@field feed dashboard.Feed
local Viewer = {}
Viewer.__index = Viewer

local function wake(feed)
  for viewer in pairs(feed._viewers) do
    if viewer._semaphore:count() < 1 then viewer._semaphore:post() end
  end
end

--- Puts other items in the place of all that there were.
function Feed:replace(items)
  self.items, self._edition = items, self._edition + 1
  wake(self)
end

--- Adds an item.
function Feed:add(item)
  table.insert(self.items, item)
  if #self.items <= MOST then return wake(self) end
  local rest = {}
  for index = MOST / 2 + 1, #self.items do table.insert(rest, self.items[index]) end
  self:replace(rest)
end

-- A new viewer finds a new feed.
local function finish(feed, outcome)
  if feed.is_over then return end
  feed.is_over, feed.outcome = true, outcome
  if feed._feeds[feed._name] == feed then feed._feeds[feed._name] = nil end
  wake(feed)
end

local function watch(feed)
  repeat ngx.sleep(LOOK) until not next(feed._viewers) or ngx.worker.exiting()
  finish(feed)
end

local function run(premature, feed, produce)
  if premature then return finish(feed) end
  local producer = ngx.thread.spawn(function() finish(feed, produce(feed)) end)
  local watcher = ngx.thread.spawn(watch, feed)
  ngx.thread.wait(producer, watcher)
  ngx.thread.kill(producer)
  ngx.thread.kill(watcher)
end

local function new(feeds, name)
  return setmetatable({
    items = {}, _edition = 0, _viewers = {}, _feeds = feeds, _name = name,
  }, Feed)
end

--- Views the feed of that name, and begins it when there is none.
---@param feeds table<string, dashboard.Feed> those of the worker
---@param name string
---@param produce fun(feed: dashboard.Feed): table? polls; gives the feed's outcome
---@return dashboard.Viewer? viewer
---@return string? problem
local function join(feeds, name, produce)
  local feed = feeds[name]
  if not feed then
    feed = new(feeds, name)
    local ok, problem = ngx.timer.at(0, run, feed, produce)
    if not ok then return nil, problem end
    feeds[name] = feed
  end
  local viewer = setmetatable({
    feed = feed, _semaphore = semaphore.new(0), _edition = 0, _count = 0,
  }, Viewer)
  feed._viewers[viewer] = true
  return viewer
end

--- What the viewer has not seen yet.
---@return "all"|"more"|nil event all: in the place of what it has seen
---@return table[]? items
function Viewer:news()
  local feed, seen = self.feed, self._count
  local is_new = self._edition ~= feed._edition
  if not is_new and seen == #feed.items then return nil end
  self._edition, self._count = feed._edition, #feed.items
  if is_new or seen == 0 then return "all", feed.items end
  local rest = {}
  for index = seen + 1, #feed.items do table.insert(rest, feed.items[index]) end
  return "more", rest
end

--- Waits for news, or for the end; false when the seconds have passed.
function Viewer:wait(seconds)
  return self._semaphore:wait(seconds)
end

function Viewer:leave()
  self.feed._viewers[self] = nil
end

return { join = join }
