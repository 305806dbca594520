/*
 * HTTP/1.1 exchanges over libcurl; nothing of Lua.
 * A multi owns what runs in it. A transfer belongs to its multi while it runs
 * and to nobody after; callbacks of libcurl only fill the transfer.
 */
#ifndef LMIGRATIONHUB_TRANSFER_H
#define LMIGRATIONHUB_TRANSFER_H

#define _GNU_SOURCE /* dladdr */

#include <ctype.h>
#include <curl/curl.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framing.h"
#include "sockets.h"

#define MAX_INTERIM 8

#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz" \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

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

static const struct { CURLoption name; long value; } OPTIONS[] = {
  { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
  { CURLOPT_HTTP09_ALLOWED, 0 },
  { CURLOPT_NOSIGNAL, 1 },
  { CURLOPT_FOLLOWLOCATION, 0 },
  { CURLOPT_PATH_AS_IS, 1 }, /* what was signed is what is sent */
  { CURLOPT_HEADEROPT, CURLHEADER_SEPARATE }, /* not for the proxy's eyes */
  { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
  { CURLOPT_SSL_VERIFYPEER, 1 },
  { CURLOPT_SSL_VERIFYHOST, 2 },
  { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
#if LIBCURL_VERSION_NUM >= 0x075700
  { CURLOPT_QUICK_EXIT, 1 }, /* do not wait for a resolver that hangs */
#endif
};

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

/* -- what is received ---------------------------------------------------- */

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

/* A program started by the host shall not inherit our connections. */
static int note_socket(void *context, curl_socket_t fd, curlsocktype purpose) {
  struct multi *m = context;
  (void)purpose;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return add_socket(&m->sockets, fd) ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static int close_socket(void *context, curl_socket_t fd) {
  struct multi *m = context;
  remove_socket(&m->sockets, fd);
  return close(fd);
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* Bytes that nobody asked for on a kept connection would be taken for the
   answer: such a connection is closed, and the request goes over another. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's signature */
static int find_unread(void *context, char *address, char *own_address,
                       int port, int own_port) {
  struct transfer *t = context;
  long connected = 0;
  (void)address, (void)own_address, (void)port;
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connected);
  t->stale = connected == 0 && has_unread(&t->multi->sockets, own_port);
  return t->stale ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}
#endif

/* -- SIGPIPE ------------------------------------------------------------- */

/*
 * With NOSIGNAL libcurl does not guard its writes. The signal is blocked for
 * this thread and one that came is taken: the host's disposition, which is
 * shared by all threads, is never touched.
 */
struct guard { sigset_t mask; bool pending; };

static bool is_sigpipe_pending(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static struct guard block_sigpipe(void) {
  struct guard guard;
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  guard.pending = is_sigpipe_pending();
  pthread_sigmask(SIG_BLOCK, &pipe, &guard.mask);
  return guard;
}

static void restore_sigpipe(const struct guard *guard) {
  if (!guard->pending && is_sigpipe_pending()) {
    sigset_t pipe;
    int signal;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigwait(&pipe, &signal);
  }
  pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
}

/* -- handles ------------------------------------------------------------- */

static void link_to(struct transfer **list, struct transfer *t) {
  t->next = *list;
  t->link = list;
  if (t->next != NULL) t->next->link = &t->next;
  *list = t;
}

static void unlink_transfer(struct transfer *t) {
  if (t->link == NULL) return;
  *t->link = t->next;
  if (t->next != NULL) t->next->link = t->link;
  t->link = NULL;
}

/* Holds a directory what c_rehash makes, such as "4042bcee.0"? */
static bool is_hashed(const char *path) {
  DIR *directory = path != NULL ? opendir(path) : NULL;
  const struct dirent *entry;
  bool found = false;
  if (directory == NULL) return false;
  /* NOLINTNEXTLINE(concurrency-mt-unsafe): the directory is our own */
  while (!found && (entry = readdir(directory)) != NULL)
    found = strspn(entry->d_name, "0123456789abcdef") == 8 &&
      entry->d_name[8] == '.' && is_digit(entry->d_name[9]);
  closedir(directory);
  return found;
}

/*
 * One source of trust, never two: with both, libcurl reads the whole file
 * again for each connection, and a user's file would not replace the default.
 */
static void choose_trust(struct multi *m) {
#if LIBCURL_VERSION_NUM >= 0x074600
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if (m->ca_file != NULL || m->ca_path != NULL) return;
  if (info->age < CURLVERSION_SEVENTH) return;
  if (is_hashed(info->capath)) m->ca_path = info->capath;
  else m->ca_file = info->cainfo;
#else
  (void)m;
#endif
}

static bool configure_trust(CURL *easy, const struct multi *m) {
  int bad = 0;
  if (m->ca_file != NULL || m->ca_path != NULL) { /* else the default file */
    bad |= (int)curl_easy_setopt(easy, CURLOPT_CAINFO, m->ca_file);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, m->ca_file);
  }
  bad |= (int)curl_easy_setopt(easy, CURLOPT_CAPATH, m->ca_path);
  curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, m->ca_path);
  return bad == 0;
}

static bool configure(CURL *easy, struct multi *m) {
  int bad = 0;
  size_t i;
  for (i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
    bad |= (int)curl_easy_setopt(easy, OPTIONS[i].name, OPTIONS[i].value);
#if LIBCURL_VERSION_NUM >= 0x075500
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                               (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PROXY, m->proxy);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_NOPROXY, m->no_proxy);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                               (curl_off_t)m->max_body);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, m);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                               close_socket);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, m);
#if LIBCURL_VERSION_NUM >= 0x075000
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, find_unread);
#endif
  return bad == 0 && configure_trust(easy, m);
}

