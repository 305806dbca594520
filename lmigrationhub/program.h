/*
 * A program run without a shell, within limits and in the background. The
 * part of posix.c that knows nothing of Lua. Source: POSIX.1-2008.
 */
#ifndef LMIGRATIONHUB_PROGRAM_H
#define LMIGRATIONHUB_PROGRAM_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TAIL_SIZE 1024      /* bytes that are kept of stderr */
#define PROBLEM_SIZE 128
#define CHUNK_SIZE 4096
#define SLICE 0.05          /* seconds between looks at a running program */
#define SHORT_SLICE 0.001   /* the same when it closed its output */
#define KILL_GRACE 1.0      /* seconds that a killed process has to vanish */
#define REPORT_GRACE 60000  /* milliseconds that we have to read a report */
#define NO_STATUS (-1)      /* waitpid gives none such */

extern char **environ;

/* A program has a supervisor, a child of ours: it waits for the program, so
   that we need not, and outlives neither us nor our interest. nginx reaps
   every child in its handler of SIGCHLD, and takes the statuses away. */
struct program {
  pid_t pid;                /* ours: of the supervisor; its: of the program */
  int report;               /* the pipe between us and the supervisor */
  int out, err;             /* the supervisor's ends of the program's pipes;
                               of all three, -1: closed */
  bool reaped;
  double deadline;
  size_t size, received;    /* bytes: most output, and of the report */
  struct told {
    int status;             /* exit code, or minus the signal that ended it */
    char problem[PROBLEM_SIZE];
    size_t tail_length, length;
    char tail[TAIL_SIZE];
  } told;                   /* the report: this, and the output */
  char output[];
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void close_end(int *end) {
  if (*end >= 0) close(*end);
  *end = -1;
}

/* The ends leave 0, 1 and 2 free, wherever the host closed those. */
static int open_pipe(int ends[2]) {
  int low[2], problem;
  ends[0] = ends[1] = -1;
  if (pipe(low) != 0) return errno;
  ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 3);
  ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 3);
  problem = ends[0] < 0 || ends[1] < 0 ? errno : 0;
  close(low[0]);
  close(low[1]);
  return problem;
}

/* Has it ended? Another's handler may have reaped it. */
static bool has_ended(pid_t pid, int *status) {
  const pid_t found = waitpid(pid, status, WNOHANG);
  return found == pid || (found < 0 && errno == ECHILD);
}

