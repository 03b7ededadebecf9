// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_search.h"

#include <string.h>

const void *clinux_memmem(const void *bytes, size_t count, const void *part, size_t part_count) {
  return memmem(bytes, count, part, part_count);
}
