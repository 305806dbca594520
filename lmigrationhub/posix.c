/*
** What a credential provider needs of the operating system and Lua lacks: a
** program run without a shell and within limits, and a file that nobody else
** may read. Source: POSIX.1-2008.
*/
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compat.h"

#define TIMEOUT 60.0        /* seconds */
#define MAX_TIMEOUT 86400.0
#define MAX_OUTPUT 65536    /* bytes */
#define MOST_OUTPUT 16777216
#define TAIL_SIZE 1024      /* bytes that are kept of stderr */
#define CHUNK_SIZE 4096
#define SLICE 0.05          /* seconds between looks at a running program */
#define SHORT_SLICE 0.001   /* the same when it closed its output */
#define KILL_GRACE 1.0      /* seconds that a killed program has to vanish */

/* Files that the host opened without O_CLOEXEC; older C libraries cannot. */
#if defined __GLIBC__ && defined __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
#define close_others(files) posix_spawn_file_actions_addclosefrom_np(files, 3)
#endif
#endif
#ifndef close_others
#define close_others(files) ((void)(files), 0)
#endif

extern char **environ;

struct run {
  pid_t pid;
  int out, err;             /* our ends of its pipes; -1: closed */
  bool reaped, lost;        /* lost: somebody else took its status */
  int status;               /* of waitpid */
  char *output;
  size_t length, size;
  char tail[TAIL_SIZE];
  size_t tail_length;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void close_end(int *end) {
  if (*end >= 0) close(*end);
  *end = -1;
}

/* -- start --------------------------------------------------------------- */

/* The ends leave 0, 1 and 2 free, wherever the host closed those. */
static int open_pipe(int ends[2]) {
  int low[2], problem;
  ends[0] = ends[1] = -1;
  if (pipe(low) != 0) return errno;
  ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 3);
  ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 3);
  problem = ends[0] < 0 || ends[1] < 0 ? errno : 0;
  close(low[0]);
  close(low[1]);
  return problem;
}

static int add_files(posix_spawn_file_actions_t *files, int out, int err) {
  int problem =
    posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
  if (problem == 0) problem = posix_spawn_file_actions_adddup2(files, out, 1);
  if (problem == 0) problem = posix_spawn_file_actions_adddup2(files, err, 2);
  if (problem == 0) problem = close_others(files);
  return problem;
}

/* A group of its own, to be killed as one; nothing blocked or ignored. */
static int add_attributes(posix_spawnattr_t *attributes) {
  const int flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                    POSIX_SPAWN_SETSIGDEF;
  sigset_t none, ignored;
  int problem;
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  sigaddset(&ignored, SIGCHLD);
  problem = posix_spawnattr_setflags(attributes, (short)flags);
  if (problem == 0) problem = posix_spawnattr_setpgroup(attributes, 0);
  if (problem == 0) problem = posix_spawnattr_setsigmask(attributes, &none);
  if (problem == 0)
    problem = posix_spawnattr_setsigdefault(attributes, &ignored);
  return problem;
}

