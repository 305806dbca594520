/* How a transfer ended, and in whose words. */
#ifndef LMIGRATIONHUB_OUTCOME_H
#define LMIGRATIONHUB_OUTCOME_H

#include "handles.h"

#include <stdio.h>

/* Did the connection end, rather than the two sides disagree? libcurl has one
   code for both. */
static bool is_broken_handshake(const struct transfer *t) {
  return strstr(t->error, "Recv failure") != NULL ||
         strstr(t->error, "Send failure") != NULL ||
         strstr(t->error, "SSL_ERROR_SYSCALL") != NULL;
}

/* libcurl has no code for it. */
static bool is_bad_chunk(const struct transfer *t) {
  return strstr(t->error, "chunked-encod") != NULL;
}

static const struct failure *classify(struct transfer *t, CURLcode code) {
  curl_off_t ready = 0; /* microseconds until the request could be sent */
  bool proxied = t->multi->proxy[0] != '\0';
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT:
    curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    if (ready == 0) return &UNCONNECTED;
    return t->expects == BODY ? &UNFINISHED : &UNANSWERED;
  case CURLE_COULDNT_CONNECT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return proxied ? &UNPROXIED : &UNREACHABLE;
  case CURLE_SSL_CONNECT_ERROR:
    return is_broken_handshake(t) ? &BROKEN : &UNTRUSTED;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_ISSUER_ERROR:
    return &UNTRUSTED;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING: /* Transfer-Encoding too */
    return &MALFORMED;
  case CURLE_FILESIZE_EXCEEDED:
    return &LONG_BODY;
#if LIBCURL_VERSION_NUM >= 0x080600
  case CURLE_TOO_LARGE:
#endif
  case CURLE_OUT_OF_MEMORY: /* older ones say so of a header line */
    t->reason = "out of memory, or a header line beyond libcurl's limit";
    return &TOO_LARGE;
  default:
    return is_bad_chunk(t) ? &MALFORMED : &BROKEN;
  }
}

/* Words that keep the proxy's URL out, which may hold a password. */
static const char *why_unreachable(const struct transfer *t, CURLcode code) {
  long number = 0;
  curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
  if (code == CURLE_COULDNT_CONNECT && number != 0)
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): texts of known errors stay */
    return strerror((int)number);
  return curl_easy_strerror(code);
}

/* Fills in what the failure's format wants besides the URL, cut to size. */
static void describe(struct transfer *t, CURLcode code) {
  const struct failure *failure = t->failure;
  const size_t size = sizeof t->error;
  char *c;
  if (failure == &UNCONNECTED)
    (void)snprintf(t->error, size, "%g",
                   t->connect < t->total ? t->connect : t->total);
  else if (failure == &UNANSWERED || failure == &UNFINISHED)
    (void)snprintf(t->error, size, "%g", t->total);
  else if (failure == &LONG_HEAD)
    (void)snprintf(t->error, size, "%zu", t->multi->max_header);
  else if (failure == &LONG_BODY)
    (void)snprintf(t->error, size, "%zu", t->multi->max_body);
  else if (failure == &UNREACHABLE || failure == &UNPROXIED)
    (void)snprintf(t->error, size, "%s", why_unreachable(t, code));
  else if (t->error[0] == '\0')
    (void)snprintf(t->error, size, "%s", curl_easy_strerror(code));
  for (c = t->error; *c != '\0'; c++)
    if (iscntrl((unsigned char)*c)) *c = ' '; /* one line */
}

static void finish(struct transfer *t, CURLcode code) {
  if (code != CURLE_OK && t->failure == NULL) t->failure = classify(t, code);
  if (code == CURLE_OK && t->expects != BODY)
    fail(t, &BROKEN, "it ended inside the headers");
  if (t->failure != NULL) describe(t, code);
  release(t);
}

/* Puts a transfer back to its start, before anything was sent. */
static bool restart(struct transfer *t) {
  struct guard guard = block_sigpipe();
  CURLM *curl = t->multi->curl;
  bool good = curl_multi_remove_handle(curl, t->easy) == CURLM_OK &&
    curl_multi_add_handle(curl, t->easy) == CURLM_OK;
  restore_sigpipe(&guard);
  t->stale = false;
  t->error[0] = '\0';
  return good;
}

static struct transfer *transfer_of(CURL *easy) {
  char *context = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &context);
  return (void *)context;
}

/* The next transfer that ended, or NULL. */
static struct transfer *next_finished(struct multi *m) {
  struct transfer *t = m->lost;
  const struct CURLMsg *message;
  int left;
  if (t != NULL) {
    unlink_transfer(t);
    return t;
  }
  while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
    CURLcode code = message->data.result; /* it dies with the next call */
    t = transfer_of(message->easy_handle);
    if (t->stale && restart(t)) continue;
    finish(t, code);
    return t;
  }
  return NULL;
}

#endif
