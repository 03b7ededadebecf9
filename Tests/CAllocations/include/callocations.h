// SPDX-License-Identifier: Apache-2.0
// Counts what a thread takes from the heap, by standing before glibc's allocator in the test program.
#pragma once
#include <stdint.h>

/// How often the calling thread has asked for memory so far; always 0 where a sanitizer has the allocator.
uint64_t callocations_of_this_thread(void);

/// Whether they are counted.
int callocations_are_counted(void);
