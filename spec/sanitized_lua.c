/* Lua 5.4 linked with the sanitizers: `sanitized_lua [-e text] script
   arguments…`, the one or the other. Preloading their runtime instead would
   load it into child processes too. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static lua_State *running;

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

static void stop(lua_State *L, lua_Debug *where) {
  (void)where;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

/* As in Lua's own interpreter: lua_sethook is for signal handlers too. */
static void interrupt(int number) {
  const int any = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  (void)signal(number, SIG_DFL);
  /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
  lua_sethook(running, stop, any, 1);
}

int main(int count, char **values) {
  if (count < 2) return 2;
  lua_State *L = luaL_newstate();
  if (L == NULL) return 2;
  luaL_openlibs(L);
  set_arguments(L, count, values);
  running = L;
  (void)signal(SIGINT, interrupt);
  int is_text = count > 2 && strcmp(values[1], "-e") == 0;
  int failed = is_text ? luaL_dostring(L, values[2]) != LUA_OK
                       : luaL_dofile(L, values[1]) != LUA_OK;
  if (failed) (void)fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return failed;
}
