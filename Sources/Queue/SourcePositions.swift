// SPDX-License-Identifier: Apache-2.0

/// The newest position of every source, within bounds.
struct SourcePositions {
  /// What all sources together may take, which is what a checkpoint has room for: some 14,000 files with paths of
  /// 180 bytes, more with shorter ones.
  static let maximumBytes = Record.maximumPositionBytes

  private var newest: [[UInt8]: (position: [UInt8], turn: UInt64)] = [:]
  private var turn: UInt64 = 0
  private(set) var bytes = 0  // as encoded
  private(set) var forgotten: UInt64 = 0

  var all: [SourcePosition] {
    newest.map { SourcePosition(source: $0.key, position: $0.value.position) }
      .sorted { $0.source.lexicographicallyPrecedes($1.source) }
  }

  subscript(source: [UInt8]) -> [UInt8]? { newest[source]?.position }

  /// The positions of the sources whose names begin with `prefix`.
  func withPrefix(_ prefix: [UInt8]) -> [[UInt8]: [UInt8]] {
    newest.filter { $0.key.starts(with: prefix) }.mapValues(\.position)
  }

  mutating func merge(_ positions: [SourcePosition]) {
    for position in positions { set(position) }
    if bytes > SourcePositions.maximumBytes { forgetOldest() }
  }

  /// Forgets the sources not heard of for longest, a sixteenth of the room at a time, so that this is rare.
  private mutating func forgetOldest() {
    for (source, _) in newest.sorted(by: { $0.value.turn < $1.value.turn }) {
      guard bytes > SourcePositions.maximumBytes / 16 * 15 else { return }
      set(SourcePosition(source: source, position: []))
      forgotten += 1
    }
  }

  private mutating func set(_ new: SourcePosition) {
    if let old = newest.removeValue(forKey: new.source) { bytes -= new.source.count + old.position.count + 8 }
    guard !new.position.isEmpty else { return }
    turn += 1
    newest[new.source] = (new.position, turn)
    bytes += new.source.count + new.position.count + 8
  }
}

/// `length of source (u32), length of position (u32), source, position`, one after the other.
func encodePositions(_ positions: [SourcePosition]) -> [UInt8] {
  var bytes: [UInt8] = []
  for position in positions {
    bytes.append(littleEndian: UInt32(position.source.count))
    bytes.append(littleEndian: UInt32(position.position.count))
    bytes.append(contentsOf: position.source)
    bytes.append(contentsOf: position.position)
  }
  return bytes
}

/// The positions in `bytes` from `start` on; stops at what does not fit.
func decodePositions(_ bytes: [UInt8], from start: Int) -> [SourcePosition] {
  var positions: [SourcePosition] = []
  var index = start
  while bytes.count - index >= 8 {
    let source = Int(bytes.littleEndian(at: index, as: UInt32.self))
    let position = Int(bytes.littleEndian(at: index + 4, as: UInt32.self))
    index += 8
    guard source + position <= bytes.count - index else { break }
    positions.append(
      SourcePosition(
        source: Array(bytes[index..<index + source]),
        position: Array(bytes[index + source..<index + source + position])))
    index += source + position
  }
  return positions
}
