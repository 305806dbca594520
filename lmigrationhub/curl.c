/*
 * lmigrationhub.curl: start, poll, result.
 * The userdata own everything: a multi closes what runs in it, a transfer that
 * is collected is cancelled, and either may be collected first.
 */
#include "outcome.h"

#include <float.h>
#include <strings.h>
#include <time.h>

#include "compat.h"

#define MULTI "lmigrationhub.curl.multi"
#define TRANSFER "lmigrationhub.curl.transfer"
#define MAX_HEADER 65536
#define MAX_BODY 33554432

int luaopen_lmigrationhub_curl(lua_State *L);

/* -- results ------------------------------------------------------------- */

static int push_failure(lua_State *L, const struct transfer *t) {
  const char *host = strstr(t->url, "://") + 3;
  const char *reason = t->reason != NULL ? t->reason : t->error;
  if (t->failure == &UNREACHABLE || t->failure == &UNPROXIED ||
      t->failure == &UNCONNECTED)
    lua_pushlstring(L, host, strcspn(host, "/"));
  else
    lua_pushstring(L, t->url);
  lua_pushnil(L);
  lua_pushfstring(L, t->failure->format, lua_tostring(L, -2), reason);
  lua_pushstring(L, t->failure->kind);
  return 3;
}

static void push_lower(lua_State *L, const char *name, size_t length) {
  luaL_Buffer buffer;
  size_t i;
  luaL_buffinit(L, &buffer);
  for (i = 0; i < length; i++) {
    bool upper = name[i] >= 'A' && name[i] <= 'Z';
    luaL_addchar(&buffer, (char)(upper ? name[i] - 'A' + 'a' : name[i]));
  }
  luaL_pushresult(&buffer);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Sets the line "name: value" in the table on the top. */
static void set_header(lua_State *L, const char *line, size_t length) {
  size_t name = token_length(line, length), from = name + 1;
  while (from < length && is_blank(line[from])) from++;
  while (length > from && is_blank(line[length - 1])) length--;
  push_lower(L, line, name);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, line + from, length - from);
  } else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, line + from, length - from);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

static void push_headers(lua_State *L, const struct buffer *head) {
  size_t from = 0;
  lua_newtable(L);
  while (from < head->length) {
    const char *line = head->data + from;
    const char *feed = memchr(line, '\n', head->length - from);
    size_t length = (size_t)(feed - line) + 1; /* each was kept with it */
    set_header(L, line, length);
    from += length;
  }
}

/* -- arguments ----------------------------------------------------------- */

static int bad_field(lua_State *L, int argument, const char *name,
                     const char *expected) {
  const char *message = lua_pushfstring(L, "'%s' must be %s", name, expected);
  return luaL_argerror(L, argument, message);
}

/* Leaves the field on the stack, which keeps the string alive. */
static const char *string_field(lua_State *L, int argument, const char *name) {
  size_t length = 0;
  const char *text = NULL;
  lua_getfield(L, argument, name);
  if (lua_isnil(L, -1)) return NULL;
  if (lua_type(L, -1) == LUA_TSTRING) text = lua_tolstring(L, -1, &length);
  if (text == NULL || strlen(text) != length)
    bad_field(L, argument, name, "a string without NUL");
  return text;
}

/* From the table on the top. */
static double seconds_field(lua_State *L, const char *name) {
  double seconds = 0;
  lua_getfield(L, -1, name);
  if (lua_type(L, -1) == LUA_TNUMBER) seconds = (double)lua_tonumber(L, -1);
  if (!(seconds > 0 && seconds <= DBL_MAX))
    bad_field(L, 2, name, "a positive number of seconds");
  lua_pop(L, 1);
  return seconds;
}

static size_t size_field(lua_State *L, const char *name, size_t otherwise) {
  double size = 0;
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return otherwise;
  if (lua_type(L, -1) == LUA_TNUMBER) size = (double)lua_tonumber(L, -1);
  if (!(size >= 1 && size <= INT_MAX))
    bad_field(L, 1, name, "a number of bytes");
  return (size_t)size;
}

static bool is_http_url(const char *url) {
  const char *c;
  if (strncasecmp(url, "http://", 7) != 0 &&
      strncasecmp(url, "https://", 8) != 0) return false;
  for (c = url; *c != '\0'; c++)
    if ((unsigned char)*c <= ' ' || *c == 127) return false;
  return true;
}

/* Pushes the headers, and below them what keeps the strings alive. */
static void read_request(lua_State *L, struct request *r) {
  size_t length;
  luaL_checktype(L, 2, LUA_TTABLE);
  r->method = string_field(L, 2, "method");
  length = r->method == NULL ? 0 : strlen(r->method);
  if (length == 0 || token_length(r->method, length) != length)
    bad_field(L, 2, "method", "the name of a method");
  r->url = string_field(L, 2, "url");
  if (r->url == NULL || !is_http_url(r->url))
    bad_field(L, 2, "url", "an http or https URL");
  lua_getfield(L, 2, "body");
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    bad_field(L, 2, "body", "a string");
  r->body = lua_tolstring(L, -1, &r->body_length);
  lua_getfield(L, 2, "timeouts");
  if (!lua_istable(L, -1)) bad_field(L, 2, "timeouts", "a table");
  r->connect = seconds_field(L, "connect");
  r->total = seconds_field(L, "total");
  lua_getfield(L, 2, "headers");
  if (!lua_isnil(L, -1) && !lua_istable(L, -1))
    bad_field(L, 2, "headers", "a table");
}

