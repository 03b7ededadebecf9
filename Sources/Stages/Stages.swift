// SPDX-License-Identifier: Apache-2.0

// Stages: what `loki.process` does to log entries on their way. A pipeline takes a batch and gives a batch; each stage is
// one file. Stages that wait for more lines hold their source's position back with them.
