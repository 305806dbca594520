-- Medians, and medians of ratios between measurements of the same round.

---@param values number[]
---@return number
local function median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  if #sorted % 2 == 1 then return sorted[middle] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

--- What two clients did in the same round had the same noise.
---@param values number[] one of each round
---@param others number[] likewise
---@return number
local function ratio(values, others)
  local ratios = {}
  for round, value in ipairs(values) do ratios[round] = value / others[round] end
  return median(ratios)
end

return { median = median, ratio = ratio }
