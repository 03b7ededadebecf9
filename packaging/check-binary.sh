#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reviews the release binary's dependencies as text: what it links, that no ICU came in, and its size.
set -eu
binary=$1
limit_mib=25

allowed=$(tr '\n' ' ' <<'TEXT'
ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libdl.so.2
libpthread.so.0 libsystemd.so.0 libsnappy.so.1 libprotobuf-c.so.1 libre2.so.9 libre2.so.10 libre2.so.11 libyaml-0.so.2
libz.so.1
TEXT
)

failed=0
for library in $(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
  case " $allowed" in
  *" $library "*) ;;
  *)
    echo "$binary links $library, which is not on the list in $0"
    failed=1
    ;;
  esac
done

# ICU's data alone is 30 MiB; it comes with full Foundation.
if grep -aq 'icudt[0-9][0-9]' "$binary"; then
  echo "$binary contains ICU: something reached full Foundation"
  failed=1
fi

size=$(stat -c %s "$binary")
if [ "$size" -gt $((limit_mib << 20)) ]; then
  echo "$binary has $((size >> 20)) MiB, more than $limit_mib"
  failed=1
fi
[ "$failed" = 0 ] && echo "$binary: $((size >> 20)) MiB, $(readelf -d "$binary" | grep -c NEEDED) libraries, no ICU"
exit "$failed"
