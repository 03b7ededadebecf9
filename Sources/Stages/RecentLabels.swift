// SPDX-License-Identifier: Apache-2.0

/// Something for each set of labels, packed: for the 10 000 last used at least, and for no more than twice as many.
struct RecentLabels<Value> {
  private let capacity: Int
  // When the young are as many as there may be, they become old, and who was old is forgotten.
  private var young: [[UInt8]: Value] = [:]
  private var old: [[UInt8]: Value] = [:]

  init(capacity: Int = 10_000) { self.capacity = capacity }

  var count: Int { young.count + old.count }

  subscript(labels: [UInt8]) -> Value? {
    mutating get {
      if let value = young[labels] { return value }
      guard let value = old.removeValue(forKey: labels) else { return nil }
      self[labels] = value
      return value
    }
    set {
      if young.count >= capacity, young[labels] == nil {
        old = young
        young = [:]
      }
      young[labels] = newValue
    }
  }
}
