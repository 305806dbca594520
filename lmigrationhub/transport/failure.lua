-- What an attempt of the nginx transport tells when it fails: nil, message, kind.

-- OpenSSL's numbers for: no authority that is known, or one that is too far away.
local UNTRUSTED = {}
for number in ("2 18 19 20 21 22"):gmatch "%d+" do UNTRUSTED[number] = true end

local TRUST = "; in http{} of nginx's configuration, lua_ssl_trusted_certificate must name a file "
  .. "with its authority, and lua_ssl_verify_depth be large enough, such as 5"
local REFUSED = "the certificate or its name was refused, as nginx's error log may tell" .. TRUST

local REFUSALS = {
  protocol = "no valid answer from %s: %s",
  too_large = "the answer from %s is too large: %s",
}

-- What is wrong when there was too little time.
local function no_place(attempt)
  return nil, ("no place for the request to %s within %g s: %d are under way"):format(
    attempt.to.shown, attempt.total, attempt.share.connections.places), "timeout"
end

local function no_connection(attempt)
  return nil, ("no connection to %s within %g s"):format(
    attempt.to.authority, math.min(attempt.connect, attempt.total)), "timeout"
end

local function no_answer(attempt)
  local begun = (attempt.reader.status or 0) >= 200
  return nil, ("no %s from %s within %g s"):format(
    begun and "complete answer" or "answer", attempt.to.shown, attempt.total), "timeout"
end

local function unreachable(attempt, problem)
  if problem == "timeout" then return no_connection(attempt) end
  if problem:find("no resolver defined", 1, true) then
    problem = problem .. "; add the directive resolver to http{} of nginx's configuration"
  end
  return nil, ("could not connect to %s: %s"):format(attempt.to.authority, problem), "connection"
end

-- Without a problem that nginx tells, the certificate or its name was refused.
local function insecure(attempt, problem)
  problem = problem or REFUSED
  if problem == "timeout" then return no_connection(attempt) end
  if UNTRUSTED[problem:match "^%d+"] then problem = problem .. TRUST end
  return nil, ("no secure connection to %s: %s"):format(attempt.to.shown, problem), "tls"
end

local function broken(attempt, problem)
  if problem == "timeout" then return no_answer(attempt) end
  local _, place = attempt.reader:eof()
  return nil, ("the connection to %s broke: %s"):format(
    attempt.to.shown, problem == "closed" and place or problem), "connection"
end

-- What the reader of answers refuses.
local function refused(attempt, message, kind)
  return nil, REFUSALS[kind]:format(attempt.to.shown, message), kind
end

return {
  no_place = no_place, no_connection = no_connection, no_answer = no_answer,
  unreachable = unreachable, insecure = insecure, broken = broken, refused = refused,
}
