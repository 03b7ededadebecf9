// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_files.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

// A file's owner sets its times as he likes: those before 1970 and after 2262 become the first and the last there are,
// so that the time that has passed since can be computed.
static int64_t nanoseconds(struct statx_timestamp time) {
  if (time.tv_sec < 0) return 0;
  if (time.tv_sec >= INT64_MAX / 1000000000) return INT64_MAX;
  return time.tv_sec * 1000000000 + time.tv_nsec;
}

int clinux_file_status(int descriptor, const char *path, int follow, struct clinux_status *result) {
  struct statx status;
  int flags = AT_STATX_SYNC_AS_STAT | (path[0] == 0 ? AT_EMPTY_PATH : follow ? 0 : AT_SYMLINK_NOFOLLOW);
  if (statx(path[0] == 0 ? descriptor : AT_FDCWD, path, flags, STATX_BASIC_STATS | STATX_BTIME, &status) != 0)
    return -1;
  result->device = makedev(status.stx_dev_major, status.stx_dev_minor);
  result->inode = status.stx_ino;
  result->size = (int64_t)status.stx_size;
  result->modified_nanoseconds = nanoseconds(status.stx_mtime);
  result->born_nanoseconds = status.stx_mask & STATX_BTIME ? nanoseconds(status.stx_btime) : 0;
  result->mode = status.stx_mode;
  result->links = status.stx_nlink;
  return 0;
}

int64_t clinux_file_system_type(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 ? (int64_t)status.f_type : 0;
}

int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
