// SPDX-License-Identifier: Apache-2.0

// Queue: encoded telemetry, kept on disk until the hub has it. The promises of the agent live here: what was appended
// survives a crash or a power cut, a source's position is durable only together with its lines, damage costs only what
// is damaged, and every item is accounted for. It knows nothing of what a block means.
//
// `WriteAheadQueue` is the actor others use; `SegmentLog` decides, without clocks or threads; `Record` and `Bookmark`
// are the two formats on disk; `FileStore` is the only door to the disk.
