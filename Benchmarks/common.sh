# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the benchmarks share: the agent, a directory and processes that are gone at the end, a hub that costs nearly
# nothing, and what the kernel counts. To be sourced from the top of the repository.

agent=$(realpath "${AGENT:-.build/release/agent}")
[ -x "$agent" ] || { echo "no $agent: run make build first" >&2; exit 1; }

work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/spoke-bench-XXXXXX")
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

free_port() {
  /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

status=$(free_port)

# Starts Benchmarks/sink.py and sets `hub` to its address.
start_sink() {
  /usr/bin/python3 Benchmarks/sink.py "$work" &
  pids+=($!)
  until [ -s "$work/port" ]; do sleep 0.1; done
  # shellcheck disable=SC2034
  hub=http://127.0.0.1:$(cat "$work/port")
}

config=$work/config.alloy

# Starts the agent with the file `config` names, and flags if any; sets `pid`. It listens at port `status`.
# shellcheck disable=SC2120
start_agent() { # [FLAGS]
  "$agent" run --storage.path="$work/state" --storage.queue-bytes=$((32 << 30)) \
    --server.http.listen-addr="127.0.0.1:$status" "$@" "$config" >>"$work/agent.log" 2>&1 &
  pid=$!
  pids+=("$pid")
}

stop_agent() {
  kill "$pid"
  wait "$pid" || true
  rm -rf "$work/state"
}

# The sum of a metric of the agent over all labels.
metric() {
  { curl -s "http://127.0.0.1:$status/metrics" || true; } |
    awk -v name="$1" '$1 ~ "^"name"([{]|$)" { sum += $2 } END { printf "%d", sum }'
}

# Waits until METRIC is at least COUNT.
reach() {
  until [ "$(metric "$1")" -ge "$2" ]; do
    kill -0 "$pid" || { cat "$work/agent.log" >&2; exit 1; }
    sleep 0.2
  done
}

# CPU seconds of a process, those of threads that are gone included.
cpu_seconds() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) / hz}' "/proc/$1/stat"; }
nanoseconds() { # PID [PATTERN of the names of threads]: CPU time of the threads there are
  for task in /proc/"$1"/task/*; do
    grep -qE "${2:-.}" "$task/comm" && cat "$task/schedstat"
  done | awk '{n += $1} END {printf "%d", n}'
}
switches() { cat /proc/"$1"/task/*/status 2>/dev/null | awk '/ctxt_switches/ {n += $2} END {print n}'; }
mebibytes_of() { awk -v name="$2:" '$1 == name {printf "%.1f", $2 / 1024}' "/proc/$1/status"; } # PID FIELD

# The host configuration of the README: metrics every INTERVAL to URL.
host_metrics() { # INTERVAL URL
  cat <<ALLOY
prometheus.exporter.unix "local_system" {
  set_collectors = ["systemd", "filesystem", "cpu", "meminfo", "diskstats", "loadavg", "netdev", "uname"]
}

prometheus.scrape "metrics_scraper" {
  targets         = prometheus.exporter.unix.local_system.targets
  forward_to      = [prometheus.remote_write.remote_hub.receiver]
  scrape_interval = "$1"
  scrape_timeout  = "$1"
}

prometheus.remote_write "remote_hub" {
  endpoint {
    url = "$2"
  }
}
ALLOY
}

# The journal in a directory, and the logs in another, to the sink.
host_logs() { # JOURNAL LOGS
  cat <<ALLOY
loki.source.journal "read_journal" {
  path       = "$1"
  forward_to = [loki.write.remote_loki.receiver]
  labels     = { job = "systemd-journal", host = "bench" }
}

local.file_match "logs" {
  path_targets = [{ __path__ = "$2/*.log" }]
}

loki.source.file "logs" {
  targets    = local.file_match.logs.targets
  forward_to = [loki.write.remote_loki.receiver]
}

loki.write "remote_loki" {
  endpoint {
    url = "$hub/loki/api/v1/push"
  }
}
ALLOY
}

# A journal of so many entries of the last hour, in a directory of its own.
write_host_journal() { # DIRECTORY [ENTRIES]
  mkdir -p "$1"
  /usr/bin/python3 - "${2:-1000}" > "$work/export" <<'PY'
import random, sys, time
random.seed(1)
words = "request served from cache after upstream timeout user session token refresh disk".split()
begin = int(time.time() - 3600) * 1000000
for number in range(int(sys.argv[1])):
    print(f"__REALTIME_TIMESTAMP={begin + number * 10}\n__MONOTONIC_TIMESTAMP={number + 1}\n"
          "_BOOT_ID=be9377f73bba4f029b598d744e2c96fa\n_MACHINE_ID=4c7f3b6f4f0e4f6c9b1d2a3e4f5a6b7c\n_HOSTNAME=bench\n"
          f"_SYSTEMD_UNIT=service-{number % 20}.service\n_PID={number % 5000}\n_TRANSPORT=stdout\nPRIORITY=6\n"
          f"SYSLOG_IDENTIFIER=service\nMESSAGE={number} {random.getrandbits(64):016x} {' '.join(random.choices(words, k=12))}\n")
PY
  /lib/systemd/systemd-journal-remote --output="$1/bench.journal" "$work/export" >"$work/remote.log" 2>&1
  rm "$work/export"
}
