/* For specs: fork(f) runs f in a child process and gives its exit status:
   0 when f gave true, 1 when it did not, 2 when it raised. The child ends as
   another program: what it abandons on purpose is no leak to report. Only
   where coverage is counted it exits, which writes the counts. */
#define _POSIX_C_SOURCE 200809L
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int luaopen_process(lua_State *L);

static int run(lua_State *L) {
  if (lua_pcall(L, 0, 1, 0) == 0) return lua_toboolean(L, -1) ? 0 : 1;
  (void)fprintf(stderr, "child: %s\n", lua_tostring(L, -1));
  return 2;
}

static int process_fork(lua_State *L) {
  int status = -1;
  pid_t child;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  (void)fflush(NULL);
  child = fork();
  if (child < 0) return luaL_error(L, "fork failed");
  if (child == 0) {
    const char *const endings[] = { "exit 0", "exit 1", "exit 2" };
    const int result = run(L);
    if (getenv("COVERAGE") != NULL) exit(result);
    execl("/bin/sh", "sh", "-c", endings[result], (char *)NULL);
    _exit(3);
  }
  waitpid(child, &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 1;
}

int luaopen_process(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, process_fork);
  lua_setfield(L, -2, "fork");
  return 1;
}
