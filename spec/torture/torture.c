/*
 * Lets allocations fail: torture URL HTTPS_URL CA_FILE [all]
 * Each scenario of spec/torture/scenarios.lua runs with the k-th allocation of
 * Lua, of libcurl, of OpenSSL or of the modules failing, for k = 1, 2, 3 …
 * until none is left to fail; without "all" the steps grow with k. Each time
 * the same must work right after, and in the end no allocation be left.
 * Prints TAP.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <dlfcn.h>
#include <lauxlib.h>
#include <lualib.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#define EVERY 16 /* so many k in a row; then each is a sixth further on */
#define MAX_REPORTS 5

/* The n-th call fails if first <= n <= last; 0: none. */
struct heap { long live, calls, first, last; };

struct plan { const char *what; struct heap *heap; long times; };

int luaopen_lmigrationhub_curl(lua_State *L);
int luaopen_lmigrationhub_digest(lua_State *L);
int luaopen_lmigrationhub_posix(lua_State *L);
int luaopen_lmigrationhub_sigv4(lua_State *L);
int luaopen_lmigrationhub_utf8(lua_State *L);
void *module_realloc(void *old, size_t size);
void module_free(void *old);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);

static const luaL_Reg MODULES[] = {
  { "lmigrationhub.curl", luaopen_lmigrationhub_curl },
  { "lmigrationhub.digest", luaopen_lmigrationhub_digest },
  { "lmigrationhub.posix", luaopen_lmigrationhub_posix },
  { "lmigrationhub.sigv4", luaopen_lmigrationhub_sigv4 },
  { "lmigrationhub.utf8", luaopen_lmigrationhub_utf8 },
  { NULL, NULL },
};

static struct heap of_lua, of_libcurl, of_openssl, of_modules;

/* After a failure Lua collects everything and asks once more. */
static const struct plan PLANS[] = {
  { "Lua's, so that it collects", &of_lua, 1 },
  { "Lua's, also after collecting", &of_lua, 2 },
  { "Lua's, and all after it", &of_lua, LONG_MAX },
  { "libcurl's", &of_libcurl, 1 },
  { "libcurl's, and all after it", &of_libcurl, LONG_MAX },
  { "OpenSSL's", &of_openssl, 1 },
  { "OpenSSL's, and all after it", &of_openssl, LONG_MAX },
  { "a module's", &of_modules, 1 },
};

static const char *const SCENARIOS[] = {
  "call", "call over TLS", "list", "list with prefetch", "many at once",
  "close", "load and create",
};

static int count, reports;
static bool all;

/* -- heaps --------------------------------------------------------------- */

static bool fails(struct heap *h) {
  h->calls++;
  return h->first > 0 && h->calls >= h->first && h->calls <= h->last;
}

static void release(struct heap *h, void *old) {
  if (old != NULL) h->live--;
  free(old);
}

static void *resize(struct heap *h, void *old, size_t size) {
  void *fresh;
  if (size == 0) {
    release(h, old);
    return NULL;
  }
  if (fails(h)) return NULL;
  fresh = realloc(old, size);
  if (fresh != NULL && old == NULL) h->live++;
  return fresh;
}

/* What does not grow cannot fail, says Lua's manual. */
static void *lua_resize(void *context, void *old, size_t old_size,
                        size_t size) {
  if (old != NULL && size > 0 && size <= old_size) return realloc(old, size);
  return resize(context, old, size);
}

static void *curl_malloc(size_t size) {
  return resize(&of_libcurl, NULL, size > 0 ? size : 1);
}

static void *curl_realloc(void *old, size_t size) {
  return resize(&of_libcurl, old, size);
}

static void curl_release(void *old) { release(&of_libcurl, old); }

static char *curl_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = curl_malloc(size);
  return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static void *curl_calloc(size_t number, size_t size) {
  void *fresh = curl_malloc(number * size);
  return fresh != NULL ? memset(fresh, 0, number * size) : NULL;
}

static void *openssl_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return resize(&of_openssl, NULL, size);
}

static void *openssl_realloc(void *old, size_t size, const char *file,
                             int line) {
  (void)file;
  (void)line;
  return resize(&of_openssl, old, size);
}

static void openssl_free(void *old, const char *file, int line) {
  (void)file;
  (void)line;
  release(&of_openssl, old);
}

void *module_realloc(void *old, size_t size) {
  return resize(&of_modules, old, size);
}

void module_free(void *old) { release(&of_modules, old); }

/* -- leaks --------------------------------------------------------------- */

/* Leaks are looked for at exit, when each module is still to have a name. */
int dlclose(void *library) {
  (void)library;
  return 0;
}

const char *__lsan_default_options(void) { return "print_suppressions=0"; }

/* Its decoder leaves a buffer behind when Lua has no memory for a value. */
const char *__lsan_default_suppressions(void) { return "leak:cjson.so"; }

/* -- trials -------------------------------------------------------------- */

static void explain(const char *scenario, const struct plan *plan, long k,
                    const char *problem) {
  if (reports++ < MAX_REPORTS)
    printf("  %s, %s %ld: %s\n", scenario, plan->what, k, problem);
}

static void stop(const char *problem) {
  printf("Bail out! %s\n", problem);
  exit(1);
}

