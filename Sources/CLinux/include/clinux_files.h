// SPDX-License-Identifier: Apache-2.0
// What tells files apart, and what tells that they changed.
#pragma once
#include <stdint.h>

/// What statx(2) says about a file.
struct clinux_status {
  uint64_t device;
  uint64_t inode;
  int64_t size;
  int64_t modified_nanoseconds;
  /// 0 where the file system does not know.
  int64_t born_nanoseconds;
  uint32_t mode;
  uint32_t links;
};

/// The status of `path`, links followed when `follow`, or of `descriptor` when `path` is empty; 0, or -1 and errno.
int clinux_file_status(int descriptor, const char *path, int follow, struct clinux_status *result);

/// The `f_type` of the file system of `path`; 0 when it cannot be learnt.
int64_t clinux_file_system_type(const char *path);

/// A descriptor another thread can make readable by writing eight bytes, closed on exec and never blocking; -1 and errno.
int clinux_eventfd(void);
