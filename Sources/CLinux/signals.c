// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static volatile int write_end = -1;

// Runs on whichever thread the kernel chose, in the middle of anything: a write of one byte is all it may do.
static void pass_on(int number) {
  int before = errno;
  unsigned char byte = (unsigned char)number;
  ssize_t ignored = write(write_end, &byte, 1);
  (void)ignored;
  errno = before;
}

int clinux_catch_signals(const int *numbers, size_t count) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  // A reader that is behind has enough signals to think about; the handler must never wait for it.
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  write_end = ends[1];
  struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < count; i++) sigaction(numbers[i], &action, NULL);
  return ends[0];
}

void clinux_accept_signals(const int *numbers, size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < count; i++) sigaddset(&set, numbers[i]);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
