/*
 * Runs a function of Lua on libFuzzer's inputs: spec/fuzz/<name>.lua gives it,
 * where <name> is the program's. What it raises is a finding.
 * The library's C modules are linked in, with sanitizers. Of its Lua code the
 * steps from line to line are told to libFuzzer, which knows C alone.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#define COUNTERS 16384
#define OURS "@./lmigrationhub/"
#define GENERATED "=reader"

int luaopen_lmigrationhub_digest(lua_State *L);
int luaopen_lmigrationhub_sigv4(lua_State *L);
int luaopen_lmigrationhub_utf8(lua_State *L);
int LLVMFuzzerInitialize(int *count, char ***values);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((section("__libfuzzer_extra_counters"), used))
static uint8_t counters[COUNTERS];

static lua_State *state;
static unsigned previous; /* line, as a hash */

static const luaL_Reg MODULES[] = {
  { "lmigrationhub.digest", luaopen_lmigrationhub_digest },
  { "lmigrationhub.sigv4", luaopen_lmigrationhub_sigv4 },
  { "lmigrationhub.utf8", luaopen_lmigrationhub_utf8 },
  { NULL, NULL },
};

/* FNV-1a; 0 for what is not the library's. */
static unsigned hash_source(const char *source) {
  unsigned hash = 2166136261U;
  if (strncmp(source, OURS, sizeof OURS - 1) != 0 &&
      strcmp(source, GENERATED) != 0) return 0;
  for (; *source != '\0'; source++)
    hash = (hash ^ (unsigned char)*source) * 16777619U;
  return hash | 1;
}

/* A source lives as long as its functions, which the state keeps. */
static void count_step(lua_State *L, lua_Debug *at) {
  static const char *source;
  static unsigned hash;
  unsigned line;
  lua_getinfo(L, "S", at);
  if (at->source != source) {
    source = at->source;
    hash = hash_source(source);
  }
  if (hash == 0) return;
  line = (hash ^ (unsigned)at->currentline) * 2654435761U;
  counters[(line ^ previous >> 1) % COUNTERS]++;
  previous = line;
}

static int add_trace(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void stop(const char *message) {
  (void)fprintf(stderr, "%s\n", message);
  abort();
}

static void preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, MODULES, 0);
  lua_getglobal(L, "package");
  lua_pushliteral(L, "./?.lua;./?/init.lua;/usr/share/lua/5.4/?.lua");
  lua_setfield(L, -2, "path");
  lua_settop(L, 0);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's signature */
int LLVMFuzzerInitialize(int *count, char ***values) {
  const char *slash = strrchr((*values)[0], '/');
  (void)count;
  state = luaL_newstate();
  if (state == NULL) stop("no memory for Lua");
  luaL_openlibs(state);
  preload(state);
  lua_pushcfunction(state, add_trace);
  lua_pushfstring(state, "spec/fuzz/%s.lua",
                  slash != NULL ? slash + 1 : (*values)[0]);
  if (luaL_dofile(state, lua_tostring(state, 2)))
    stop(lua_tostring(state, -1));
  lua_remove(state, 2);
  return 0;
}

/* On the stack: add_trace, the function. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  previous = 0;
  lua_sethook(state, count_step, LUA_MASKLINE, 0);
  lua_pushvalue(state, 2);
  lua_pushlstring(state, (const char *)data, size);
  if (lua_pcall(state, 1, 0, 1) != LUA_OK) stop(lua_tostring(state, -1));
  return 0;
}
