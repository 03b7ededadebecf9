// SPDX-License-Identifier: Apache-2.0
// A C face for the RE2 calls Spoke makes.
#pragma once
#include <stddef.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_pattern cre2_pattern;

/// A slice of the text that was matched; `start` is NULL for a group that took no part.
typedef struct {
  const char *start;
  size_t length;
} cre2_slice;

/// Compiles `source`; on failure returns NULL and writes a NUL-terminated reason into `error`.
cre2_pattern *cre2_compile(const char *source, size_t length, char *error, size_t error_capacity);
void cre2_free(cre2_pattern *pattern);

/// Number of capturing groups, the whole match not counted.
int cre2_group_count(const cre2_pattern *pattern);
/// The number of the group called `name`, or -1.
int cre2_group_number(const cre2_pattern *pattern, const char *name, size_t length);
/// The name of group `number` (1-based), or NULL when it has none; lives as long as the pattern.
const char *cre2_group_name(const cre2_pattern *pattern, int number);

/// Searches `text` from `from`; fills `groups[0..<count]`, the whole match first.
bool cre2_match(const cre2_pattern *pattern, const char *text, size_t length, size_t from, bool anchor_both,
                cre2_slice *groups, int count);

#ifdef __cplusplus
}
#endif
