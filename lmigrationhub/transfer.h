/*
 * An HTTP/1.1 exchange over libcurl; nothing of Lua here and in what builds on
 * it: answer.h, handles.h, outcome.h. A multi owns what runs in it. A transfer
 * belongs to its multi while it runs and to nobody after; callbacks of libcurl
 * only fill the transfer.
 */
#ifndef LMIGRATIONHUB_TRANSFER_H
#define LMIGRATIONHUB_TRANSFER_H

#define _GNU_SOURCE /* dladdr */

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "framing.h"
#include "sockets.h"

/* The format takes the URL, or the authority, and the reason. */
struct failure { const char *kind, *format; };

static const struct failure
  UNCONNECTED = { "timeout", "no connection to %s within %s s" },
  UNANSWERED = { "timeout", "no answer from %s within %s s" },
  UNFINISHED = { "timeout", "no complete answer from %s within %s s" },
  UNREACHABLE = { "connection", "could not connect to %s: %s" },
  UNPROXIED = { "connection", "no way through the proxy to %s: %s" },
  BROKEN = { "connection", "the connection to %s broke: %s" },
  GIVEN_UP = { "connection", "the request to %s was given up: %s" },
  UNTRUSTED = { "tls", "no secure connection to %s: %s" },
  MALFORMED = { "protocol", "no valid answer from %s: %s" },
  LONG_HEAD = { "too_large", "the headers from %s exceed %s bytes" },
  LONG_BODY = { "too_large", "the body from %s exceeds %s bytes" },
  TOO_LARGE = { "too_large", "the answer from %s is too large: %s" };

struct buffer { char *data; size_t length, size; };

struct multi {
  CURLM *curl; /* NULL until it is needed */
  CURL *idle; /* easy handles at rest, each the PRIVATE of the one before */
  struct transfer *running, *lost; /* lost: ended by a fork, not yet polled */
  const char *ca_file, *ca_path, *proxy, *no_proxy; /* anchored in the env */
  size_t max_header, max_body;
  struct sockets sockets;
  pid_t owner;
  bool closed;
};

struct transfer {
  struct multi *multi; /* NULL unless running */
  struct transfer *next, **link;
  CURL *easy;
  struct curl_slist *headers;
  struct buffer head, body;
  enum { STATUS_LINE, HEADERS, BODY } expects;
  int status, interim;
  struct framing framing;
  size_t header_bytes;
  double connect, total; /* seconds */
  const struct failure *failure;
  const char *reason; /* static, or NULL: see error */
  bool head_only, stale, finished, taken; /* stale: see find_unread */
  char error[CURL_ERROR_SIZE];
  char url[]; /* without query and userinfo: for messages */
};

struct request {
  const char *method, *url, *body;
  size_t body_length;
  double connect, total; /* seconds */
};

#endif
