#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the C of the schemas again. Needs protoc-c (Debian: protobuf-c-compiler).
#
# With --check it only says whether the committed C is what the schemas give, for CI. They came from protobuf-c 1.4.1;
# another version may word them differently, and then they are to be written and committed again.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
protoc-c --c_out="$out" prometheus.proto logproto.proto
for name in prometheus logproto; do
  # The headers stand in include/, where SwiftPM looks for what is public.
  if [ "${1-}" = --check ]; then
    cmp "$out/$name.pb-c.c" "../$name.pb-c.c"
    cmp "$out/$name.pb-c.h" "../include/$name.pb-c.h"
  else
    cp "$out/$name.pb-c.c" "../$name.pb-c.c"
    cp "$out/$name.pb-c.h" "../include/$name.pb-c.h"
  fi
done