static CURL *take_easy(struct multi *m) {
  CURL *easy = m->idle;
  if (easy != NULL) {
    char *next = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &next);
    m->idle = next;
    return easy;
  }
  easy = curl_easy_init();
  if (easy == NULL || configure(easy, m)) return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

/* Puts the easy handle to rest; nothing in it points to the transfer then. */
static void drop_easy(struct transfer *t) {
  struct multi *m = t->multi;
  struct guard guard = block_sigpipe();
  curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
  curl_multi_remove_handle(m->curl, t->easy);
  restore_sigpipe(&guard);
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, NULL);
  curl_easy_setopt(t->easy, CURLOPT_PRIVATE, m->idle);
  m->idle = t->easy;
}

/* Ends the transfer; only the result stays. */
static void release(struct transfer *t) {
  if (t->easy != NULL) drop_easy(t);
  unlink_transfer(t);
  t->easy = NULL;
  t->multi = NULL;
  curl_slist_free_all(t->headers);
  t->headers = NULL;
  if (t->failure != NULL) {
    clear(&t->head);
    clear(&t->body);
  }
  t->finished = true;
}

static void give_up(struct transfer *t, const char *reason) {
  fail(t, &GIVEN_UP, reason);
  release(t);
}

/*
 * After a fork the connections belong to the parent, and threads of the
 * resolver are gone: libcurl's handles are left alone, memory and descriptors
 * included, since any cleanup could write to a shared socket.
 */
static void abandon(struct multi *m) {
  while (m->running != NULL) {
    struct transfer *t = m->running;
    t->easy = NULL;
    give_up(t, "the process has forked");
    link_to(&m->lost, t);
  }
  clear_sockets(&m->sockets);
  m->curl = NULL;
  m->idle = NULL;
}

static void notice_fork(struct multi *m) {
  if (m->curl != NULL && m->owner != getpid()) abandon(m);
}

/* -- how a transfer ended ------------------------------------------------ */

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

/* -- the whole ----------------------------------------------------------- */

/* A resolver thread may outlive the Lua state: its code must stay mapped. */
static void stay_loaded(void) {
  Dl_info here;
  if (dladdr(OPTIONS, &here) != 0)
    dlopen(here.dli_fname, RTLD_LAZY | RTLD_NODELETE);
}

/* Makes the multi handle when there is none, or none of this process. */
static bool open_handles(struct multi *m) {
  notice_fork(m);
  if (m->curl != NULL) return true;
  stay_loaded();
  if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
    m->curl = curl_multi_init();
  m->owner = getpid();
  return m->curl != NULL;
}

static void close_handles(struct multi *m) {
  struct guard guard;
  notice_fork(m);
  while (m->running != NULL) give_up(m->running, "its client was closed");
  while (m->lost != NULL) unlink_transfer(m->lost);
  guard = block_sigpipe();
  while (m->idle != NULL) curl_easy_cleanup(take_easy(m));
  curl_multi_cleanup(m->curl);
  clear_sockets(&m->sockets);
  m->curl = NULL;
  restore_sigpipe(&guard);
}

static long to_milliseconds(double seconds) {
  double exact = seconds * 1000;
  long whole = exact < INT_MAX ? (long)exact : INT_MAX - 1;
  return (double)whole < exact ? whole + 1 : whole; /* never 0: no deadline */
}

static bool prepare(struct transfer *t, const struct request *r) {
  int bad = 0;
  bool head = strcmp(r->method, "HEAD") == 0;
  bool bodiless = r->body == NULL && (head || strcmp(r->method, "GET") == 0);
  CURL *easy = t->easy;
  t->head_only = head;
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
  if (!bodiless) { /* says Content-Length: 0 when there is none */
    bad |= (int)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                 (curl_off_t)r->body_length);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                                 r->body != NULL ? r->body : "");
  }
  bad |= (int)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_URL, r->url);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                               to_milliseconds(r->connect));
  bad |= (int)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                               to_milliseconds(r->total));
  bad |= (int)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
#if LIBCURL_VERSION_NUM >= 0x075000
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
#endif
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
  return bad == 0;
}

/* The transfer is the multi's from here on, also when this fails. */
static bool begin(struct multi *m, struct transfer *t,
                  const struct request *r) {
  t->easy = take_easy(m);
  if (t->easy == NULL) return false;
  t->multi = m;
  link_to(&m->running, t);
  return prepare(t, r) && curl_multi_add_handle(m->curl, t->easy) == CURLM_OK;
}

static CURLMcode perform(struct multi *m) {
  struct guard guard = block_sigpipe();
  int running;
  CURLMcode code = curl_multi_perform(m->curl, &running);
  restore_sigpipe(&guard);
  return code;
}

static CURLMcode await(struct multi *m, double seconds) {
  return curl_multi_poll(m->curl, NULL, 0, (int)to_milliseconds(seconds), NULL);
}

#endif
