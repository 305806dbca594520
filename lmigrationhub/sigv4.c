/*
** AWS Signature Version 4 in the Authorization header.
** Source: AWS IAM User Guide, "Create a signed AWS API request".
** Of OpenSSL only one-shot calls, which also work in an nginx that carries
** another copy of it.
*/
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "compat.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define KEY_CACHE "lmigrationhub.sigv4.keys"
#define HASH_SIZE SHA256_DIGEST_LENGTH
#define DATE_SIZE 8   /* YYYYMMDD */
#define TIME_SIZE 16  /* YYYYMMDDTHHMMSSZ */
#define ROOM 2048     /* bytes that a buffer holds without the heap */
#define KEY_SLOTS 4   /* a client needs one, round midnight two */

struct bytes {
  const char *at;
  size_t length;
};

/* Outgrows the C stack into a userdata, which no error can leak. */
struct buffer {
  lua_State *L;
  int slot;  /* where on the Lua stack the userdata lives */
  char *bytes;
  size_t length, size;
  char room[ROOM];
};

enum { DATE, REGION, SERVICE, END, SCOPE_PARTS };

struct signing {
  struct buffer canonical;
  struct bytes scope[SCOPE_PARTS];
  size_t signed_headers, signed_length;  /* their place in canonical */
  char time[TIME_SIZE];
  unsigned char mac[HASH_SIZE];
};

/* An identity is a hash over scope and secret; all zeros in an empty slot. */
struct key_cache {
  size_t next;
  struct key_slot {
    unsigned char identity[HASH_SIZE], key[HASH_SIZE];
  } slots[KEY_SLOTS];
};

static struct bytes bytes(const void *at, size_t length) {
  struct bytes s;
  s.at = at;
  s.length = length;
  return s;
}

static void open_buffer(lua_State *L, struct buffer *b) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushnil(L);
  b->L = L;
  b->slot = lua_gettop(L);
  b->bytes = b->room;
  b->length = 0;
  b->size = ROOM;
}

static void grow(struct buffer *b, size_t more) {
  size_t size;
  if (more > SIZE_MAX / 4 || b->length > SIZE_MAX / 4)
    luaL_error(b->L, "request is too large to sign");
  size = 2 * (b->length + more);
  b->bytes = memcpy(lua_newuserdata(b->L, size), b->bytes, b->length);
  b->size = size;
  lua_replace(b->L, b->slot);
}

static inline void reserve(struct buffer *b, size_t more) {
  if (more > b->size - b->length) grow(b, more);
}

static inline void add(struct buffer *b, const void *at, size_t length) {
  reserve(b, length);
  memcpy(b->bytes + b->length, at, length);
  b->length += length;
}

static void add_text(struct buffer *b, const char *text) {
  add(b, text, strlen(text));
}

static void add_hex(struct buffer *b, const unsigned char *hash) {
  static const char DIGITS[] = "0123456789abcdef";
  char hex[2 * HASH_SIZE];
  size_t i;
  for (i = 0; i < HASH_SIZE; i++) {
    hex[2 * i] = DIGITS[hash[i] >> 4];
    hex[2 * i + 1] = DIGITS[hash[i] & 15];
  }
  add(b, hex, sizeof hex);
}

static void add_hash(struct buffer *b, struct bytes s) {
  unsigned char hash[HASH_SIZE];
  if (SHA256((const unsigned char *)s.at, s.length, hash) == NULL)
    luaL_error(b->L, "OpenSSL refuses SHA-256");
  add_hex(b, hash);
}

/* RFC 3986, section 2.3; not isalnum, which asks the locale */
static int is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

/* RFC 9110, section 5.6.2 */
static int is_token(struct bytes s) {
  size_t i;
  for (i = 0; i < s.length; i++)
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): no zero byte */
    if (!is_unreserved(s.at[i]) && memchr("!#$%&'*+^`|", s.at[i], 11) == NULL)
      return 0;
  return s.length > 0;
}

static int is_time(const char *text) {
  static const char DIGITS[] = "0123456789";
  return strspn(text, DIGITS) == 8 && text[8] == 'T' &&
         strspn(text + 9, DIGITS) == 6 && strcmp(text + 15, "Z") == 0;
}

