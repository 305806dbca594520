/*
 * What a credential provider needs of the operating system and Lua lacks: a
 * program run in the background, and a file that nobody else may read. Source:
 * POSIX.1-2008.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "program.h"

#define PROGRAM "lmigrationhub.posix.program"

#define TIMEOUT 60.0        /* seconds */
#define MAX_TIMEOUT 86400.0
#define MAX_OUTPUT 65536    /* bytes */
#define MOST_OUTPUT 16777216

/* -- programs ------------------------------------------------------------ */

/* The strings stay where the table at `index` holds them. */
static char **check_argv(lua_State *L, int index) {
  size_t count, i, length;
  char **argv;
  luaL_checktype(L, index, LUA_TTABLE);
  count = (size_t)lua_rawlen(L, index);
  luaL_argcheck(L, count > 0, index, "no program");
  argv = lua_newuserdata(L, (count + 1) * sizeof *argv);
  for (i = 0; i < count; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "not a string");
    argv[i] = (char *)lua_tolstring(L, -1, &length);
    luaL_argcheck(L, strlen(argv[i]) == length, index, "a zero byte");
    lua_pop(L, 1);
  }
  argv[count] = NULL;
  return argv;
}

static double option(lua_State *L, int index, const char *name,
                     double standard, double most) {
  double value = standard;
  if (lua_isnoneornil(L, index)) return value;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1)) value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  luaL_argcheck(L, value > 0 && value <= most, index, name);
  return value;
}

/* start(argv, { timeout =, max_output = }) -> program | nil, message */
static int posix_start(lua_State *L) {
  char **argv;
  double timeout, size;
  struct program *p;
  int problem;
  lua_settop(L, 2);
  argv = check_argv(L, 1);
  timeout = option(L, 2, "timeout", TIMEOUT, MAX_TIMEOUT);
  size = option(L, 2, "max_output", MAX_OUTPUT, MOST_OUTPUT);
  p = lua_newuserdata(L, sizeof *p + (size_t)size);
  memset(p, 0, sizeof *p);
  p->report = -1;
  p->size = (size_t)size;
  p->deadline = now() + timeout;
  luaL_setmetatable(L, PROGRAM);
  problem = launch(p, argv);
  if (problem == 0) return 1;
  lua_pushnil(L);
  /* NOLINTNEXTLINE(concurrency-mt-unsafe): texts of known errors stay */
  lua_pushstring(L, strerror(problem));
  return 2;
}

/* program:finished() -> is there a result? Does not wait for it. */
static int program_finished(lua_State *L) {
  struct program *p = luaL_checkudata(L, 1, PROGRAM);
  const bool is_late = now() > p->deadline + 2 * KILL_GRACE;
  if (p->report >= 0 && (read_report(p) || is_late)) end(p);
  lua_pushboolean(L, p->report < 0);
  return 1;
}

/* program:result() -> status, output, end of stderr | nil, message; status:
   exit code, or minus the signal that ended it */
static int program_result(lua_State *L) {
  struct program *p = luaL_checkudata(L, 1, PROGRAM);
  size_t room;
  luaL_argcheck(L, p->report < 0, 1, "the program has not finished");
  if (place(p, &room) != NULL || p->told.problem[0] != '\0') {
    lua_pushnil(L);
    lua_pushstring(L, room > 0 ? "its supervisor was killed"
                               : p->told.problem);
    return 2;
  }
  lua_pushinteger(L, p->told.status);
  lua_pushlstring(L, p->output, p->told.length);
  lua_pushlstring(L, p->told.tail, p->told.tail_length);
  return 3;
}

static int program_gc(lua_State *L) {
  end(luaL_checkudata(L, 1, PROGRAM));
  return 0;
}

/* -- private files ------------------------------------------------------- */

static bool write_all(int file, const char *text, size_t length) {
  while (length > 0) {
    const ssize_t count = write(file, text, length);
    if (count < 0 && errno != EINTR) return false;
    if (count < 0) continue;
    text += count;
    length -= (size_t)count;
  }
  return true;
}

/* mkstemp opens with O_EXCL and mode 0600. */
static int replace(const char *path, char *temporary, const char *text,
                   size_t length) {
  int problem = 0, file = mkstemp(temporary);
  if (file < 0) return errno;
  if (!write_all(file, text, length) || fsync(file) != 0) problem = errno;
  if (close(file) != 0 && problem == 0) problem = errno;
  if (problem == 0 && rename(temporary, path) != 0) problem = errno;
  if (problem != 0) unlink(temporary);
  return problem;
}

/* write_private(path, text) -> true | nil, message */
static int posix_write_private(lua_State *L) {
  static const char SUFFIX[] = ".XXXXXX";
  size_t path_length, length;
  const char *path = luaL_checklstring(L, 1, &path_length);
  const char *text = luaL_checklstring(L, 2, &length);
  char *temporary;
  int problem;
  luaL_argcheck(L, strlen(path) == path_length, 1, "a zero byte");
  temporary = lua_newuserdata(L, path_length + sizeof SUFFIX);
  memcpy(temporary, path, path_length);
  memcpy(temporary + path_length, SUFFIX, sizeof SUFFIX);
  problem = replace(path, temporary, text, length);
  if (problem == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  /* NOLINTNEXTLINE(concurrency-mt-unsafe): texts of known errors stay */
  lua_pushfstring(L, "cannot write %s: %s", path, strerror(problem));
  return 2;
}

static const luaL_Reg METHODS[] = {
  { "finished", program_finished },
  { "result", program_result },
  { "__gc", program_gc },
  { NULL, NULL },
};

static const luaL_Reg FUNCTIONS[] = {
  { "start", posix_start },
  { "write_private", posix_write_private },
  { NULL, NULL },
};

int luaopen_lmigrationhub_posix(lua_State *L);

int luaopen_lmigrationhub_posix(lua_State *L) {
  luaL_newmetatable(L, PROGRAM);
  luaL_setfuncs(L, METHODS, 0);
  lua_pushstring(L, PROGRAM);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_newtable(L);
  luaL_setfuncs(L, FUNCTIONS, 0);
  return 1;
}
