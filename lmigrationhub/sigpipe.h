/* No SIGPIPE from what is done between block_sigpipe and restore_sigpipe. */
#ifndef LMIGRATIONHUB_SIGPIPE_H
#define LMIGRATIONHUB_SIGPIPE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

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

#endif