/* A string member of the table at index, which stays on the Lua stack. */
static struct bytes optional(lua_State *L, int index, const char *name) {
  struct bytes value = { "", 0 };
  lua_getfield(L, index, name);
  if (lua_type(L, -1) == LUA_TSTRING)
    value.at = lua_tolstring(L, -1, &value.length);
  else if (!lua_isnil(L, -1))
    luaL_argerror(L, index, lua_pushfstring(L, "%s is not a string", name));
  return value;
}

static struct bytes required(lua_State *L, int index, const char *name) {
  struct bytes value = optional(L, index, name);
  if (value.length == 0)
    luaL_argerror(L, index, lua_pushfstring(L, "%s is missing", name));
  return value;
}

static struct bytes required_token(lua_State *L, int index, const char *name) {
  struct bytes value = required(L, index, name);
  if (!is_token(value))
    luaL_argerror(L, index, lua_pushfstring(L, "%s is not a token", name));
  return value;
}

static void add_encoded(struct buffer *b, char c) {
  static const char DIGITS[] = "0123456789ABCDEF";
  if (is_unreserved(c)) {
    add(b, &c, 1);
  } else {
    const char escape[] = { '%', DIGITS[(c >> 4) & 15], DIGITS[c & 15] };
    add(b, escape, sizeof escape);
  }
}

static void add_path(struct buffer *b, struct bytes path) {
  size_t i;
  for (i = 0; i < path.length; i++)
    if (path.at[i] == '/')
      add(b, "/", 1);
    else
      add_encoded(b, path.at[i]);
}

/* Takes what stands before the separator, or everything, off rest. */
static struct bytes cut(struct bytes *rest, char separator) {
  const char *end = memchr(rest->at, separator, rest->length);
  struct bytes head = *rest;
  if (end != NULL) head.length = (size_t)(end - rest->at);
  rest->at += head.length + (end != NULL);
  rest->length -= head.length + (end != NULL);
  return head;
}

static int is_text(struct bytes s, const char *text) {
  return s.length == strlen(text) && memcmp(s.at, text, s.length) == 0;
}

