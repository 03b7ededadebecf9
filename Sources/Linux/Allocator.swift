// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Keeps glibc's allocator small: few arenas, and freed memory given back.
///
/// Call once, first thing in `main`. In code rather than in the environment so that every packaging gets it. The
/// number of arenas otherwise grows with the cores (8 each), and each keeps what a burst left behind.
public func keepAllocatorSmall() {
  mallopt(M_ARENA_MAX, 2)
  mallopt(M_TRIM_THRESHOLD, 128 << 10)
  mallopt(M_MMAP_THRESHOLD, 128 << 10)
}

/// Gives freed memory back to the kernel; for after a rare burst, such as a reload.
public func trimAllocator() { malloc_trim(0) }
