/*
 * For specs, through LD_PRELOAD: functions that refuse. REFUSE is a function's
 * name, then which of its calls refuses (else all do), then errno (else what
 * stands below): REFUSE="write 1 4" interrupts the first write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static int number = 0; /* errno that was asked for */

static bool is_refused(const char *name) {
  static int calls = 0;
  const char *plan = getenv("REFUSE");
  const size_t length = strlen(name);
  char *rest;
  long which;
  if (plan == NULL || strncmp(plan, name, length) != 0) return false;
  if (plan[length] != '\0' && plan[length] != ' ') return false;
  which = strtol(plan + length, &rest, 10);
  number = (int)strtol(rest, NULL, 10);
  return ++calls == which || which == 0;
}

static int refuse(int otherwise) {
  errno = number != 0 ? number : otherwise;
  return -1;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a type, a name, their lists */
#define REFUSING(type, name, parameters, arguments, refusal) \
  type name parameters; \
  type name parameters { \
    type (*next) parameters; \
    *(void **)&next = dlsym(RTLD_NEXT, #name); \
    return is_refused(#name) ? (refusal) : next arguments; \
  }

/* NOLINTEND(bugprone-macro-parentheses) */

/* What it points to is nobody's business here. */
typedef void any;

REFUSING(int, pipe, (int *ends), (ends), refuse(EMFILE))
REFUSING(int, fsync, (int file), (file), refuse(EIO))
REFUSING(int, close, (int file), (file), refuse(EIO))
REFUSING(ssize_t, read, (int file, void *to, size_t size), (file, to, size),
         refuse(EIO))
REFUSING(ssize_t, write, (int file, const void *from, size_t size),
         (file, from, size), refuse(ENOSPC))
REFUSING(pid_t, fork, (void), (), refuse(EAGAIN))
REFUSING(pid_t, waitpid, (pid_t pid, int *status, int options),
         (pid, status, options), refuse(ECHILD))

/* These give the number of the error. */
REFUSING(int, posix_spawn_file_actions_init, (any *actions), (actions), ENOMEM)
REFUSING(int, posix_spawn_file_actions_addopen,
         (any *actions, int file, const char *path, int flags, mode_t mode),
         (actions, file, path, flags, mode), ENOMEM)
REFUSING(int, posix_spawn_file_actions_adddup2,
         (any *actions, int from, int to), (actions, from, to), ENOMEM)
REFUSING(int, posix_spawnattr_init, (any *attributes), (attributes), ENOMEM)
REFUSING(int, posix_spawnattr_setflags, (any *attributes, short flags),
         (attributes, flags), EINVAL)
REFUSING(int, posix_spawnattr_setpgroup, (any *attributes, pid_t group),
         (attributes, group), EINVAL)
REFUSING(int, posix_spawnattr_setsigmask, (any *attributes, const any *set),
         (attributes, set), EINVAL)

/* Commands with one number, or none. */
int fcntl(int file, int command, ...);
int fcntl(int file, int command, ...) {
  int (*next)(int, int, ...);
  va_list arguments;
  long argument;
  va_start(arguments, command);
  argument = va_arg(arguments, long);
  va_end(arguments);
  *(void **)&next = dlsym(RTLD_NEXT, "fcntl");
  return is_refused("fcntl") ? refuse(EMFILE) : next(file, command, argument);
}

REFUSING(unsigned char *, SHA1,
         (const unsigned char *text, size_t size, unsigned char *hash),
         (text, size, hash), NULL)
REFUSING(unsigned char *, SHA256,
         (const unsigned char *text, size_t size, unsigned char *hash),
         (text, size, hash), NULL)
REFUSING(unsigned char *, HMAC,
         (const any *digest, const void *key, int length,
          const unsigned char *text, size_t size, unsigned char *mac,
          unsigned *written),
         (digest, key, length, text, size, mac, written), NULL)
REFUSING(any *, BIO_new_mem_buf, (const void *text, int length),
         (text, length), NULL)
REFUSING(int, i2d_PUBKEY, (const any *key, unsigned char **to), (key, to), -1)
REFUSING(any *, EVP_MD_CTX_new, (void), (), NULL)
REFUSING(int, EVP_DigestSignInit,
         (any *context, any **key_context, const any *digest, any *engine,
          any *key), (context, key_context, digest, engine, key), 0)
REFUSING(int, EVP_DigestSign,
         (any *context, unsigned char *to, size_t *size,
          const unsigned char *text, size_t length),
         (context, to, size, text, length), 0)
REFUSING(any *, d2i_ECDSA_SIG,
         (any **to, const unsigned char **from, long length),
         (to, from, length), NULL)
REFUSING(int, BN_bn2binpad, (const any *a, unsigned char *to, int length),
         (a, to, length), -1)

REFUSING(int, curl_global_init, (long flags), (flags), 2)
REFUSING(any *, curl_multi_init, (void), (), NULL)
REFUSING(any *, curl_easy_init, (void), (), NULL)
REFUSING(int, curl_multi_add_handle, (any *multi, any *easy), (multi, easy), 3)
REFUSING(int, curl_multi_perform, (any *multi, int *running),
         (multi, running), 4)
REFUSING(int, curl_multi_poll,
         (any *multi, any *extra, unsigned count, int milliseconds,
          int *ready), (multi, extra, count, milliseconds, ready), 4)
REFUSING(any *, curl_slist_append, (any *list, const char *text),
         (list, text), NULL)

/* A long, a pointer or a size: one word, wherever this runs. */
int curl_easy_setopt(any *easy, int option, ...);
int curl_easy_setopt(any *easy, int option, ...) {
  int (*next)(any *, int, ...);
  va_list arguments;
  void *value;
  va_start(arguments, option);
  value = va_arg(arguments, void *);
  va_end(arguments);
  *(void **)&next = dlsym(RTLD_NEXT, "curl_easy_setopt");
  return is_refused("curl_easy_setopt") ? 48 : next(easy, option, value);
}
