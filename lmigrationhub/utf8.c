/* Where a text holds what it should not: bytes that are no UTF-8 (RFC 3629,
   section 4), control characters. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "compat.h"

#define NOT_ASCII UINT64_C(0x8080808080808080)

static size_t skip_ascii(const unsigned char *text, size_t at, size_t length) {
  uint64_t eight;
  for (; length - at >= sizeof eight; at += sizeof eight) {
    memcpy(&eight, text + at, sizeof eight);
    if (eight & NOT_ASCII) break;
  }
  while (at < length && text[at] < 0x80) at++;
  return at;
}

/* The length of the sequence that text begins with, 0 if it is ill-formed. */
static size_t sequence(const unsigned char *text, size_t left) {
  const unsigned char lead = text[0];
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  size_t i;
  if (lead < 0xC2 || lead > 0xF4 || left < length) return 0;
  if (text[1] < low || text[1] > high) return 0;
  for (i = 2; i < length; i++)
    if ((text[i] & 0xC0) != 0x80) return 0;
  return length;
}

/* first_invalid(text) -> position of the first ill-formed byte | nil */
static int utf8_first_invalid(lua_State *L) {
  size_t length, at, step;
  const char *argument = luaL_checklstring(L, 1, &length);
  const unsigned char *text = (const unsigned char *)argument;
  for (at = 0; (at = skip_ascii(text, at, length)) < length; at += step) {
    step = sequence(text + at, length - at);
    if (step > 0) continue;
    lua_pushinteger(L, (lua_Integer)at + 1);
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

/* first_control(text) -> position of the first control character but the tab,
   of ASCII | nil */
static int utf8_first_control(lua_State *L) {
  size_t length, at;
  const char *argument = luaL_checklstring(L, 1, &length);
  const unsigned char *text = (const unsigned char *)argument;
  for (at = 0; at < length; at++) {
    const bool is_control = text[at] < 0x20 || text[at] == 0x7F;
    if (!is_control || text[at] == '\t') continue;
    lua_pushinteger(L, (lua_Integer)at + 1);
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

static const luaL_Reg FUNCTIONS[] = {
  { "first_control", utf8_first_control },
  { "first_invalid", utf8_first_invalid },
  { NULL, NULL },
};

int luaopen_lmigrationhub_utf8(lua_State *L);

int luaopen_lmigrationhub_utf8(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, FUNCTIONS, 0);
  return 1;
}
