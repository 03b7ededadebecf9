// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
  /// Adds `value`, least byte first.
  mutating func append(littleEndian value: some FixedWidthInteger) {
    // Sound: the bytes of a local integer, read while it lives.
    unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
  }

  /// The integer that begins at `index`, least byte first. It must lie within the array.
  func littleEndian<Value: FixedWidthInteger>(at index: Int, as type: Value.Type = Value.self) -> Value {
    precondition(index >= 0 && index <= count - MemoryLayout<Value>.size, "BUG: read past the end of a record")
    // Sound: the bounds were checked on the line above, and integers may have any bytes.
    return unsafe withUnsafeBytes { unsafe Value(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: type)) }
  }

  /// Writes `value` over what begins at `index`.
  mutating func overwrite(littleEndian value: UInt32, at index: Int) {
    for byte in 0..<4 { self[index + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte))) }
  }
}
