// SPDX-License-Identifier: Apache-2.0

import Hub
import TestSupport

extension EmbeddedHub {
  /// Answers the next `count` requests as a hub in trouble does: more than half of them well, the others in every way
  /// there is that says nothing against the data.
  func misbehave(_ random: inout SplitMix64, requests count: Int) {
    for _ in 0..<count {
      switch random.below(20) {
      case 0: inject(.status(429))
      case 1: inject(.status(429, retryAfter: "0"))
      case 2: inject(.status(500))
      case 3: inject(.status(503))
      case 4: inject(.hang)
      case 5: inject(.reset)
      case 6, 7: inject(.commitThenDrop)
      case 8: inject(.delay(.milliseconds(random.below(200))))
      default: inject(.delay(.zero))
      }
    }
  }

  /// How many requests it has given no good answer.
  var faults: Int { snapshot().requests.reduce(0) { $0 + ($1.key.hasSuffix(" 204") ? 0 : $1.value) } }
}
