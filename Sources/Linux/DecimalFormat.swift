// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// `number` as C's `printf` writes it with a verb of `f`, `e` or `g` and that precision, at most 100.
public func decimalText(_ number: Double, _ verb: Unicode.Scalar, _ precision: Int) -> [UInt8] {
  precondition((0...100).contains(precision), "BUG: a precision of \(precision)")
  // The longest: 309 digits, a point, and 100 more.
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
    let format = "%.*\(verb)"
    let count = unsafe withVaList([Int32(precision), number]) { values in
      unsafe vsnprintf(text.baseAddress, text.count, format, values)
    }
    return unsafe text.prefix(max(0, min(Int(count), text.count - 1))).map { UInt8(bitPattern: $0) }
  }
}
