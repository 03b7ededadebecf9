// SPDX-License-Identifier: Apache-2.0
// What Swift's Glibc module does not show: allocator settings, hardware CRC, and a few structs and constants.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <malloc.h>
#include "clinux_bus.h"
#include "clinux_files.h"
#include "clinux_search.h"

/// CRC32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin), as in RFC 3720 appendix B.4.
/// Uses the CPU's instruction where there is one.
uint32_t clinux_crc32c(uint32_t crc, const void *bytes, size_t length);

/// Names the calling thread, as `ps -L` and debuggers show it (15 bytes at most).
void clinux_name_this_thread(const char *name);

/// Lets go of the pages of code and constants that are mapped; they come back when they are touched.
void clinux_release_code(void);

/// From now on the signals in `numbers` arrive as bytes on the descriptor that is returned (-1 and errno on failure),
/// and SIGPIPE is ignored. Once in a process.
///
/// A handler and a pipe rather than a blocked mask and sigwait: the Swift runtime may have threads by then that do not
/// have the mask, and one such thread is enough for the kernel to end the process.
int clinux_catch_signals(const int *numbers, int count);
