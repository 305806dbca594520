/*
 * How a response's header lines say where its body ends (RFC 9112, 6.3).
 * What could be understood in two ways is refused: libcurl itself would take
 * the last of two lengths, or 5 for "5, 4".
 */
#ifndef LMIGRATIONHUB_FRAMING_H
#define LMIGRATIONHUB_FRAMING_H

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct framing { bool old, counted, chunked; }; /* old: HTTP/1.0 */

/* A line without its end, and the length of the name before its colon. */
struct field { const char *line; size_t length, name; };

static bool is_named(const struct field *f, const char *name) {
  return f->name == strlen(name) && strncasecmp(f->line, name, f->name) == 0;
}

static bool is_space(char c) { return c == ' ' || c == '\t'; }

static struct field value_of(const struct field *f) {
  struct field value = { f->line + f->name + 1, f->length - f->name - 1, 0 };
  while (value.length > 0 && is_space(*value.line))
    value.line++, value.length--;
  while (value.length > 0 && is_space(value.line[value.length - 1]))
    value.length--;
  value.name = value.length;
  return value;
}

static bool is_number(const struct field *value) {
  size_t i;
  for (i = 0; i < value->length; i++)
    if (value->line[i] < '0' || value->line[i] > '9') return false;
  return i > 0;
}

/* NULL, or what is wrong with the line. */
static const char *take_framing(struct framing *framing,
                                const struct field *field) {
  const struct field value = value_of(field);
  const bool framed = framing->counted || framing->chunked;
  if (is_named(field, "Content-Length")) {
    if (framed || !is_number(&value)) return "bad Content-Length";
    framing->counted = true;
  } else if (is_named(field, "Transfer-Encoding")) {
    if (framed || framing->old || !is_named(&value, "chunked"))
      return "bad Transfer-Encoding";
    framing->chunked = true;
  }
  return NULL;
}

#endif