static void append_line(lua_State *L, struct transfer *t, const char *line) {
  struct curl_slist *longer = curl_slist_append(t->headers, line);
  if (longer == NULL) luaL_error(L, "out of memory");
  t->headers = longer;
}

/* The value is on the top and is popped. */
static void add_header(lua_State *L, struct transfer *t, const char *name) {
  size_t length = 0;
  const char *value = NULL;
  if (lua_type(L, -1) == LUA_TSTRING) value = lua_tolstring(L, -1, &length);
  if (value == NULL || strcspn(value, "\r\n") != length) {
    value = lua_pushfstring(L, "header '%s' must be text of one line", name);
    luaL_argerror(L, 2, value);
  }
  value += strspn(value, " \t");
  lua_pushfstring(L, *value == '\0' ? "%s;" : "%s: %s", name, value);
  append_line(L, t, lua_tostring(L, -1));
  lua_pop(L, 2);
}

static const char *check_header_name(lua_State *L, int index) {
  size_t length = 0, valid = 0;
  const char *name = NULL;
  if (lua_type(L, index) == LUA_TSTRING) {
    name = lua_tolstring(L, index, &length);
    valid = token_length(name, length);
  }
  if (valid == 0 || valid < length) {
    lua_pushlstring(L, name, valid);
    lua_pushfstring(L, "bad header name '%s'", lua_tostring(L, -1));
    luaL_argerror(L, 2, lua_tostring(L, -1));
  }
  return name;
}

/* One value or a list of them is on the top. */
static void add_values(lua_State *L, struct transfer *t, const char *name) {
  int i;
  if (!lua_istable(L, -1)) {
    lua_pushvalue(L, -1);
    add_header(L, t, name);
    return;
  }
  for (i = 1; lua_rawgeti(L, -1, i), !lua_isnil(L, -1); i++)
    add_header(L, t, name);
  lua_pop(L, 1);
}

/* The headers, or nil, are on the top and are popped. */
static void add_headers(lua_State *L, struct transfer *t) {
  static const char *const UNWANTED[] = { "Accept:", "Content-Type:",
    "Expect:" }; /* libcurl would add them by itself */
  size_t i;
  for (i = 0; i < sizeof UNWANTED / sizeof *UNWANTED; i++)
    append_line(L, t, UNWANTED[i]);
  if (!lua_isnil(L, -1))
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
      add_values(L, t, check_header_name(L, -2));
  lua_pop(L, 1);
}

/* -- transfers ----------------------------------------------------------- */

/* Copies the URL without userinfo, query and fragment. */
static void copy_plain_url(char *to, const char *url) {
  const char *host = strstr(url, "://") + 3;
  const char *end = host + strcspn(host, "/?#"), *c;
  size_t scheme = (size_t)(host - url), rest;
  for (c = host; c < end; c++)
    if (*c == '@') host = c + 1;
  rest = strcspn(host, "?#");
  memcpy(to, url, scheme);
  memcpy(to + scheme, host, rest);
  to[scheme + rest] = '\0';
}

/* Pushes it; the multi's table, which is weak, finds it again. */
static struct transfer *new_transfer(lua_State *L, const struct request *r) {
  size_t size = sizeof(struct transfer) + strlen(r->url) + 1;
  struct transfer *t = lua_newuserdata(L, size);
  memset(t, 0, size);
  luaL_setmetatable(L, TRANSFER);
  copy_plain_url(t->url, r->url);
  t->connect = r->connect;
  t->total = r->total;
  lua_getuservalue(L, 1);
  lua_pushlightuserdata(L, t);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return t;
}

static struct transfer *check_transfer(lua_State *L) {
  struct transfer *t = luaL_checkudata(L, 1, TRANSFER);
  if (t->multi != NULL) notice_fork(t->multi);
  return t;
}

static int transfer_cancel(lua_State *L) {
  struct transfer *t = check_transfer(L);
  if (!t->finished) give_up(t, "it was cancelled");
  return 0;
}

static int transfer_gc(lua_State *L) {
  struct transfer *t = check_transfer(L);
  transfer_cancel(L);
  unlink_transfer(t);
  t->taken = true;
  clear(&t->head);
  clear(&t->body);
  return 0;
}

static int transfer_finished(lua_State *L) {
  lua_pushboolean(L, check_transfer(L)->finished);
  return 1;
}

