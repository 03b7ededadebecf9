// SPDX-License-Identifier: Apache-2.0

// NodeMetrics: what the kernel and systemd say about this host, as the metrics node_exporter made well known. One file
// per collector, named for it; `Collectors` lists them, `NodeExporter` runs them one after the other on a thread of its
// own, and `Host` is where they read from. Collectors parse bytes in place and allocate nothing once warm.
