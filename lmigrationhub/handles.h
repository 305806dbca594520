/* libcurl's handles: how they are set up, used again, and let go. */
#ifndef LMIGRATIONHUB_HANDLES_H
#define LMIGRATIONHUB_HANDLES_H

#include "answer.h"
#include "sigpipe.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

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

/* -- sockets ------------------------------------------------------------- */

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

/* -- easy handles -------------------------------------------------------- */

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

/* -- the multi handle ---------------------------------------------------- */

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
