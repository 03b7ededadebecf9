// SPDX-License-Identifier: Apache-2.0
#include "cre2.h"

#include <re2/re2.h>

#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>

struct cre2_pattern {
  explicit cre2_pattern(re2::StringPiece source, const RE2::Options &options) : re(source, options) {}
  RE2 re;
};

// Groups asked for beyond this are left unset; a pattern with more is refused at compile time.
static constexpr int max_groups = 64;

extern "C" cre2_pattern *cre2_compile(const char *source, size_t length, char *error, size_t error_capacity) {
  RE2::Options options;
  options.set_log_errors(false);
  // Per pattern, for program and both lazily built automata: RE2's default of 8 MiB is more than the whole agent.
  options.set_max_mem(2 << 20);
  auto pattern = std::unique_ptr<cre2_pattern>(
      new (std::nothrow) cre2_pattern(re2::StringPiece(source, length), options));
  if (!pattern) {
    std::snprintf(error, error_capacity, "out of memory");
    return nullptr;
  }
  if (!pattern->re.ok()) {
    std::snprintf(error, error_capacity, "%s", pattern->re.error().c_str());
    return nullptr;
  }
  if (pattern->re.NumberOfCapturingGroups() >= max_groups) {
    std::snprintf(error, error_capacity, "more than %d capturing groups", max_groups - 1);
    return nullptr;
  }
  return pattern.release();
}

extern "C" void cre2_free(cre2_pattern *pattern) { delete pattern; }

extern "C" int cre2_group_count(const cre2_pattern *pattern) { return pattern->re.NumberOfCapturingGroups(); }

extern "C" int cre2_group_number(const cre2_pattern *pattern, const char *name, size_t length) {
  const auto &groups = pattern->re.NamedCapturingGroups();
  auto found = groups.find(std::string(name, length));
  return found == groups.end() ? -1 : found->second;
}

extern "C" const char *cre2_group_name(const cre2_pattern *pattern, int number) {
  const auto &names = pattern->re.CapturingGroupNames();
  auto found = names.find(number);
  return found == names.end() ? nullptr : found->second.c_str();
}

extern "C" bool cre2_match(const cre2_pattern *pattern, const char *text, size_t length, size_t from,
                           bool anchor_both, cre2_slice *groups, int count) {
  re2::StringPiece pieces[max_groups];
  if (count > max_groups) count = max_groups;
  auto anchor = anchor_both ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
  if (!pattern->re.Match(re2::StringPiece(text, length), from, length, anchor, pieces, count)) return false;
  for (int i = 0; i < count; i++) {
    groups[i].start = pieces[i].data();
    groups[i].length = pieces[i].size();
  }
  return true;
}
