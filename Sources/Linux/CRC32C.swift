// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// CRC32C (Castagnoli) of `bytes`, continuing from `crc`; the checksum of RFC 3720, appendix B.4.
public func crc32c(_ bytes: Span<UInt8>, continuing crc: UInt32 = 0) -> UInt32 {
  unsafe bytes.withUnsafeBytes { unsafe clinux_crc32c(crc, $0.baseAddress, $0.count) }
}
