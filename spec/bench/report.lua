-- Collects figures and prints them as Markdown.

---@class bench.Report
local Report = {}
Report.__index = Report

--- A table of one measure over several clients, printed at once.
---@param title string
---@param heads string[]
---@param rows string[][]
function Report:table(title, heads, rows)
  self._out:write(("\n### %s\n\n| %s |\n|---%s|\n"):format(
    title, table.concat(heads, " | "), ("|---:"):rep(#heads - 1)))
  for _, row in ipairs(rows) do self._out:write("| ", table.concat(row, " | "), " |\n") end
  self._out:flush()
end

function Report:say(text)
  self._out:write("\n", text, "\n")
  self._out:flush()
end

--- A figure with its goal.
---@param figure { what: string, measured: string, value: number, goal: number, least: boolean? }
---value is compared with goal: at most that, or at least
function Report:figure(figure) table.insert(self._figures, figure) end

--- A figure that could not be measured, and why.
function Report:left_out(what, why) table.insert(self._figures, { what = what, why = why }) end

local function row(figure)
  if figure.why then return { figure.what, "left out: " .. figure.why, "", "", "" } end
  local is_reached = figure.value <= figure.goal
  if figure.least then is_reached = figure.value >= figure.goal end
  return {
    figure.what, figure.measured, ("%.3g"):format(figure.value),
    ("%s %.3g"):format(figure.least and "≥" or "≤", figure.goal), is_reached and "yes" or "no",
  }
end

--- Prints all figures beside their goals.
function Report:finish()
  local rows = {}
  for index, figure in ipairs(self._figures) do rows[index] = row(figure) end
  self:table("Figures and goals", { "figure", "measured", "value", "goal", "reached" }, rows)
end

---@return bench.Report
local function new()
  return setmetatable({ _figures = {}, _out = io.stdout }, Report)
end

return { new = new }
