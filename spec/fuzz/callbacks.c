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

/* What the lines of a head, or of trailers, are told apart by. */
static const struct { const char *text; int flags; } PATTERNS[] = {
  { "^[^\001-\010\012-\037\177]*\r?\n$", 0 },
  { "^HTTP/1\\.[01] [1-5][0-9][0-9][ \r\n]", 0 },
  { "^HTTP/1\\.0", 0 },
  { "^[-!#$%&'*+.^_`|~0-9A-Za-z]+:", 0 },
  { "^(Content-Length|Transfer-Encoding):", REG_ICASE },
  { "^Content-Length:[ \t]*[0-9]+[ \t]*\r?\n$", REG_ICASE },
  { "^Transfer-Encoding:[ \t]*chunked[ \t]*\r?\n$", REG_ICASE },
};

enum pattern {
  PLAIN, STATUS, OLD, FIELD, FRAMING, COUNTED, CHUNKED, PATTERNS_END
};

struct expected {
  regex_t patterns[PATTERNS_END];
  char *head, *body;
  size_t head_length, body_length, header_bytes;
  int status, interim;
  bool in_body, old, framed; /* old: HTTP/1.0 */
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

/* A zero byte ends the text for the regular expressions: nothing matches. */
static bool matches(enum pattern pattern, const char *line, size_t length) {
  char *text = calloc(length + 1, 1);
  bool found;
  memcpy(text, line, length);
  found = strlen(text) == length &&
    regexec(&expected.patterns[pattern], text, 0, NULL, 0) == 0;
  free(text);
  return found;
}

static void expect_status(const char *line, size_t length) {
  expected.status = 0;
  if (!matches(STATUS, line, length)) {
    expected.failure = &MALFORMED;
    return;
  }
  expected.status = (int)strtol(line + 9, NULL, 10);
  expected.head_length = 0;
  expected.old = matches(OLD, line, length);
  expected.framed = false;
  if (expected.status < 200) expected.interim++;
  if (expected.status == 101 || expected.interim > MAX_INTERIM)
    expected.failure = &MALFORMED;
}

static bool is_bad_framing(const char *line, size_t length) {
  bool counted = matches(COUNTED, line, length);
  bool chunked = !expected.old && matches(CHUNKED, line, length);
  bool twice = expected.framed;
  if (!matches(FRAMING, line, length)) return false;
  expected.framed = true;
  return twice || !(counted || chunked);
}

static void expect_field(const char *line, size_t length) {
  if (!matches(FIELD, line, length) ||
      (!expected.in_body && is_bad_framing(line, length))) {
    expected.failure = &MALFORMED;
  } else if (!expected.in_body) {
    memcpy(expected.head + expected.head_length, line, length);
    expected.head_length += length;
  }
}

static void expect_header(size_t cap, const char *line, size_t length,
                          bool begins) {
  expected.header_bytes += length;
  if (expected.header_bytes > cap) {
    expected.failure = &LONG_HEAD;
  } else if (!matches(PLAIN, line, length)) {
    expected.failure = &MALFORMED;
  } else if (begins) {
    expect_status(line, length);
  } else if (*line == '\r' || *line == '\n') {
    expected.in_body = expected.status >= 200;
  } else {
    expect_field(line, length);
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
  expected.in_body = expected.old = expected.framed = false;
  expected.failure = NULL;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's signature */
int LLVMFuzzerInitialize(int *count, char ***values) {
  (void)count;
  (void)values;
  easy = curl_easy_init();
  state = luaL_newstate();
  require(easy != NULL && state != NULL, "no memory");
  for (size_t i = 0; i < PATTERNS_END; i++)
    require(regcomp(&expected.patterns[i], PATTERNS[i].text,
                    PATTERNS[i].flags | REG_EXTENDED | REG_NOSUB) == 0,
            "a bad pattern");
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