static int spawn(struct run *r, char **argv, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int problem = posix_spawn_file_actions_init(&files);
  if (problem != 0) return problem;
  problem = posix_spawnattr_init(&attributes);
  if (problem == 0) {
    problem = add_files(&files, out, err);
    if (problem == 0) problem = add_attributes(&attributes);
    if (problem == 0)
      problem =
        posix_spawnp(&r->pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&files);
  return problem;
}

static int start(struct run *r, char **argv) {
  int out[2], err[2] = { -1, -1 };
  int problem = open_pipe(out);
  if (problem == 0) problem = open_pipe(err);
  if (problem == 0) problem = spawn(r, argv, out[1], err[1]);
  close_end(&out[1]);
  close_end(&err[1]);
  r->out = out[0];
  r->err = err[0];
  return problem;
}

/* -- watch --------------------------------------------------------------- */

static void keep_tail(struct run *r, const char *bytes, size_t length) {
  size_t kept = TAIL_SIZE - length;
  if (kept > r->tail_length) kept = r->tail_length;
  memmove(r->tail, r->tail + r->tail_length - kept, kept);
  memcpy(r->tail + kept, bytes, length);
  r->tail_length = kept + length;
}

static ssize_t read_some(int *end, char *bytes, size_t size) {
  ssize_t count;
  do count = read(*end, bytes, size);
  while (count < 0 && errno == EINTR);
  if (count <= 0) close_end(end);
  return count;
}

/* Is it within its bounds? One byte more than allowed finds the bound. */
static bool read_output(struct run *r) {
  char chunk[CHUNK_SIZE];
  const size_t room = r->size - r->length + 1;
  const ssize_t count =
    read_some(&r->out, chunk, room < sizeof chunk ? room : sizeof chunk);
  if (count <= 0) return true;
  if ((size_t)count == room) return false;
  memcpy(r->output + r->length, chunk, (size_t)count);
  r->length += (size_t)count;
  return true;
}

static void read_errors(struct run *r) {
  char chunk[TAIL_SIZE];
  const ssize_t count = read_some(&r->err, chunk, sizeof chunk);
  if (count > 0) keep_tail(r, chunk, (size_t)count);
}

static void reap(struct run *r) {
  const pid_t found = r->reaped ? 0 : waitpid(r->pid, &r->status, WNOHANG);
  if (found == r->pid) r->reaped = true;
  if (found < 0 && errno == ECHILD) r->reaped = r->lost = true;
}

/* Waits until there is something to read; the count of pipes that have. */
static int poll_pipes(struct run *r, double seconds, struct pollfd pipes[2]) {
  pipes[0].fd = r->out;
  pipes[1].fd = r->err;
  pipes[0].events = pipes[1].events = POLLIN;
  pipes[0].revents = pipes[1].revents = 0;
  return poll(pipes, 2, (int)(seconds * 1000 + 0.999));
}

static double slice(const struct run *r, double left) {
  const double most = r->out < 0 && r->err < 0 ? SHORT_SLICE : SLICE;
  if (r->reaped) return 0;
  return left < most ? left : most;
}

/* NULL when the program ended, else what it did wrong. When it ended, what
   is in the pipes is read; a process that it left behind may keep them. */
static const char *watch(struct run *r, double deadline) {
  struct pollfd pipes[2];
  for (;;) {
    const double left = deadline - now();
    const bool was_reaped = r->reaped;
    int ready;
    if (left <= 0) return "it took longer than its time limit";
    ready = poll_pipes(r, slice(r, left), pipes);
    if (ready > 0 && pipes[1].revents != 0) read_errors(r);
    if (ready > 0 && pipes[0].revents != 0 && !read_output(r))
      return "it printed more than its output limit";
    if (ready == 0 && was_reaped) return NULL;
    reap(r);
  }
}

static void kill_group(struct run *r) {
  const double deadline = now() + KILL_GRACE;
  const struct timespec pause = { 0, 1000000 };
  kill(-r->pid, SIGKILL);
  for (reap(r); !r->reaped && now() < deadline; reap(r))
    nanosleep(&pause, NULL);
}

/* The program from start to end, NULL or what went wrong. Holds back SIGCHLD:
   nginx reaps every child in that signal's handler. */
static const char *run(struct run *r, char **argv, double timeout) {
  const double deadline = now() + timeout;
  const char *problem;
  sigset_t child, before;
  int error;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &child, &before);
  error = start(r, argv);
  /* NOLINTNEXTLINE(concurrency-mt-unsafe): texts of known errors stay */
  problem = error != 0 ? strerror(error) : watch(r, deadline);
  if (error == 0 && problem != NULL) kill_group(r);
  close_end(&r->out);
  close_end(&r->err);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (problem == NULL && r->lost)
    problem = "its exit status is lost: the program ignores SIGCHLD";
  return problem;
}

/* -- bindings ------------------------------------------------------------ */

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

/* run(argv, { timeout =, max_output = }) -> status, output, end of stderr
   | nil, message; status: exit code, or minus the signal that ended it */
static int posix_run(lua_State *L) {
  char **argv;
  double timeout, size;
  struct run *r;
  const char *problem;
  lua_settop(L, 2);
  argv = check_argv(L, 1);
  timeout = option(L, 2, "timeout", TIMEOUT, MAX_TIMEOUT);
  size = option(L, 2, "max_output", MAX_OUTPUT, MOST_OUTPUT);
  r = lua_newuserdata(L, sizeof *r + (size_t)size);
  memset(r, 0, sizeof *r);
  r->output = (char *)(r + 1);
  r->size = (size_t)size;
  problem = run(r, argv, timeout);
  if (problem != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, problem);
    return 2;
  }
  lua_pushinteger(L, WIFEXITED(r->status) ? WEXITSTATUS(r->status)
                                          : -WTERMSIG(r->status));
  lua_pushlstring(L, r->output, r->length);
  lua_pushlstring(L, r->tail, r->tail_length);
  return 3;
}

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

static const luaL_Reg FUNCTIONS[] = {
  { "run", posix_run },
  { "write_private", posix_write_private },
  { NULL, NULL },
};

int luaopen_lmigrationhub_posix(lua_State *L);

int luaopen_lmigrationhub_posix(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, FUNCTIONS, 0);
  return 1;
}
