// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>

/// Where `part` first occurs in `bytes`; NULL when it does not.
const void *clinux_memmem(const void *bytes, size_t count, const void *part, size_t part_count);
