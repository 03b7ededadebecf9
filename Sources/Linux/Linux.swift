// SPDX-License-Identifier: Apache-2.0

// Linux: the only module that calls libc for files, clocks and threads. Everything above it sees typed errors that
// name the operation and the path, descriptors that close themselves, and spans of bytes.
