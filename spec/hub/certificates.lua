-- A throw-away certificate authority and a certificate of its for this machine's own names.

local CONFIGURATION = [[
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
]]

-- P-256 keys take no time to make. An authority may be there already, in a folder.
local COMMANDS = [[
cd '%s' && exec 2>openssl.log && set -e
new() {
  openssl req -config openssl.conf -x509 -days 7 -nodes \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 "$@"
}
if [ "$SPEC_AUTHORITY" ]; then cp "$SPEC_AUTHORITY"/ca.* .
else new -subj "/CN=Local Migration Hub CA" -extensions authority -keyout ca.key -out ca.pem; fi
new -subj "/CN=localhost" -extensions leaf -CA ca.pem -CAkey ca.key -keyout leaf.key -out leaf.pem
]]

--- Writes ca.pem, leaf.pem and leaf.key into a folder.
local function make(folder)
  local file = assert(io.open(folder .. "/openssl.conf", "w"))
  file:write(CONFIGURATION)
  file:close()
  os.execute(COMMANDS:format(folder))
  local leaf = io.open(folder .. "/leaf.pem", "r")
  if not leaf then
    local log = assert(io.open(folder .. "/openssl.log", "r"))
    error("openssl made no certificate: " .. log:read("*a"))
  end
  leaf:close()
end

return { make = make }