/* On the top is what was raised. Does it speak of memory, in whose words ever?
   A mistake of the library's own shows as Lua's complaint. */
static bool is_honest(lua_State *L, const char **text) {
  lua_getglobal(L, "tostring");
  lua_pushvalue(L, -2);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_type(L, -1) != LUA_TSTRING) {
    *text = "what was raised is no error object";
    return false;
  }
  *text = lua_tostring(L, -1);
  return strstr(*text, "attempt to") == NULL &&
         strstr(*text, "assertion") == NULL;
}

static lua_State *open_state(char **arguments) {
  lua_State *L = lua_newstate(lua_resize, &of_lua);
  if (L == NULL) stop("no memory for Lua");
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, MODULES, 0);
  lua_settop(L, 0);
  if (luaL_loadfile(L, "spec/torture/scenarios.lua") != LUA_OK)
    stop(lua_tostring(L, -1));
  lua_pushstring(L, arguments[1]);
  lua_pushstring(L, arguments[2]);
  lua_pushstring(L, arguments[3]);
  if (lua_pcall(L, 3, 1, 0) != LUA_OK) stop(lua_tostring(L, -1));
  return L;
}

/* The function on the top, with failures. Was there one? */
static bool run_failing(lua_State *L, const char *scenario,
                        const struct plan *plan, long k, bool *good) {
  struct heap *heap = plan->heap;
  const char *text;
  long calls;
  int status;
  lua_pushvalue(L, -1);
  heap->calls = 0;
  heap->first = k;
  heap->last = plan->times == LONG_MAX ? LONG_MAX : k + plan->times - 1;
  status = lua_pcall(L, 0, 0, 0);
  heap->first = 0;
  calls = heap->calls;
  if (status != LUA_OK) {
    *good = status == LUA_ERRMEM || is_honest(L, &text);
    if (!*good) explain(scenario, plan, k, text);
    lua_settop(L, 2);
  }
  return calls >= k;
}

/* Is there still a k-th allocation? */
static bool try_with(char **arguments, const char *scenario,
                     const struct plan *plan, long k, bool *good) {
  lua_State *L = open_state(arguments);
  bool failed;
  lua_getfield(L, 1, scenario);
  if (lua_pcall(L, 0, 1, 0) != LUA_OK) stop(lua_tostring(L, -1));
  failed = run_failing(L, scenario, plan, k, good);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    const char *text;
    *good = false;
    is_honest(L, &text);
    explain(scenario, plan, k, text);
  }
  lua_close(L);
  ERR_clear_error(); /* the signer leaves the queue to its host */
  return failed;
}

static bool has_left(long others, long openssl) {
  return of_lua.live + of_libcurl.live + of_modules.live != others ||
         of_openssl.live > openssl;
}

/* OpenSSL keeps for the process what it makes when first asked: only what is
   left again by the same trial is a leak. */
static bool is_leaky(char **arguments, const char *scenario,
                     const struct plan *plan, long k, bool *failed) {
  bool good = true;
  int left;
  for (left = 2; left > 0; left--) {
    long others = of_lua.live + of_libcurl.live + of_modules.live;
    long openssl = of_openssl.live;
    bool worked = true;
    *failed = try_with(arguments, scenario, plan, k, &worked);
    good = good && worked;
    if (!has_left(others, openssl)) return !good;
  }
  explain(scenario, plan, k, "allocations are left");
  return true;
}

/* libcurl 7.88 frees a name twice when it cannot copy a TLS session's host:
   Curl_ssl_addsessionid leaves the freed name in its cache. */
static bool is_skipped(const char *scenario, const struct plan *plan) {
  if (plan->heap != &of_libcurl || strstr(scenario, "TLS") == NULL)
    return false;
  printf("ok %d - # SKIP %s without %s: libcurl itself frees twice\n", ++count,
         scenario, plan->what);
  return true;
}

static void perform(char **arguments, const char *scenario,
                    const struct plan *plan) {
  long k = 1, trials = 0, bad = 0;
  bool failed = true;
  reports = 0;
  if (is_skipped(scenario, plan)) return;
  for (; failed; trials++) {
    if (is_leaky(arguments, scenario, plan, k, &failed)) bad++;
    k += all || k < EVERY ? 1 : k / 6;
  }
  printf("%s %d - %s without %s (%ld trials)\n", bad == 0 ? "ok" : "not ok",
         ++count, scenario, plan->what, trials);
  (void)fflush(stdout);
}

/* Once without failure each, so that libraries have made what they keep. */
static void warm_up(char **arguments, const char *scenario) {
  bool good = true;
  try_with(arguments, scenario, PLANS, 0, &good);
  if (!good) stop("it does not work with memory either");
}

int main(int number, char **arguments) {
  size_t i, j;
  if (number < 4) return 2;
  all = number > 4;
  if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free))
    stop("OpenSSL has allocated already");
  if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, curl_release,
                           curl_realloc, curl_strdup, curl_calloc) != CURLE_OK)
    stop("libcurl does not start");
  for (i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++)
    warm_up(arguments, SCENARIOS[i]);
  for (i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++)
    for (j = 0; j < sizeof PLANS / sizeof *PLANS; j++)
      perform(arguments, SCENARIOS[i], &PLANS[j]);
  printf("1..%d\n", count);
  return 0;
}
