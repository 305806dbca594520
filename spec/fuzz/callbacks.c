/*
 * libcurl's part of the bargain, and any bytes: each header line whole, each
 * piece of a body of any size. What the callbacks keep and refuse is compared
 * with what regular expressions say.
 * An input: the caps (two bytes), header lines, then pieces of the body, each
 * after a byte that tells its size, or that a trailer line follows.
 */
/* NOLINTNEXTLINE(bugprone-suspicious-include): for its static functions */
#include "../../lmigrationhub/curl.c"

#include <lualib.h>
#include <regex.h>
#include <stdint.h>

#define TRAILER 255
#define CAP_UNIT 16 /* bytes */

struct input { const uint8_t *at; size_t left; };

struct expected {
  regex_t status_line, field;
  char *head, *body;
  size_t head_length, body_length, header_bytes;
  int status, interim;
  bool in_body;
  const struct failure *failure;
};

int LLVMFuzzerInitialize(int *count, char ***values);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct expected expected;
static CURL *easy;
static lua_State *state;

static void require(bool holds, const char *what) {
  if (holds) return;
  (void)fprintf(stderr, "%s\n", what);
  abort();
}

/* A copy of its own, beyond whose end nothing may be read. */
static char *take(struct input *in, size_t length) {
  char *copy = malloc(length);
  memcpy(copy, in->at, length);
  in->at += length;
  in->left -= length;
  return copy;
}

static size_t line_length(const struct input *in) {
  const uint8_t *feed = in->left > 0 ? memchr(in->at, '\n', in->left) : NULL;
  return feed != NULL ? (size_t)(feed - in->at) + 1 : 0;
}

static bool matches(const regex_t *pattern, const char *line, size_t length) {
  char *text = calloc(length + 1, 1);
  bool found;
  memcpy(text, line, length);
  found = regexec(pattern, text, 0, NULL, 0) == 0;
  free(text);
  return found;
}

static void expect_status(const char *line, size_t length) {
  expected.status = 0;
  if (!matches(&expected.status_line, line, length)) {
    expected.failure = &MALFORMED;
    return;
  }
  expected.status = (int)strtol(line + 9, NULL, 10);
  expected.head_length = 0;
  if (expected.status < 200) expected.interim++;
  if (expected.status == 101 || expected.interim > MAX_INTERIM)
    expected.failure = &MALFORMED;
}

static void expect_header(size_t cap, const char *line, size_t length,
                          bool begins) {
  expected.header_bytes += length;
  if (expected.header_bytes > cap) {
    expected.failure = &LONG_HEAD;
  } else if (expected.in_body) {
    return;
  } else if (begins) {
    expect_status(line, length);
  } else if (*line == '\r' || *line == '\n') {
    expected.in_body = expected.status >= 200;
  } else if (!matches(&expected.field, line, length)) {
    expected.failure = &MALFORMED;
  } else {
    memcpy(expected.head + expected.head_length, line, length);
    expected.head_length += length;
  }
}

static void expect_body(size_t cap, const char *piece, size_t length) {
  if (expected.body_length + length > cap) {
    expected.failure = &LONG_BODY;
    return;
  }
  memcpy(expected.body + expected.body_length, piece, length);
  expected.body_length += length;
}

static bool is_same(const struct buffer *b, const char *data, size_t length) {
  return b->length == length &&
    (length == 0 || memcmp(b->data, data, length) == 0);
}

/* Compares after a callback that was given so many bytes; may more come? */
static bool agree(const struct transfer *t, size_t given, size_t taken) {
  require(t->failure == expected.failure, "another failure");
  require(taken == (t->failure == NULL ? given : 0), "another count");
  require(t->status == expected.status, "another status");
  if (t->failure != NULL) return false;
  require(is_same(&t->head, expected.head, expected.head_length), "head");
  require(is_same(&t->body, expected.body, expected.body_length), "body");
  return true;
}

static bool give_line(struct transfer *t, struct input *in) {
  size_t length = line_length(in), taken;
  bool begins = t->expects == STATUS_LINE;
  char *line;
  if (length == 0) return false;
  line = take(in, length);
  taken = take_header(line, 1, length, t);
  expect_header(t->multi->max_header, line, length, begins);
  free(line);
  return agree(t, length, taken);
}

static bool give_piece(struct transfer *t, struct input *in) {
  size_t length, taken;
  char *piece;
  if (in->left == 0) return false;
  length = *in->at++;
  in->left--;
  if (length == TRAILER) return give_line(t, in);
  if (length > in->left) length = in->left;
  piece = take(in, length);
  taken = take_body(piece, 1, length, t);
  expect_body(t->multi->max_body, piece, length);
  free(piece);
  return agree(t, length, taken);
}

static bool is_bare(const char *text, size_t length) {
  return length == 0 || (!is_blank(text[0]) && !is_blank(text[length - 1]));
}

/* Of the head at the light userdata: its table, which must be in order. */
static int check_headers(lua_State *L) {
  const struct buffer *head = lua_touserdata(L, 1);
  size_t length;
  push_headers(L, head);
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    const char *name = lua_tolstring(L, -2, &length), *value;
    require(token_length(name, length) == length, "a name is no token");
    require(strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL, "a capital");
    value = lua_tolstring(L, -1, &length);
    require(is_bare(value, length) || memchr(value, ',', length), "a blank");
  }
  return 0;
}

static void receive(struct transfer *t, struct input *in) {
  bool more = true;
  while (more)
    more = t->expects == BODY ? give_piece(t, in) : give_line(t, in);
  if (t->failure != NULL) return;
  lua_settop(state, 0);
  lua_pushcfunction(state, check_headers);
  lua_pushlightuserdata(state, &t->head);
  require(lua_pcall(state, 1, 0, 0) == LUA_OK, "push_headers raised");
  lua_gc(state, LUA_GCCOLLECT); /* what is left then, is a leak */
}

static void forget(size_t size) {
  expected.head = malloc(size);
  expected.body = malloc(size);
  expected.head_length = expected.body_length = expected.header_bytes = 0;
  expected.status = expected.interim = 0;
  expected.in_body = false;
  expected.failure = NULL;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's signature */
int LLVMFuzzerInitialize(int *count, char ***values) {
  (void)count;
  (void)values;
  easy = curl_easy_init();
  state = luaL_newstate();
  require(easy != NULL && state != NULL, "no memory");
  regcomp(&expected.status_line, "^HTTP/1\\.[01] [1-5][0-9][0-9][ \r\n]",
          REG_EXTENDED | REG_NOSUB);
  regcomp(&expected.field, "^[-!#$%&'*+.^_`|~0-9A-Za-z]+:",
          REG_EXTENDED | REG_NOSUB);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct transfer *t;
  struct multi m = { 0 };
  struct input in = { data + 2, size - 2 };
  if (size < 2) return 0;
  m.max_header = CAP_UNIT * ((size_t)data[0] + 1);
  m.max_body = CAP_UNIT * ((size_t)data[1] + 1);
  t = calloc(1, sizeof *t + 1);
  t->multi = &m;
  t->easy = easy;
  forget(size);
  receive(t, &in);
  clear(&t->head);
  clear(&t->body);
  free(t);
  free(expected.head);
  free(expected.body);
  return 0;
}