/* No empty and no dot segments; RFC 3986, section 5.2.4 */
static void add_normalized_path(struct buffer *b, struct bytes path) {
  const size_t start = b->length;
  const int closed = path.at[path.length - 1] == '/';
  while (path.length > 0) {
    struct bytes segment = cut(&path, '/');
    if (segment.length == 0 || is_text(segment, ".")) continue;
    if (is_text(segment, "..")) {
      while (b->length > start)
        if (b->bytes[--b->length] == '/') break;
    } else {
      add(b, "/", 1);
      add_path(b, segment);
    }
  }
  if (closed || b->length == start) add(b, "/", 1);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* Decodes and encodes, so that a character has one spelling; '+' is a plus. */
static void add_recoded(struct buffer *b, struct bytes s) {
  size_t i;
  for (i = 0; i < s.length; i++) {
    const int high = s.length - i > 2 ? hex_value(s.at[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(s.at[i + 2]) : -1;
    if (s.at[i] == '%' && low >= 0) {
      add_encoded(b, (char)(high << 4 | low));
      i += 2;
    } else {
      add_encoded(b, s.at[i]);
    }
  }
}

static const char *entry_value(const char *entry) {
  return entry + strlen(entry) + 1;
}

static int compare_entries(const void *left, const void *right) {
  const char *a = *(const char *const *)left, *b = *(const char *const *)right;
  const int order = strcmp(a, b);
  return order != 0 ? order : strcmp(entry_value(a), entry_value(b));
}

/* The entries of text, each "name\0value\0", by name and then by value. */
static const char **sort_entries(struct buffer *text, size_t count) {
  const char **entries, *entry = text->bytes;
  size_t i;
  entries = lua_newuserdata(text->L, (count + 1) * sizeof *entries);
  for (i = 0; i < count; i++) {
    entries[i] = entry;
    entry = entry_value(entry_value(entry));
  }
  qsort(entries, count, sizeof *entries, compare_entries);
  return entries;
}

static void add_entries(struct buffer *b, const char **entries, size_t count,
                        const char *middle, const char *end) {
  size_t i;
  for (i = 0; i < count; i++) {
    add_text(b, entries[i]);
    add_text(b, middle);
    add_text(b, entry_value(entries[i]));
    add_text(b, end);
  }
}

static void add_query(struct buffer *b, struct bytes query) {
  struct buffer text;
  size_t count = 0;
  open_buffer(b->L, &text);
  while (query.length > 0) {
    struct bytes value = cut(&query, '&');
    if (value.length == 0) continue;
    add_recoded(&text, cut(&value, '='));
    add(&text, "", 1);
    add_recoded(&text, value);
    add(&text, "", 1);
    count++;
  }
  add_entries(b, sort_entries(&text, count), count, "=", "&");
  if (count > 0) b->length--;  /* the last "&" */
}

static void header_error(lua_State *L, const char *name, const char *problem) {
  luaL_argerror(L, 1, lua_pushfstring(L, "header '%s' %s", name, problem));
}

static void add_lowered(struct buffer *b, struct bytes name) {
  size_t i;
  reserve(b, name.length);
  for (i = 0; i < name.length; i++) {
    const char c = name.at[i];
    b->bytes[b->length++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  }
}

/* Adds the value on top of the Lua stack, each run of blanks as one space. */
static void add_folded(struct buffer *b, const char *name) {
  const size_t start = b->length;
  size_t length;
  const char *at, *end;
  if (lua_type(b->L, -1) != LUA_TSTRING)
    header_error(b->L, name, "is neither a string nor a list of strings");
  at = lua_tolstring(b->L, -1, &length);
  end = at + length;
  while ((at += strspn(at, " \t")) < end) {
    const size_t run = strcspn(at, " \t\r\n");
    if (run == 0) header_error(b->L, name, "holds CR, LF or a zero byte");
    if (b->length > start) add(b, " ", 1);
    add(b, at, run);
    at += run;
  }
}

/* Adds the header whose name and value are on top of the Lua stack. */
static void add_entry(struct buffer *b) {
  lua_State *L = b->L;
  struct bytes name = { "", 0 };
  int i, count;
  if (lua_type(L, -2) == LUA_TSTRING)
    name.at = lua_tolstring(L, -2, &name.length);
  luaL_argcheck(L, is_token(name), 1, "a header's name is not a token");
  add_lowered(b, name);
  add(b, "", 1);
  count = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (i = 1; i <= count; i++) {
    if (i > 1) add(b, ",", 1);
    lua_rawgeti(L, -1, i);
    add_folded(b, name.at);
    lua_pop(L, 1);
  }
  if (count == 0) add_folded(b, name.at);
  add(b, "", 1);
}

static void check_entries(lua_State *L, const char **entries, size_t count,
                          char *time) {
  const char *host = NULL, *date = "";
  size_t i;
  for (i = 0; i < count; i++) {
    if (i > 0 && strcmp(entries[i - 1], entries[i]) == 0)
      header_error(L, entries[i], "is given twice");
    if (strcmp(entries[i], "host") == 0) host = entry_value(entries[i]);
    if (strcmp(entries[i], "x-amz-date") == 0) date = entry_value(entries[i]);
  }
  if (host == NULL) header_error(L, "host", "is missing");
  if (!is_time(date)) header_error(L, "x-amz-date", "is not YYYYMMDDTHHMMSSZ");
  memcpy(time, date, TIME_SIZE);
}

/* Adds the header lines and the list of their names. */
static void add_headers(lua_State *L, struct signing *s, int headers) {
  struct buffer text, *b = &s->canonical;
  const char **entries;
  size_t i, count = 0;
  open_buffer(L, &text);
  for (lua_pushnil(L); lua_next(L, headers) != 0; lua_pop(L, 1), count++)
    add_entry(&text);
  entries = sort_entries(&text, count);
  check_entries(L, entries, count, s->time);
  add_entries(b, entries, count, ":", "\n");
  s->signed_headers = b->length + 1;
  for (i = 0; i < count; i++) {
    add(b, i == 0 ? "\n" : ";", 1);
    add_text(b, entries[i]);
  }
  s->signed_length = b->length - s->signed_headers;
}

static void add_target(lua_State *L, struct buffer *b) {
  struct bytes method = required_token(L, 1, "method");
  struct bytes path = required(L, 1, "path");
  struct bytes query = optional(L, 1, "query");
  luaL_argcheck(L, *path.at == '/', 1, "path does not begin with '/'");
  lua_getfield(L, 1, "normalize");
  add(b, method.at, method.length);
  add(b, "\n", 1);
  if (lua_isnil(L, -1) || lua_toboolean(L, -1))
    add_normalized_path(b, path);
  else
    add_path(b, path);
  add(b, "\n", 1);
  if (query.length > 0) add_query(b, query);
  add(b, "\n", 1);
}

/* Builds the canonical form of the request at index 1. */
static void canonicalize(lua_State *L, struct signing *s) {
  struct buffer *b = &s->canonical;
  open_buffer(L, b);
  add_target(L, b);
  lua_settop(L, b->slot);
  lua_getfield(L, 1, "headers");
  luaL_argcheck(L, lua_istable(L, -1), 1, "headers is not a table");
  add_headers(L, s, lua_gettop(L));
  add(b, "\n", 1);
  add_hash(b, optional(L, 1, "body"));
  lua_settop(L, b->slot);
}

/* Reads region and service from index on. */
static void check_scope(lua_State *L, struct signing *s, int index) {
  int i;
  s->scope[DATE] = bytes(s->time, DATE_SIZE);
  s->scope[END] = bytes("aws4_request", 12);
  for (i = REGION; i <= SERVICE; i++, index++) {
    s->scope[i].at = luaL_checklstring(L, index, &s->scope[i].length);
    luaL_argcheck(L, is_token(s->scope[i]), index, "is not a token");
  }
}

static void add_scope(struct buffer *b, const struct bytes *scope) {
  size_t i;
  for (i = 0; i < SCOPE_PARTS; i++) {
    if (i > 0) add(b, "/", 1);
    add(b, scope[i].at, scope[i].length);
  }
}

static void add_string_to_sign(struct buffer *b, const struct signing *s) {
  add_text(b, ALGORITHM "\n");
  add(b, s->time, TIME_SIZE);
  add(b, "\n", 1);
  add_scope(b, s->scope);
  add(b, "\n", 1);
  add_hash(b, bytes(s->canonical.bytes, s->canonical.length));
}

static int hmac(struct bytes key, struct bytes message, unsigned char *mac) {
  return key.length <= INT_MAX &&
         HMAC(EVP_sha256(), key.at, (int)key.length,
              (const unsigned char *)message.at, message.length, mac, NULL);
}

static int derive(struct bytes key, const struct bytes *scope,
                  unsigned char *signing_key) {
  unsigned char steps[SCOPE_PARTS][HASH_SIZE];
  int i, ok = 1;
  for (i = 0; ok && i < SCOPE_PARTS; i++) {
    ok = hmac(key, scope[i], steps[i]);
    key = bytes(steps[i], HASH_SIZE);
  }
  if (ok) memcpy(signing_key, steps[END], HASH_SIZE);
  OPENSSL_cleanse(steps, sizeof steps);
  return ok;
}

/* The key of that identity, derived unless cached; NULL if OpenSSL refuses. */
static const unsigned char *find_key(struct key_cache *cache,
                                     const unsigned char *identity,
                                     struct bytes secret,
                                     const struct bytes *scope) {
  struct key_slot *slot;
  for (slot = cache->slots; slot < cache->slots + KEY_SLOTS; slot++)
    if (memcmp(slot->identity, identity, HASH_SIZE) == 0) return slot->key;
  slot = &cache->slots[cache->next++ % KEY_SLOTS];
  OPENSSL_cleanse(slot, sizeof *slot);
  if (!derive(secret, scope, slot->key)) return NULL;
  memcpy(slot->identity, identity, HASH_SIZE);
  return slot->key;
}

/* Signs text. The secret's copy is the last thing in b, and does not stay. */
static int sign(struct key_cache *cache, struct buffer *b, struct bytes secret,
                const struct bytes *scope, struct bytes text,
                unsigned char *mac) {
  unsigned char identity[HASH_SIZE];
  const unsigned char *key = NULL;
  size_t start;
  add_scope(b, scope);
  add(b, "", 1);
  start = b->length;
  reserve(b, 4 + secret.length);  /* from here on nothing raises */
  add(b, "AWS4", 4);
  add(b, secret.at, secret.length);
  secret = bytes(b->bytes + start, 4 + secret.length);
  if (SHA256((const unsigned char *)b->bytes, b->length, identity) != NULL)
    key = find_key(cache, identity, secret, scope);
  OPENSSL_cleanse(b->bytes + start, secret.length);
  return key != NULL && hmac(bytes(key, HASH_SIZE), text, mac);
}

/* Signs what stands at 1 to 4: request, credentials, region, service. */
static void sign_request(lua_State *L, struct signing *s) {
  struct key_cache *cache = lua_touserdata(L, lua_upvalueindex(1));
  struct buffer text, scratch;
  struct bytes secret;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  check_scope(L, s, 3);
  canonicalize(L, s);
  open_buffer(L, &text);
  open_buffer(L, &scratch);
  add_string_to_sign(&text, s);
  secret = required(L, 2, "secret_access_key");
  if (!sign(cache, &scratch, secret, s->scope, bytes(text.bytes, text.length),
            s->mac))
    luaL_error(L, "OpenSSL refuses HMAC-SHA-256");
}

/* canonical_request(request) -> string, signed_headers */
static int sigv4_canonical_request(lua_State *L) {
  struct signing s;
  luaL_checktype(L, 1, LUA_TTABLE);
  canonicalize(L, &s);
  lua_pushlstring(L, s.canonical.bytes, s.canonical.length);
  lua_pushlstring(L, s.canonical.bytes + s.signed_headers, s.signed_length);
  return 2;
}

/* string_to_sign(request, region, service) -> string */
static int sigv4_string_to_sign(lua_State *L) {
  struct signing s;
  struct buffer text;
  luaL_checktype(L, 1, LUA_TTABLE);
  check_scope(L, &s, 2);
  canonicalize(L, &s);
  open_buffer(L, &text);
  add_string_to_sign(&text, &s);
  lua_pushlstring(L, text.bytes, text.length);
  return 1;
}

/* signature(request, credentials, region, service) -> 64 hex digits */
static int sigv4_signature(lua_State *L) {
  struct signing s;
  struct buffer text;
  sign_request(L, &s);
  open_buffer(L, &text);
  add_hex(&text, s.mac);
  lua_pushlstring(L, text.bytes, text.length);
  return 1;
}

/* authorization(request, credentials, region, service) -> header value */
static int sigv4_authorization(lua_State *L) {
  struct signing s;
  struct buffer text;
  struct bytes key_id;
  sign_request(L, &s);
  key_id = required_token(L, 2, "access_key_id");
  open_buffer(L, &text);
  add_text(&text, ALGORITHM " Credential=");
  add(&text, key_id.at, key_id.length);
  add(&text, "/", 1);
  add_scope(&text, s.scope);
  add_text(&text, ", SignedHeaders=");
  add(&text, s.canonical.bytes + s.signed_headers, s.signed_length);
  add_text(&text, ", Signature=");
  add_hex(&text, s.mac);
  lua_pushlstring(L, text.bytes, text.length);
  return 1;
}

static int key_cache_gc(lua_State *L) {
  struct key_cache *cache = luaL_checkudata(L, 1, KEY_CACHE);
  OPENSSL_cleanse(cache, sizeof *cache);
  return 0;
}

static void push_key_cache(lua_State *L) {
  struct key_cache *cache = lua_newuserdata(L, sizeof *cache);
  memset(cache, 0, sizeof *cache);
  luaL_newmetatable(L, KEY_CACHE);
  lua_pushcfunction(L, key_cache_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, KEY_CACHE);
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
}

static const luaL_Reg FUNCTIONS[] = {
  { "authorization", sigv4_authorization },
  { "canonical_request", sigv4_canonical_request },
  { "signature", sigv4_signature },
  { "string_to_sign", sigv4_string_to_sign },
  { NULL, NULL },
};

int luaopen_lmigrationhub_sigv4(lua_State *L);

int luaopen_lmigrationhub_sigv4(lua_State *L) {
  lua_newtable(L);
  push_key_cache(L);
  luaL_setfuncs(L, FUNCTIONS, 1);
  return 1;
}
