// SPDX-License-Identifier: Apache-2.0
#include "clinux_bus.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static _Thread_local volatile sig_atomic_t survives;
static atomic_ulong missing;
static struct sigaction earlier;
static uintptr_t page_size;

static void on_bus(int number, siginfo_t *info, void *context) {
  (void)context;
  if (survives && info->si_code > 0) {
    // mmap is a plain system call, so it may be made here. Returning reads the page again, which is zeros now.
    void *page = (void *)((uintptr_t)info->si_addr & ~(page_size - 1));
    if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
      atomic_fetch_add_explicit(&missing, 1, memory_order_relaxed);
      return;
    }
  }
  // Not ours: what would have happened without us happens when the access is repeated.
  sigaction(number, &earlier, NULL);
}

static void install(void) {
  page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &earlier);
}

void clinux_survive_missing_pages(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  survives = 1;
}

unsigned long clinux_missing_pages(void) { return atomic_load_explicit(&missing, memory_order_relaxed); }
