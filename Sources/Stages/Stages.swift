// SPDX-License-Identifier: Apache-2.0

// Stages: what `loki.process` does to log entries on their way. A pipeline takes a batch and gives batches; each stage is
// one file. An entry is worked on as a `LogEntry`: places in one buffer of bytes. Stages that wait for more lines hold
// their source's position back with them.
