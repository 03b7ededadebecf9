// SPDX-License-Identifier: Apache-2.0

// Logs: the sources of log entries on this host, the systemd journal and files. A source keeps no position of its own:
// it asks the destinations where they stand, and reads from there.
