/*
 * The sockets that are open, by which a kept connection is looked at before it
 * is used again: libcurl before 8.1 does not, and has no handle on it then.
 */
#ifndef LMIGRATIONHUB_SOCKETS_H
#define LMIGRATIONHUB_SOCKETS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct sockets { int *list; size_t count, size; };

static bool add_socket(struct sockets *s, int fd) {
  if (s->count == s->size) {
    size_t size = s->size + 8;
    int *grown = realloc(s->list, size * sizeof *grown);
    if (grown == NULL) return false;
    s->list = grown;
    s->size = size;
  }
  s->list[s->count++] = fd;
  return true;
}

static void remove_socket(struct sockets *s, int fd) {
  size_t i = 0;
  while (i < s->count && s->list[i] != fd) i++;
  if (i < s->count) s->list[i] = s->list[--s->count];
}

static void clear_sockets(struct sockets *s) {
  free(s->list);
  memset(s, 0, sizeof *s);
}

/* Of our end; 0: none. */
static int port_of(int fd) {
  struct sockaddr_storage address;
  struct sockaddr_in6 v6;
  struct sockaddr_in v4;
  socklen_t length = sizeof address;
  memset(&address, 0, sizeof address);
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return 0;
  memcpy(&v4, &address, sizeof v4);
  memcpy(&v6, &address, sizeof v6);
  return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

/* Has something come over the connection that nobody has read? */
static bool has_unread(const struct sockets *s, int port) {
  size_t i;
  char byte;
  for (i = 0; i < s->count; i++)
    if (port_of(s->list[i]) == port &&
        recv(s->list[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return true;
  return false;
}

#endif
