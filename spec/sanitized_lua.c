/* Lua 5.4 linked with the sanitizers: `sanitized_lua script arguments…`.
   Preloading their runtime instead would load it into child processes too. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

/* Leaks are looked for at exit: a module that was unloaded before could not
   be named, and its globals no longer point to what they own. */
int dlclose(void *library) {
  (void)library;
  return 0;
}

static void set_arguments(lua_State *L, int count, char **values) {
  lua_newtable(L);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, values[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
}

int main(int count, char **values) {
  if (count < 2) return 2;
  lua_State *L = luaL_newstate();
  if (L == NULL) return 2;
  luaL_openlibs(L);
  set_arguments(L, count, values);
  int failed = luaL_dofile(L, values[1]) != LUA_OK;
  if (failed) (void)fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return failed;
}
