-- Signatures are checked by the openssl command line; digests and encodings by published vectors.

local digest = require "lmigrationhub.digest"
local faults = require "spec.faults"

local P256 = "openssl ecparam -name prime256v1 -genkey -noout"
local SIGNATURES = 300 -- one in 128 has a number that begins with a zero byte

describe("lmigrationhub.digest", function()
  local folder

  setup(function()
    local pipe = assert(io.popen "mktemp -d")
    folder = pipe:read "*l"
    pipe:close()
  end)

  teardown(function() os.execute("rm -r " .. folder) end)

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end

  local function run(command)
    local pipe = assert(io.popen(("cd %s && { %s; } 2>/dev/null"):format(folder, command)))
    local output = pipe:read "*a"
    pipe:close()
    return output
  end

  -- RFC 3174 section 7.3 and FIPS 180-4's examples
  it("gives SHA-1 in hexadecimal", function()
    assert.equal("da39a3ee5e6b4b0d3255bfef95601890afd80709", digest.sha1 "")
    assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", digest.sha1 "abc")
    assert.equal("84983e441c3bd26ebaae4aa1f95129e5e54670f1",
      digest.sha1 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
  end)

  it("gives SHA-256 in hexadecimal", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      digest.sha256 "")
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      digest.sha256 "abc")
    assert.equal("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      digest.sha256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
  end)

  it("digests every byte, zero bytes too", function()
    write("bytes", ("a\0\255"):rep(99))
    assert.equal(run "openssl sha1 -r bytes":match "^%x+", digest.sha1(("a\0\255"):rep(99)))
    assert.equal(run "openssl sha256 -r bytes":match "^%x+", digest.sha256(("a\0\255"):rep(99)))
  end)

  -- RFC 4648 section 10, RFC 7515 appendix C
  for text, expected in pairs {
    [""] = "", f = "Zg", fo = "Zm8", foo = "Zm9v", foob = "Zm9vYg", fooba = "Zm9vYmE",
    foobar = "Zm9vYmFy", ["\3\236\255\224\193"] = "A-z_4ME",
  } do
    it("encodes " .. expected, function() assert.equal(expected, digest.base64url(text)) end)
  end

  it("encodes texts longer than a buffer", function()
    assert.equal(("Zm9v"):rep(9999) .. "Zg", digest.base64url(("foo"):rep(9999) .. "f"))
  end)

  local function integer(bytes)
    bytes = bytes:gsub("^%z+", "")
    if bytes:byte() >= 0x80 then bytes = "\0" .. bytes end
    return "\2" .. string.char(#bytes) .. bytes
  end

  local function der(signature)
    local pair = integer(signature:sub(1, 32)) .. integer(signature:sub(33))
    return "\48" .. string.char(#pair) .. pair
  end

  local function verdict(pem, text, signature)
    write("key.pem", pem)
    write("text", text)
    write("signature", der(signature))
    return run [[openssl pkey -in key.pem -pubout -out public.pem;
      openssl dgst -sha256 -verify public.pem -signature signature text]]
  end

  for form, command in pairs {
    ["SEC 1"] = P256,
    ["PKCS 8"] = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    ["SEC 1 without public key"] = P256 .. " | openssl ec -no_public",
    ["SEC 1 after its parameters"] = "openssl ecparam -name prime256v1 -genkey",
  } do
    it("signs by ES256 with a key in the form " .. form, function()
      local pem, text = run(command), "header.payload\0"
      assert.equal("Verified OK\n", verdict(pem, text, digest.es256(pem, text)))
    end)

    it("reads x and y of a key in the form " .. form, function()
      local pem = run(command)
      write("key.pem", pem)
      local public = run "openssl pkey -in key.pem -pubout -outform DER"
      local x, y = digest.p256_public(pem)
      assert.equal(32, #x)
      assert.equal(public:sub(-64), x .. y)
    end)
  end

  it("gives r and s their full length, whatever they begin with", function()
    local pem, shortest = run(P256), 64
    for number = 1, SIGNATURES do
      shortest = math.min(shortest, #digest.es256(pem, "text " .. number))
    end
    assert.equal(64, shortest)
  end)

  it("signs the text it is given", function()
    local pem = run(P256)
    assert.equal("Verification failure\n", verdict(pem, "another", digest.es256(pem, "text")))
  end)

  local NO_KEY = "no private key in PEM form without pass phrase"
  local OTHER_KEY = "the private key is not one on the curve P-256"
  local REFUSED = {
    { "nothing", "true", NO_KEY },
    { "a text", "echo secret", NO_KEY },
    { "a public key", P256 .. " | openssl pkey -pubout", NO_KEY },
    { "a cut key", P256 .. " | head -n 2", NO_KEY },
    { "a key under a pass phrase", P256 .. " | openssl ec -aes128 -passout pass:word", NO_KEY },
    { "a key on P-384", "openssl ecparam -name secp384r1 -genkey -noout", OTHER_KEY },
    { "an RSA key", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", OTHER_KEY },
    { "an Ed25519 key", "openssl genpkey -algorithm ED25519", OTHER_KEY },
  }
  for _, case in ipairs(REFUSED) do
    it("refuses " .. case[1], function()
      local pem = run(case[2])
      for _, fn in ipairs { digest.es256, digest.p256_public } do
        local found, message = fn(pem, "text")
        assert.is_nil(found)
        assert.equal(case[3], message)
      end
    end)
  end

  describe("where OpenSSL refuses", function()
    local library
    lazy_setup(function() library = faults.compile "refusals" end)
    lazy_teardown(function() os.remove(library) end)

    local SCRIPT = [[
      local digest = require "lmigrationhub.digest"
      local file = io.open "%s/key.pem"
      local pem = file:read "*a"
      file:close()
      print(select(2, pcall(digest.%s, %s, "text")))
    ]]
    local CANNOT_SIGN = "nil\tOpenSSL cannot sign with the private key"
    local CASES = {
      { "SHA1", "sha1", "OpenSSL refuses SHA-1" },
      { "SHA256", "sha256", "OpenSSL refuses SHA-256" },
      { "BIO_new_mem_buf", "p256_public", "nil\t" .. NO_KEY },
      { "i2d_PUBKEY", "p256_public", "nil\t" .. OTHER_KEY },
      { "EVP_MD_CTX_new", "es256", CANNOT_SIGN },
      { "EVP_DigestSignInit", "es256", CANNOT_SIGN },
      { "EVP_DigestSign", "es256", CANNOT_SIGN },
      { "d2i_ECDSA_SIG", "es256", CANNOT_SIGN },
      { "BN_bn2binpad 1", "es256", CANNOT_SIGN },
      { "BN_bn2binpad 2", "es256", CANNOT_SIGN },
    }
    for _, case in ipairs(CASES) do
      local refusal, name, expected = case[1], case[2], case[3]
      it(("says so: %s in %s"):format(refusal, name), function()
        write("key.pem", run(P256))
        local script = SCRIPT:format(folder, name, name:find "^sha" and '"text"' or "pem")
        local output = faults.run_in(library, ("REFUSE='%s'"):format(refusal), script)
        assert.equal(expected .. "\nexit 0", output)
      end)
    end
  end)

  it("raises for what is no string", function()
    for _, fn in pairs(digest) do
      assert.error_matches(function() fn({}, "") end, "bad argument #1 to '.-' %(string expected")
    end
    assert.error_matches(function() digest.es256 "pem" end, "bad argument #2")
  end)
end)
