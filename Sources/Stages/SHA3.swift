// SPDX-License-Identifier: Apache-2.0

/// The SHA3-256 digest of `message` (FIPS 202), for what templates pseudonymise.
func sha3_256(_ message: [UInt8]) -> [UInt8] {
  let rate = 136
  var padded = message + [0x06]
  padded.append(contentsOf: repeatElement(0, count: (rate - padded.count % rate) % rate))
  padded[padded.count - 1] |= 0x80

  var lanes = [UInt64](repeating: 0, count: 25)
  for start in stride(from: 0, to: padded.count, by: rate) {
    for index in 0..<(rate / 8) {
      let bytes = padded[(start + 8 * index)..<(start + 8 * index + 8)]
      lanes[index] ^= bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    permute(&lanes)
  }
  return lanes.prefix(4).flatMap { lane in (0..<8).map { UInt8(truncatingIfNeeded: lane >> (8 * UInt64($0))) } }
}

/// Keccak-f[1600]; lane (x, y) stands at x + 5 y.
private func permute(_ lanes: inout [UInt64]) {
  var columns = [UInt64](repeating: 0, count: 5)
  for constant in roundConstants {
    for x in 0..<5 { columns[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] }
    for index in 0..<25 { lanes[index] ^= columns[(index + 4) % 5] ^ turned(columns[(index + 1) % 5], 1) }
    // Lanes move along one long path, turned a step further each time.
    var moved = lanes[1]
    var (x, y, turn) = (1, 0, UInt64(0))
    for step in 1...24 {
      turn = (turn + UInt64(step)) % 64
      (x, y) = (y, (2 * x + 3 * y) % 5)
      let next = lanes[x + 5 * y]
      lanes[x + 5 * y] = turned(moved, turn)
      moved = next
    }
    for row in stride(from: 0, to: 25, by: 5) {
      let old = Array(lanes[row..<(row + 5)])
      for x in 0..<5 { lanes[row + x] = old[x] ^ (~old[(x + 1) % 5] & old[(x + 2) % 5]) }
    }
    lanes[0] ^= constant
  }
}

private func turned(_ lane: UInt64, _ count: UInt64) -> UInt64 {
  count == 0 ? lane : lane << count | lane >> (64 - count)
}

private let roundConstants: [UInt64] = [
  0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000, 0x0000_0000_0000_808b,
  0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009, 0x0000_0000_0000_008a, 0x0000_0000_0000_0088,
  0x0000_0000_8000_8009, 0x0000_0000_8000_000a, 0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089,
  0x8000_0000_0000_8003, 0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
  0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
]
