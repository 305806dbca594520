/*
 * What a server sends, as libcurl's callbacks hand it on: it fills a transfer,
 * or makes it fail.
 */
#ifndef LMIGRATIONHUB_ANSWER_H
#define LMIGRATIONHUB_ANSWER_H

#include "transfer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INTERIM 8

#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz" \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool append(struct buffer *b, const char *data, size_t length,
                   size_t expected) {
  if (length == 0) return true; /* there may be no data to copy to */
  if (length > b->size - b->length) {
    size_t size = b->length + (length > b->length ? length : b->length);
    char *grown;
    if (size < expected) size = expected;
    grown = realloc(b->data, size);
    if (grown == NULL) return false;
    b->data = grown;
    b->size = size;
  }
  memcpy(b->data + b->length, data, length);
  b->length += length;
  return true;
}

/* RFC 9110, 5.6.2: how many bytes of a token the text begins with. */
static size_t token_length(const char *text, size_t length) {
  size_t n = 0;
  while (n < length && text[n] != '\0' && strchr(TOKEN, text[n]) != NULL) n++;
  return n;
}

static void clear(struct buffer *b) {
  free(b->data);
  memset(b, 0, sizeof *b);
}

/* Gives 0, which makes libcurl end the transfer. */
static size_t fail(struct transfer *t, const struct failure *failure,
                   const char *reason) {
  t->failure = failure;
  t->reason = reason;
  return 0;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Gives 0 unless the line is "HTTP/1.x NNN[ reason]". */
static int parse_status(const char *line, size_t length) {
  if (length < 13 || memcmp(line, "HTTP/1.", 7) != 0) return 0;
  if ((line[7] != '0' && line[7] != '1') || line[8] != ' ') return 0;
  if (line[9] < '1' || line[9] > '5') return 0;
  if (!is_digit(line[10]) || !is_digit(line[11])) return 0;
  if (line[12] != ' ' && line[12] != '\r' && line[12] != '\n') return 0;
  return 100 * (line[9] - '0') + 10 * (line[10] - '0') + (line[11] - '0');
}

static size_t take_status_line(struct transfer *t, const char *line,
                               size_t length) {
  t->status = parse_status(line, length);
  if (t->status == 0) return fail(t, &MALFORMED, "bad status line");
  if (t->status == 101) return fail(t, &MALFORMED, "protocol switched");
  if (t->status < 200 && ++t->interim > MAX_INTERIM)
    return fail(t, &MALFORMED, "too many interim responses");
  memset(&t->framing, 0, sizeof t->framing);
  t->framing.old = line[7] == '0';
  t->head.length = 0;
  t->expects = HEADERS;
  return length;
}

/* TLS does not tell libcurl's user a body that was cut from one that ends by
   closing. */
static bool may_be_cut(const struct transfer *t) {
  return strncasecmp(t->url, "https", 5) == 0 && !t->head_only &&
    t->status != 204 && t->status != 304 &&
    !t->framing.counted && !t->framing.chunked;
}

static size_t end_head(struct transfer *t, size_t length) {
  if (t->status < 200) {
    t->expects = STATUS_LINE;
    return length;
  }
  if (may_be_cut(t))
    return fail(t, &MALFORMED, "the body's length is not told");
  t->expects = BODY;
  return length;
}

static bool has_control(const char *line, size_t length) {
  size_t i;
  for (i = 0; i < length; i++)
    if (line[i] != '\t' && iscntrl((unsigned char)line[i])) return true;
  return false;
}

static size_t without_end(const char *line, size_t length) {
  if (length > 0 && line[length - 1] == '\n') length--;
  if (length > 0 && line[length - 1] == '\r') length--;
  return length;
}

static size_t take_header(char *line, size_t one, size_t length,
                          void *context) {
  struct transfer *t = context;
  const struct field field =
    { line, without_end(line, length), token_length(line, length) };
  const char *problem;
  (void)one;
  t->header_bytes += length;
  if (t->header_bytes > t->multi->max_header) return fail(t, &LONG_HEAD, NULL);
  if (has_control(line, field.length))
    return fail(t, &MALFORMED, "a control character in a line");
  if (t->expects == STATUS_LINE) return take_status_line(t, line, length);
  if (field.length == 0)
    return t->expects == HEADERS ? end_head(t, length) : length;
  if (field.name == 0 || field.name >= field.length || line[field.name] != ':')
    return fail(t, &MALFORMED, "bad header line");
  if (t->expects == BODY) return length; /* a trailer: counted, not kept */
  problem = take_framing(&t->framing, &field);
  if (problem != NULL) return fail(t, &MALFORMED, problem);
  if (!append(&t->head, line, length, 1024))
    return fail(t, &TOO_LARGE, "out of memory");
  return length;
}

static size_t take_body(char *data, size_t one, size_t length, void *context) {
  struct transfer *t = context;
  curl_off_t announced = 0;
  (void)one;
  if (length > t->multi->max_body - t->body.length)
    return fail(t, &LONG_BODY, NULL);
  /* MAXFILESIZE has already refused to announce more than the cap. */
  if (t->body.data == NULL)
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  if (!append(&t->body, data, length, announced > 0 ? (size_t)announced : 0))
    return fail(t, &TOO_LARGE, "out of memory");
  return length;
}

#endif