/* Waits for the end of what ends at once, but not for ever. */
static bool await_end(pid_t pid, int *status) {
  const double deadline = now() + KILL_GRACE;
  const struct timespec pause = { 0, 100000 };
  while (!has_ended(pid, status)) {
    if (now() > deadline) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

/* -- in the supervisor: the program's start ------------------------------ */

static int add_files(posix_spawn_file_actions_t *files, int out, int err) {
  int problem =
    posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
  if (problem == 0) problem = posix_spawn_file_actions_adddup2(files, out, 1);
  if (problem == 0) problem = posix_spawn_file_actions_adddup2(files, err, 2);
  return problem;
}

/* A group of its own, to be killed as one; nothing blocked or ignored. */
static int add_attributes(posix_spawnattr_t *attributes) {
  const int flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                    POSIX_SPAWN_SETSIGDEF;
  sigset_t none, ignored;
  int problem;
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  sigaddset(&ignored, SIGCHLD);
  problem = posix_spawnattr_setflags(attributes, (short)flags);
  if (problem == 0) problem = posix_spawnattr_setpgroup(attributes, 0);
  if (problem == 0) problem = posix_spawnattr_setsigmask(attributes, &none);
  if (problem == 0)
    problem = posix_spawnattr_setsigdefault(attributes, &ignored);
  return problem;
}

static int spawn(struct program *p, char **argv, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int problem = posix_spawn_file_actions_init(&files);
  if (problem != 0) return problem;
  problem = posix_spawnattr_init(&attributes);
  if (problem == 0) {
    problem = add_files(&files, out, err);
    if (problem == 0) problem = add_attributes(&attributes);
    if (problem == 0)
      problem =
        posix_spawnp(&p->pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&files);
  return problem;
}

static int start(struct program *p, char **argv) {
  int out[2], err[2] = { -1, -1 };
  int problem = open_pipe(out);
  if (problem == 0) problem = open_pipe(err);
  if (problem == 0) problem = spawn(p, argv, out[1], err[1]);
  close_end(&out[1]);
  close_end(&err[1]);
  p->out = out[0];
  p->err = err[0];
  return problem;
}

/* -- in the supervisor: the program's run -------------------------------- */

static void keep_tail(struct told *told, const char *bytes, size_t length) {
  size_t kept = TAIL_SIZE - length;
  if (kept > told->tail_length) kept = told->tail_length;
  memmove(told->tail, told->tail + told->tail_length - kept, kept);
  memcpy(told->tail + kept, bytes, length);
  told->tail_length = kept + length;
}

static ssize_t read_some(int *end, char *bytes, size_t size) {
  ssize_t count;
  do count = read(*end, bytes, size);
  while (count < 0 && errno == EINTR);
  if (count <= 0) close_end(end);
  return count;
}

/* Is it within its bounds? One byte more than allowed finds the bound. */
static bool read_output(struct program *p) {
  char chunk[CHUNK_SIZE];
  const size_t room = p->size - p->told.length + 1;
  const ssize_t count =
    read_some(&p->out, chunk, room < sizeof chunk ? room : sizeof chunk);
  if (count <= 0) return true;
  if ((size_t)count == room) return false;
  memcpy(p->output + p->told.length, chunk, (size_t)count);
  p->told.length += (size_t)count;
  return true;
}

static void read_errors(struct program *p) {
  char chunk[TAIL_SIZE];
  const ssize_t count = read_some(&p->err, chunk, sizeof chunk);
  if (count > 0) keep_tail(&p->told, chunk, (size_t)count);
}

/* Waits until there is something to read, or to know of the report's end. */
static int poll_pipes(struct program *p, double seconds,
                      struct pollfd pipes[3]) {
  pipes[0].fd = p->out;
  pipes[1].fd = p->err;
  pipes[2].fd = p->report;
  pipes[0].events = pipes[1].events = POLLIN;
  pipes[2].events = 0;
  pipes[0].revents = pipes[1].revents = pipes[2].revents = 0;
  return poll(pipes, 3, (int)(seconds * 1000 + 0.999));
}

static double slice(const struct program *p, double left) {
  const double most = p->out < 0 && p->err < 0 ? SHORT_SLICE : SLICE;
  if (p->reaped) return 0;
  return left < most ? left : most;
}

/* NULL when the program ended, else what it did wrong. When it ended, what
   is in the pipes is read; a process that it left behind may keep them. */
static const char *watch(struct program *p, int *status) {
  struct pollfd pipes[3];
  for (;;) {
    const double left = p->deadline - now();
    const bool was_reaped = p->reaped;
    int ready;
    if (left <= 0) return "it took longer than its time limit";
    ready = poll_pipes(p, slice(p, left), pipes);
    if (ready > 0 && pipes[2].revents != 0) return "nobody waits for it";
    if (ready > 0 && pipes[1].revents != 0) read_errors(p);
    if (ready > 0 && pipes[0].revents != 0 && !read_output(p))
      return "it printed more than its output limit";
    if (ready == 0 && was_reaped)
      return *status == NO_STATUS ? "its exit status is lost" : NULL;
    if (!p->reaped) p->reaped = has_ended(p->pid, status);
  }
}

/* The program from start to end. */
static void run(struct program *p, char **argv) {
  int status = NO_STATUS;
  const int error = start(p, argv);
  const char *problem = /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    error != 0 ? strerror(error) : watch(p, &status);
  if (error == 0 && problem != NULL) {
    kill(-p->pid, SIGKILL);
    if (!p->reaped) await_end(p->pid, &status);
  }
  p->told.status =
    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  if (problem == NULL) return;
  p->told.length = 0;
  (void)snprintf(p->told.problem, PROBLEM_SIZE, "%s", problem);
}

/* -- in the supervisor: what is its own ---------------------------------- */

static void close_all_but(int kept) {
  long file, last = 0;
  const struct dirent *entry;
  DIR *files = opendir("/dev/fd");
  if (files == NULL) last = sysconf(_SC_OPEN_MAX) - 1;
  /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
  while (files != NULL && (entry = readdir(files)) != NULL) {
    file = strtol(entry->d_name, NULL, 10);
    if (file > last) last = file;
  }
  if (files != NULL) closedir(files);
  for (file = 3; file <= last; file++)
    if (file != kept) close((int)file);
}

/* Whoever asked may be slow to read, or gone. */
static bool tell(int report, const char *bytes, size_t length) {
  struct pollfd pipe = { report, POLLOUT, 0 };
  while (length > 0) {
    ssize_t count;
    if (poll(&pipe, 1, REPORT_GRACE) <= 0) return false;
    count = write(report, bytes, length);
    if (count < 0) return false;
    bytes += count;
    length -= (size_t)count;
  }
  return true;
}

/* All signals are blocked here: no handler of the host's ever runs. */
static void supervise(struct program *p, char **argv) {
  (void)signal(SIGCHLD, SIG_DFL); /* ignored, it would take the status away */
  close_all_but(p->report);
  run(p, argv);
  if (tell(p->report, (const char *)&p->told, sizeof p->told))
    tell(p->report, p->output, p->told.length);
}

/* -- the supervisor from outside ----------------------------------------- */

/* Neither end ever waits. */
static int open_report(int ends[2]) {
  const int problem = open_pipe(ends);
  if (problem != 0) return problem;
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return errno;
  if (fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) return errno;
  return 0;
}

static int launch(struct program *p, char **argv) {
  int ends[2], problem = open_report(ends);
  sigset_t all, before;
  if (problem == 0) {
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    p->pid = fork();
    if (p->pid == 0) {
      p->report = ends[1];
      supervise(p, argv);
      _exit(0);
    }
    problem = p->pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  close_end(&ends[1]);
  p->report = ends[0];
  if (problem != 0) close_end(&p->report);
  return problem;
}

/* Kills what still runs: the supervisor sees its report's end close. */
static void end(struct program *p) {
  int status;
  if (p->report < 0) return;
  close_end(&p->report);
  if (!await_end(p->pid, &status)) kill(p->pid, SIGKILL);
}

/* Where the report's next byte goes; NULL: it has all. */
static char *place(struct program *p, size_t *room) {
  const size_t head = sizeof p->told;
  const bool in_head = p->received < head;
  *room = (in_head ? head : head + p->told.length) - p->received;
  if (*room == 0) return NULL;
  return in_head ? (char *)&p->told + p->received
                 : p->output + (p->received - head);
}

/* Has the report ended, complete or not? */
static bool read_report(struct program *p) {
  size_t room;
  char *at;
  while ((at = place(p, &room)) != NULL) {
    const ssize_t count = read(p->report, at, room);
    if (count > 0) p->received += (size_t)count;
    else if (count == 0) return true;
    else if (errno != EINTR) return errno != EAGAIN;
  }
  return true;
}

#endif
