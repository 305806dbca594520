/*
 * Runs a command, passes on what it prints, and adds a line of what it cost:
 * seconds of CPU, of time, of time to the first byte printed, and the peak of
 * its memory in KiB. It stays small itself: a child's peak begins with the
 * memory of the process that forked it.
 */
#define _GNU_SOURCE

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* start(command, &pid) -> where its output can be read, -1 if it cannot */
static int start(char **command, pid_t *pid) {
  posix_spawn_file_actions_t files;
  int ends[2], problem;
  if (pipe(ends) != 0) return -1;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&files, ends[0]);
  posix_spawn_file_actions_addclose(&files, ends[1]);
  problem = posix_spawnp(pid, *command, &files, NULL, command, environ);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  return problem == 0 ? ends[0] : -1;
}

/* Gives the moment of the first byte. */
static double pass_on(int from) {
  double first = 0;
  char bytes[4096];
  ssize_t length;
  while ((length = read(from, bytes, sizeof bytes)) > 0) {
    if (first == 0) first = now();
    if (write(STDOUT_FILENO, bytes, (size_t)length) < length) break;
  }
  return first;
}

int main(int count, char **arguments) {
  const double begun = now();
  double first;
  struct rusage used;
  pid_t pid = 0;
  int status = 0, output;
  if (count < 2) return 2;
  output = start(arguments + 1, &pid);
  if (output < 0) return 1;
  first = pass_on(output);
  if (wait4(pid, &status, 0, &used) != pid) return 1;
  printf("%.6f %.6f %.6f %ld\n", seconds(used.ru_utime) +
         seconds(used.ru_stime), now() - begun, first - begun, used.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
