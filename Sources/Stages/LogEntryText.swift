// SPDX-License-Identifier: Apache-2.0

extension LogEntry {
  /// Copies `text` to the end of `bytes`; returns where it stands.
  mutating func append(_ text: [UInt8]) -> Range<Int> {
    let start = bytes.count
    bytes.append(contentsOf: text)
    return start..<bytes.count
  }
}
