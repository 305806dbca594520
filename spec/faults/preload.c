/*
 * For specs, through LD_PRELOAD: a system that is less kind.
 * - with BREAK_PIPE set, send() fails and raises SIGPIPE, as it does where
 *   MSG_NOSIGNAL is not known
 * - the name "slow.test" takes three seconds to resolve
 * - /etc/ssl/certs is the folder that TRUST names
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUSTED "/etc/ssl/certs"

static const char *redirect(const char *path, char *to, size_t size) {
  const char *folder = getenv("TRUST");
  const size_t length = strlen(TRUSTED);
  if (folder == NULL || strncmp(path, TRUSTED, length) != 0) return path;
  (void)snprintf(to, size, "%s%s", folder, path + length);
  return to;
}

ssize_t send(int fd, const void *data, size_t length, int flags) {
  if (getenv("BREAK_PIPE") == NULL)
    return sendto(fd, data, length, flags, NULL, 0);
  (void)raise(SIGPIPE);
  errno = EPIPE;
  return -1;
}

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **found) {
  int (*next)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **);
  *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
  if (strcmp(name, "slow.test") != 0) return next(name, service, hints, found);
  sleep(3);
  return EAI_AGAIN;
}

DIR *opendir(const char *path) {
  char other[4096];
  DIR *(*next)(const char *);
  *(void **)&next = dlsym(RTLD_NEXT, "opendir");
  return next(redirect(path, other, sizeof other));
}

static int ask(const char *function, const char *path, struct stat *status) {
  char other[4096];
  int (*next)(const char *, struct stat *);
  *(void **)&next = dlsym(RTLD_NEXT, function);
  return next(redirect(path, other, sizeof other), status);
}

int stat(const char *path, struct stat *status) {
  return ask("stat", path, status);
}

int lstat(const char *path, struct stat *status) {
  return ask("lstat", path, status);
}

FILE *fopen64(const char *path, const char *mode) {
  char other[4096];
  FILE *(*next)(const char *, const char *);
  *(void **)&next = dlsym(RTLD_NEXT, "fopen64");
  return next(redirect(path, other, sizeof other), mode);
}

FILE *fopen(const char *path, const char *mode) {
  return fopen64(path, mode);
}
