// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Whether `part` occurs in `bytes`.
public func contains(_ bytes: Span<UInt8>, _ part: Span<UInt8>) -> Bool {
  // Both are in bounds, and memmem reads no further than their counts.
  unsafe bytes.withUnsafeBytes { bytes in
    unsafe part.withUnsafeBytes { part in
      guard let wanted = part.baseAddress, part.count > 0 else { return true }
      guard let start = bytes.baseAddress, bytes.count >= part.count else { return false }
      return unsafe clinux_memmem(start, bytes.count, wanted, part.count) != nil
    }
  }
}
