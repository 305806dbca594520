-- Draws CPU of a page and of a cold start as bars: an SVG that suits light and dark pages.

local clients = require "spec.bench.clients"
local shell = require "spec.bench.shell"
local statistics = require "spec.bench.statistics"

local WIDTH, LEFT, RIGHT = 760, 200, 90 -- pixels; at the right there is room for a number
local BAR, GAP, TITLE = 18, 8, 34

local HEAD = [[
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img"
  aria-label="CPU of a page and of a cold start, by client">
<style>
text { font: 13px sans-serif; fill: #24292f }
.title { font-weight: bold }
.ours { fill: #2c7be5 }
.other { fill: #9aa5b1 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #58a6ff }
  .other { fill: #6e7681 }
}
</style>
]]
local ROW = [[
<text x="%d" y="%d" text-anchor="end">%s</text>
<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>
<text x="%.1f" y="%d">%s</text>
]]
local HEADING = '<text class="title" x="0" y="%d">%s</text>\n'

local PANELS = {
  {
    title = "CPU of a page of 100 updates, HTTPS (µs)", result = "page", scale = 1e6, form = "%.0f",
    names = { "ours_jit", "ours", "bare_jit", "bare", "javascript", "botocore" },
  },
  {
    title = "CPU from start to the first update, HTTPS (ms)", result = "cold", scale = 1e3,
    form = "%.1f", names = { "ours_jit", "ours", "libcurl", "javascript", "botocore" },
  },
}

local function draw_row(name, value, longest, form, top)
  local length = math.max(1, (WIDTH - LEFT - RIGHT) * value / longest)
  local line = top + BAR - 4
  return ROW:format(
    LEFT - 8, line, clients[name].name, name:find "^ours" and "ours" or "other",
    LEFT, top, length, BAR, LEFT + length + 6, line, form:format(value))
end

local function draw_panel(panel, results, top)
  local parts, values, longest = { HEADING:format(top + 16, panel.title) }, {}, 0
  for _, name in ipairs(panel.names) do
    values[name] = statistics.median(results[panel.result][name]) * panel.scale
    longest = math.max(longest, values[name])
  end
  top = top + TITLE
  for _, name in ipairs(panel.names) do
    parts[#parts + 1] = draw_row(name, values[name], longest, panel.form, top)
    top = top + BAR + GAP
  end
  return table.concat(parts), top + GAP
end

--- Writes the chart.
---@param path string
---@param results table page and cold: seconds of every round, by client
local function write(path, results)
  local parts, top = {}, 0
  for index, panel in ipairs(PANELS) do
    parts[index], top = draw_panel(panel, results, top)
  end
  local head = HEAD:format(WIDTH, top, WIDTH, top)
  shell.write(path, head .. table.concat(parts) .. "</svg>\n")
end

return { write = write }
