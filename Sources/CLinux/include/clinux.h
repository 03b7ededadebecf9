// SPDX-License-Identifier: Apache-2.0
// What Swift's Glibc module does not show: allocator settings, hardware CRC, and a few structs and constants.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <malloc.h>

/// CRC32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin), as in RFC 3720 appendix B.4.
/// Uses the CPU's instruction where there is one.
uint32_t clinux_crc32c(uint32_t crc, const void *bytes, size_t length);

/// Names the calling thread, as `ps -L` and debuggers show it (15 bytes at most).
void clinux_name_this_thread(const char *name);

/// From now on each of the signals writes its number, a byte, to a pipe instead of ending the process, whatever thread
/// it hits. The end of the pipe to read, or -1 with errno set, and nothing changed. A later call takes over.
int clinux_catch_signals(const int *numbers, size_t count);

/// Lets the signals reach the calling thread, even where whoever started the process had blocked them.
void clinux_accept_signals(const int *numbers, size_t count);
