// SPDX-License-Identifier: Apache-2.0

// Tells the thread sanitizer what it cannot see of Swift's `Mutex`.
//
// The quick way through a `Mutex`, an atomic exchange, is compiled into whoever uses it and so instrumented. The slow
// way, taken when it is held, is a system call inside libswiftSynchronization, which is not: without this file
// everything that a contended `Mutex` guards is reported. `scripts/sanitize thread` links these in place of the two
// functions (`ld --wrap`), and checks with `Races.swift` that it did any good.

#include <stdint.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *mutex

void __tsan_acquire(void *), __tsan_release(void *);

SWIFT void lock_slowly(uint32_t thread, SELF) __asm__("__real_" LOCK);
SWIFT void unlock_slowly(SELF) __asm__("__real_" UNLOCK);
SWIFT void lock(uint32_t thread, SELF) __asm__("__wrap_" LOCK);
SWIFT void unlock(SELF) __asm__("__wrap_" UNLOCK);

SWIFT void lock(uint32_t thread, SELF) {
  lock_slowly(thread, mutex);
  __tsan_acquire(mutex);
}

SWIFT void unlock(SELF) {
  __tsan_release(mutex);
  unlock_slowly(mutex);
}
