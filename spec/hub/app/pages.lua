-- One page of a paginated operation: from a token to a position, from the items to the next token.

local cjson = require "cjson"
local model = require "spec.hub.app.model"
local tokens = require "spec.hub.app.tokens"

local given = ngx.shared.tokens

-- What a token is bound to: the operation, the account, and the input that chooses the items.
local function scope_of(operation, account, input, rule)
  local members = { operation, account }
  for name, value in pairs(input) do
    if name ~= rule.input_token and name ~= rule.limit_key then
      table.insert(members, cjson.encode { name, value })
    end
  end
  table.sort(members)
  return table.concat(members, "|")
end

-- The token that was handed out `back` tokens ago (1: the last one).
local function earlier_token(back)
  return given:get((given:get("count") or 0) - back + 1)
end

local function hand_out(token)
  given:set(given:incr("count", 1, 0), token)
  return token
end

local function next_token(position, context, scope)
  local effects = context.effects
  if effects.token then return effects.token end
  local earlier = effects.repeat_token and earlier_token(effects.repeat_token)
  return hand_out(earlier or tokens.issue(position, context.now - (effects.token_age or 0), scope))
end

-- Items that are no JSON yet are tables.
local function encode(items)
  for index, item in ipairs(items) do
    if type(item) == "table" then items[index] = cjson.encode(item) end
  end
  return table.concat(items, ",")
end

--- list(operation, handler, account, input, context{now, effects}) -> result as JSON | nil, fault
local function list(operation, handler, account, input, context)
  local rule, maximum = model.pagination(operation)
  local scope = scope_of(operation, account.id, input, rule)
  local token, first = input[rule.input_token] or "", 1
  if token ~= "" then
    first = tokens.open(token, context.now, scope)
    if not first then
      return nil, { code = "InvalidToken", message = "The provided pagination token is not valid." }
    end
  end
  local empty = context.effects.empty_page
  local count = empty and 0 or input[rule.limit_key] or maximum
  local items, following = handler(account, input, first, count)
  if not items then return nil, following end
  local result = ('{"%s":[%s]'):format(rule.result_key, encode(items))
  if empty then following = first end
  if not following then return result .. "}" end
  local token_after = cjson.encode(next_token(following, context, scope))
  return ('%s,"%s":%s}'):format(result, rule.output_token, token_after)
end

return { list = list }
