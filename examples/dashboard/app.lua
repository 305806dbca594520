-- The dashboard's application inside nginx: server-sent events from Migration Hub, read-only.
-- /events tells of all tasks, /events?stream=…&name=… of the updates of one. An event is "all"
-- (items in the place of those before), "more" (items besides), "end" or "problem".

local cjson = require "cjson"
local feed = require "dashboard.feed"
local migrationhub = require "lmigrationhub"

local HEARTBEAT = 15 -- seconds after which a silent connection shows that it lives
local RETRY = 5000 -- milliseconds after which a browser connects again

local hub, interval
local feeds = {}

--- Makes the client. For init_by_lua: the environment is read here.
---@param options { interval: number } seconds between two polls
local function start(options)
  local ok, client = pcall(migrationhub.new)
  if not ok then error(tostring(client), 0) end -- nginx logs texts alone
  hub, interval = client, options.interval
end

local function as_json(items)
  return #items == 0 and "[]" or cjson.encode(items)
end

local function outcome_of(ok, failure)
  if ok then return { event = "end", data = {} } end
  ngx.log(ngx.WARN, tostring(failure))
  if not migrationhub.is_error(failure) then
    failure = { code = "InternalError", message = "the error log tells more" }
  end
  return { event = "problem", data = { { code = failure.code, message = failure.message } } }
end

-- One listing tells of all tasks: cheaper than to follow each. Viewers hear of it when it changes.
local function watch_tasks(own)
  return outcome_of(pcall(function()
    local before
    while true do
      local tasks = {}
      for task in hub:migration_tasks() do table.insert(tasks, task) end
      local now = as_json(tasks)
      if now ~= before then own:replace(tasks) end
      before = now
      ngx.sleep(interval)
    end
  end))
end

local function watch_updates(stream, name)
  return function(own)
    local outcome = outcome_of(pcall(function()
      local task = { ProgressUpdateStream = stream, MigrationTaskName = name }
      for update in hub:follow(task, { interval = interval }) do own:add(update) end
    end))
    -- Viewers ask another worker when this one is to end.
    return not ngx.worker.exiting() and outcome or nil
  end
end

local function send(event, items)
  ngx.print("event: ", event, "\ndata: ", as_json(items), "\n\n")
end

-- false: there is no more to say.
local function tell(viewer)
  local event, items = viewer:news()
  if event then
    send(event, items)
  elseif viewer.feed.is_over then
    local outcome = viewer.feed.outcome
    if outcome then send(outcome.event, outcome.data) end
    return false
  elseif not viewer:wait(HEARTBEAT) then
    ngx.print ":\n\n"
  end
  return true
end

local function join()
  local arguments = ngx.req.get_uri_args(4)
  local stream, name = arguments.stream, arguments.name
  if stream == nil and name == nil then return feed.join(feeds, "", watch_tasks) end
  if type(stream) ~= "string" or type(name) ~= "string" then return ngx.exit(400) end
  return feed.join(feeds, stream .. "\0" .. name, watch_updates(stream, name))
end

--- Serves /events.
local function serve()
  local viewer, problem = join()
  if not viewer then
    ngx.log(ngx.ERR, problem)
    return ngx.exit(503)
  end
  ngx.ctx.viewer = viewer
  ngx.header["Content-Type"] = "text/event-stream"
  ngx.header["X-Accel-Buffering"] = "no" -- for an nginx in front of this one
  ngx.print("retry: ", RETRY, "\n\n")
  while ngx.flush(true) and tell(viewer) do end
end

--- The viewer of a request that has ended goes.
local function leave()
  if ngx.ctx.viewer then ngx.ctx.viewer:leave() end
end

return { start = start, serve = serve, leave = leave }