static int transfer_result(lua_State *L) {
  struct transfer *t = check_transfer(L);
  if (!t->finished) return luaL_error(L, "the transfer has not finished");
  if (t->taken) return luaL_error(L, "the result was taken already");
  if (t->failure != NULL) return push_failure(L, t);
  lua_pushinteger(L, t->status);
  push_headers(L, &t->head);
  lua_pushlstring(L, t->body.length > 0 ? t->body.data : "", t->body.length);
  t->taken = true;
  clear(&t->head);
  clear(&t->body);
  return 3;
}

/* -- multis -------------------------------------------------------------- */

static struct multi *check_open(lua_State *L) {
  struct multi *m = luaL_checkudata(L, 1, MULTI);
  luaL_argcheck(L, !m->closed, 1, "it is closed");
  if (!open_handles(m)) luaL_error(L, "libcurl could not be started");
  return m;
}

static void check(lua_State *L, CURLMcode code) {
  if (code != CURLM_OK) luaL_error(L, "%s", curl_multi_strerror(code));
}

static int multi_start(lua_State *L) {
  struct multi *m = check_open(L);
  struct request request;
  struct transfer *t;
  lua_settop(L, 2);
  read_request(L, &request);
  t = new_transfer(L, &request);
  lua_insert(L, -2); /* below the headers */
  add_headers(L, t);
  if (!begin(m, t, &request)) luaL_error(L, "libcurl refused the request");
  check(L, perform(m)); /* it is on its way before anybody waits */
  return 1;
}

static double monotonic_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The table of transfers is at index 2; one that is being collected is not
   in it any more. */
static bool push_finished(lua_State *L, struct multi *m) {
  struct transfer *t;
  while ((t = next_finished(m)) != NULL) {
    lua_pushlightuserdata(L, t);
    lua_rawget(L, 2);
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
  }
  return false;
}

static int multi_poll(lua_State *L) {
  struct multi *m = check_open(L);
  double left = luaL_checknumber(L, 2), end = monotonic_seconds() + left;
  luaL_argcheck(L, left >= 0 && left <= DBL_MAX, 2, "not a span of time");
  lua_settop(L, 1);
  lua_getuservalue(L, 1);
  do {
    check(L, perform(m));
    if (push_finished(L, m)) return 1;
    left = end - monotonic_seconds();
    if (left > 0) check(L, await(m, left));
  } while (left > 0);
  lua_pushnil(L);
  return 1;
}

static int multi_close(lua_State *L) {
  struct multi *m = luaL_checkudata(L, 1, MULTI);
  close_handles(m);
  m->closed = true;
  return 0;
}

/* -- module -------------------------------------------------------------- */

/* A copy of the string stays in the table on the top. */
static const char *keep_option(lua_State *L, const char *name) {
  const char *text = string_field(L, 1, name);
  lua_setfield(L, -2, name);
  return text;
}

static void read_options(lua_State *L, struct multi *m) {
  m->ca_file = keep_option(L, "ca_file");
  m->ca_path = keep_option(L, "ca_path");
  if (m->ca_file != NULL && m->ca_path != NULL)
    bad_field(L, 1, "ca_path", "absent when there is a ca_file");
  m->proxy = keep_option(L, "proxy");
  if (m->proxy == NULL) m->proxy = ""; /* else the environment decides */
  m->no_proxy = keep_option(L, "no_proxy");
  if (m->no_proxy == NULL) m->no_proxy = "";
  m->max_header = size_field(L, "max_header", MAX_HEADER);
  m->max_body = size_field(L, "max_body", MAX_BODY);
}

static int curl_new(lua_State *L) {
  struct multi *m;
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  m = lua_newuserdata(L, sizeof *m);
  memset(m, 0, sizeof *m);
  luaL_setmetatable(L, MULTI);
  /* Holds the transfers, weakly, by address; and strings, which stay. */
  lua_newtable(L);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_pushvalue(L, -1);
  lua_setmetatable(L, -2);
  read_options(L, m);
  lua_settop(L, 3);
  lua_setuservalue(L, 2);
  choose_trust(m);
  return 1;
}

static const luaL_Reg MULTI_METHODS[] = {
  { "start", multi_start },
  { "poll", multi_poll },
  { "close", multi_close },
  { "__close", multi_close },
  { "__gc", multi_close },
  { NULL, NULL },
};

static const luaL_Reg TRANSFER_METHODS[] = {
  { "finished", transfer_finished },
  { "result", transfer_result },
  { "cancel", transfer_cancel },
  { "__close", transfer_cancel },
  { "__gc", transfer_gc },
  { NULL, NULL },
};

static int curl_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)monotonic_seconds());
  return 1;
}

static const luaL_Reg FUNCTIONS[] = {
  { "new", curl_new },
  { "now", curl_now },
  { NULL, NULL },
};

static void register_class(lua_State *L, const char *name,
                           const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, methods, 0);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

int luaopen_lmigrationhub_curl(lua_State *L) {
  register_class(L, MULTI, MULTI_METHODS);
  register_class(L, TRANSFER, TRANSFER_METHODS);
  luaL_newlib(L, FUNCTIONS);
  return 1;
}
