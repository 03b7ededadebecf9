// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int pipe_ends[2] = {-1, -1};

static void pass_on(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  // A full pipe means that nobody has read many signals; one more would tell nothing new.
  ssize_t written = write(pipe_ends[1], &byte, 1);
  (void)written;
  errno = saved;
}

int clinux_catch_signals(const int *numbers, int count) {
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return -1;
  fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < count; i++)
    if (sigaction(numbers[i], &action, NULL) != 0) return -1;
  signal(SIGPIPE, SIG_IGN);
  return pipe_ends[0];
}
