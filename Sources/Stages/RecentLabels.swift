// SPDX-License-Identifier: Apache-2.0

/// Something for each set of labels, packed: for the 10 000 last used at least, and for no more than twice as many.
struct RecentLabels<Value> {
  private let capacity: Int
  // When the young are as many as there may be, they become old, and who was old is forgotten.
  private var young: [[UInt8]: Value] = [:]
  private var old: [[UInt8]: Value] = [:]
  // Lines mostly have the labels of the line before; these are in neither dictionary, or out of date there.
  private var lastLabels: [UInt8] = []
  private var lastValue: Value?

  init(capacity: Int = 10_000) { self.capacity = capacity }

  var count: Int { young.count + old.count }

  subscript(labels: [UInt8]) -> Value? {
    mutating get {
      if labels == lastLabels { return lastValue }
      putBack()
      lastLabels = labels
      lastValue = young[labels] ?? old[labels]
      return lastValue
    }
    set {
      if labels != lastLabels {
        putBack()
        lastLabels = labels
      }
      lastValue = newValue
    }
  }

  private mutating func putBack() {
    guard let lastValue else { return }
    if young.count >= capacity, young[lastLabels] == nil {
      old = young
      young = [:]
    }
    young[lastLabels] = lastValue
  }
}
