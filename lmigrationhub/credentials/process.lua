-- Credentials that a program prints, which a profile names (credential_process). There is no shell:
-- the line is split as one would split it. What the program prints is secret and in no message.

local json = require "lmigrationhub.json"
local timestamp = require "lmigrationhub.timestamp"

local LIMITS = { timeout = 60, max_output = 65536 } -- seconds, bytes
local MAX_MESSAGE = 200 -- bytes of the program's stderr

-- First character of a piece of a word -> its text and the position after it; nil: it has no end.
local pieces = {}

pieces["'"] = function(line, at) return line:match("^'([^']*)'()", at) end

pieces["\\"] = function(line, at) return line:match("^\\(.)()", at) end

-- Between double quotes a backslash keeps only a quote or a backslash from its meaning.
pieces['"'] = function(line, at)
  local text = {}
  at = at + 1
  while at <= #line do
    local plain, sign, next_at = line:match('^([^"\\]*)(["\\])()', at)
    if sign == '"' then return table.concat(text) .. plain, next_at end
    if not sign then return nil end
    local literal = line:match('^["\\]', next_at)
    text[#text + 1] = plain .. (literal or "\\")
    at = next_at + (literal and 1 or 0)
  end
  return nil
end

local function plain_piece(line, at) return line:match("^([^%s'\"\\]+)()", at) end

local function split(line)
  local words, word = {}, nil
  local at = line:match "^%s*()"
  while at <= #line do
    local piece = pieces[line:sub(at, at)] or plain_piece
    local text, next_at = piece(line, at)
    if not text then return nil, "a quote or backslash has no end" end
    word = (word or "") .. text
    at = line:match("^%s*()", next_at)
    if at > next_at or at > #line then
      words[#words + 1], word = word, nil
    end
  end
  if #words == 0 then return nil, "it is empty" end
  return words
end

local function last_line(text)
  local line = ""
  for candidate in text:gmatch "[^\r\n]+" do
    if candidate:find "%S" then line = candidate end
  end
  line = line:gsub("%c+", " ")
  return line == "" and "" or ": " .. line:sub(1, MAX_MESSAGE)
end

local function ending(status, errors)
  local verdict = status < 0 and "was ended by signal " or "exited with status "
  return "the program " .. verdict .. math.abs(status) .. last_line(errors)
end

-- Member of the answer -> field, and whether it must be there.
local MEMBERS = {
  { "AccessKeyId", "access_key_id", true },
  { "SecretAccessKey", "secret_access_key", true },
  { "SessionToken", "session_token" },
  { "AccountId", "account_id" },
}

local function credentials_of(document)
  if document.Version ~= 1 then return nil, "the program's Version is not 1" end
  local credentials = {}
  for _, member in ipairs(MEMBERS) do
    local value = document[member[1]]
    if value == "" or type(value) ~= "string" and (value ~= nil or member[3]) then
      return nil, "the program gave no text for " .. member[1]
    end
    credentials[member[2]] = value
  end
  local expiration = document.Expiration
  credentials.expiration = type(expiration) == "string" and timestamp.parse(expiration) or nil
  if expiration ~= nil and not credentials.expiration then
    return nil, "the program's Expiration is no time"
  end
  return credentials
end

local function ask(command, context)
  local words, message = split(command)
  if not words then return nil, "cannot split the command: " .. message end
  local status, output, errors = context.run(words, LIMITS)
  if not status then return nil, ("cannot run %s: %s"):format(words[1], output) end
  if status ~= 0 then return nil, ending(status, errors) end
  local document = json.decode(output)
  if not document then return nil, "the program printed no JSON object" end
  return credentials_of(document)
end

local function load(settings, context)
  local profile = settings.files.profiles[settings.profile or "default"]
  local command = profile.credential_process
  if type(command) ~= "string" then return nil, "no credential_process" end
  local credentials, message = ask(command, context)
  if not credentials then return nil, message, true, "CredentialsError" end
  local account = profile.aws_account_id
  credentials.account_id = credentials.account_id or type(account) == "string" and account or nil
  return credentials
end

return { name = "process", load = load, is_late = true }
