/*
** Digests, and the ECDSA signatures of JSON web tokens (ES256).
** Sources: RFC 7515 (base64url), RFC 7518 sections 3.4 and 6.2.1 (ES256, the
** key's coordinates), RFC 5480 (the form of a public key).
** Of OpenSSL only calls that 1.1.1 and 3.x share.
*/
#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "compat.h"

#define FIELD_SIZE 32               /* bytes of a number modulo P-256's prime */
#define PAIR_SIZE 64                /* r and s, or x and y */
#define MAX_SIGNATURE (PAIR_SIZE + 16)  /* bytes of r and s in DER */

/* A public key on P-256, up to x and y: RFC 5480, uncompressed point */
static const unsigned char P256_HEAD[] = {
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
  0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
  0x04,
};

static void push_hex(lua_State *L, const unsigned char *hash, size_t length) {
  static const char DIGITS[] = "0123456789abcdef";
  char hex[2 * SHA256_DIGEST_LENGTH];
  size_t i;
  for (i = 0; i < length; i++) {
    hex[2 * i] = DIGITS[hash[i] >> 4];
    hex[2 * i + 1] = DIGITS[hash[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * length);
}

/* sha1(text) -> 40 hexadecimal digits */
static int digest_sha1(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  unsigned char hash[SHA_DIGEST_LENGTH];
  if (SHA1((const unsigned char *)text, length, hash) == NULL)
    return luaL_error(L, "OpenSSL refuses SHA-1");
  push_hex(L, hash, sizeof hash);
  return 1;
}

/* sha256(text) -> 64 hexadecimal digits */
static int digest_sha256(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  unsigned char hash[SHA256_DIGEST_LENGTH];
  if (SHA256((const unsigned char *)text, length, hash) == NULL)
    return luaL_error(L, "OpenSSL refuses SHA-256");
  push_hex(L, hash, sizeof hash);
  return 1;
}

/* Adds the digits of up to three bytes; without padding. */
static void add_base64url(luaL_Buffer *b, const unsigned char *at,
                          size_t length) {
  static const char DIGITS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const unsigned second = length > 1 ? at[1] : 0;
  const unsigned third = length > 2 ? at[2] : 0;
  luaL_addchar(b, DIGITS[at[0] >> 2]);
  luaL_addchar(b, DIGITS[(at[0] & 3U) << 4 | second >> 4]);
  if (length > 1) luaL_addchar(b, DIGITS[(second & 15) << 2 | third >> 6]);
  if (length > 2) luaL_addchar(b, DIGITS[third & 63]);
}

/* base64url(text) -> text */
static int digest_base64url(lua_State *L) {
  size_t length;
  const char *argument = luaL_checklstring(L, 1, &length);
  const unsigned char *text = (const unsigned char *)argument;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; length > 3; text += 3, length -= 3) add_base64url(&b, text, 3);
  if (length > 0) add_base64url(&b, text, length);
  luaL_pushresult(&b);
  return 1;
}

/* Reads x and y; 0 if the key is not one on P-256. */
static int read_point(EVP_PKEY *key, unsigned char *point) {
  unsigned char *der = NULL;
  const int length = i2d_PUBKEY(key, &der);
  const int ok = length == (int)sizeof P256_HEAD + PAIR_SIZE &&
                 memcmp(der, P256_HEAD, sizeof P256_HEAD) == 0;
  if (ok) memcpy(point, der + sizeof P256_HEAD, PAIR_SIZE);
  OPENSSL_free(der);
  return ok;
}

/* A key under a pass phrase is refused: the empty one stops OpenSSL asking. */
static EVP_PKEY *read_key(const char *pem, size_t length) {
  char no_phrase[] = "";
  EVP_PKEY *key;
  BIO *bio;
  if (length > INT_MAX) return NULL;
  bio = BIO_new_mem_buf(pem, (int)length);
  if (bio == NULL) return NULL;
  key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_phrase);
  BIO_free(bio);
  return key;
}

/* Reads r and s out of a signature's DER. */
static int read_pair(const unsigned char *der, size_t length,
                     unsigned char *pair) {
  const BIGNUM *r, *s;
  ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)length);
  int ok;
  if (signature == NULL) return 0;
  ECDSA_SIG_get0(signature, &r, &s);
  ok = BN_bn2binpad(r, pair, FIELD_SIZE) == FIELD_SIZE &&
       BN_bn2binpad(s, pair + FIELD_SIZE, FIELD_SIZE) == FIELD_SIZE;
  ECDSA_SIG_free(signature);
  return ok;
}

static int sign(EVP_PKEY *key, const char *text, size_t length,
                unsigned char *pair) {
  unsigned char der[MAX_SIGNATURE];
  size_t size = sizeof der;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const int ok =
    context != NULL &&
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
    EVP_DigestSign(context, der, &size, (const unsigned char *)text, length) ==
      1;
  EVP_MD_CTX_free(context);
  return ok && read_pair(der, size, pair);
}

/* Signs text, or without text gives the point; NULL, or what is wrong. */
static const char *use_key(const char *pem, size_t pem_length, const char *text,
                           size_t length, unsigned char *pair) {
  const char *problem = NULL;
  EVP_PKEY *key;
  ERR_set_mark();
  key = read_key(pem, pem_length);
  if (key == NULL)
    problem = "no private key in PEM form without pass phrase";
  else if (!read_point(key, pair))
    problem = "the private key is not one on the curve P-256";
  else if (text != NULL && !sign(key, text, length, pair))
    problem = "OpenSSL cannot sign with the private key";
  EVP_PKEY_free(key);
  ERR_pop_to_mark();  /* nobody else is to find our errors */
  return problem;
}

static int fail(lua_State *L, const char *problem) {
  lua_pushnil(L);
  lua_pushstring(L, problem);
  return 2;
}

/* es256(pem, text) -> r and s, 32 bytes each | nil, message */
static int digest_es256(lua_State *L) {
  size_t pem_length, length;
  const char *pem = luaL_checklstring(L, 1, &pem_length);
  const char *text = luaL_checklstring(L, 2, &length);
  unsigned char pair[PAIR_SIZE];
  const char *problem = use_key(pem, pem_length, text, length, pair);
  if (problem != NULL) return fail(L, problem);
  lua_pushlstring(L, (const char *)pair, PAIR_SIZE);
  return 1;
}

/* p256_public(pem) -> x, y, 32 bytes each | nil, message */
static int digest_p256_public(lua_State *L) {
  size_t length;
  const char *pem = luaL_checklstring(L, 1, &length);
  unsigned char pair[PAIR_SIZE];
  const char *problem = use_key(pem, length, NULL, 0, pair);
  if (problem != NULL) return fail(L, problem);
  lua_pushlstring(L, (const char *)pair, FIELD_SIZE);
  lua_pushlstring(L, (const char *)pair + FIELD_SIZE, FIELD_SIZE);
  return 2;
}

static const luaL_Reg FUNCTIONS[] = {
  { "base64url", digest_base64url },
  { "es256", digest_es256 },
  { "p256_public", digest_p256_public },
  { "sha1", digest_sha1 },
  { "sha256", digest_sha256 },
  { NULL, NULL },
};

int luaopen_lmigrationhub_digest(lua_State *L);

int luaopen_lmigrationhub_digest(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, FUNCTIONS, 0);
  return 1;
}
