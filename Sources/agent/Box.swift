// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Something that is known later than its holder.
final class Box<Value: Sendable>: Sendable {
  private let stored = Mutex<Value?>(nil)

  var value: Value? { stored.withLock { $0 } }

  func set(_ value: Value) { stored.withLock { $0 = value } }
}
