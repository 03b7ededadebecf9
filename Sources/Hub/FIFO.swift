// SPDX-License-Identifier: Apache-2.0

/// First in, first out, in one array whose unused front is given back now and then.
struct FIFO<Element> {
  private var elements: [Element] = []
  private var start = 0

  var count: Int { elements.count - start }
  var isEmpty: Bool { count == 0 }
  var contents: ArraySlice<Element> { elements[start...] }
  var last: Element? { isEmpty ? nil : elements.last }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func removeFirst() -> Element? {
    guard start < elements.count else { return nil }
    let element = elements[start]
    start += 1
    if start > 64, start > elements.count / 2 {
      elements.removeFirst(start)
      start = 0
    }
    return element
  }
}

/// Events in the last ten seconds.
struct RateWindow {
  private static let seconds = 10
  private var counts = [Int](repeating: 0, count: seconds)
  private var current: Int64 = 0  // the second `counts[current % seconds]` is about
  private var first: Int64?  // the second of the first count; less than the window ago, only that much is averaged

  mutating func add(_ count: Int, at second: Int64) {
    advance(to: second)
    if first == nil { first = current }
    counts[index(current)] += count
  }

  mutating func perSecond(at second: Int64) -> Double {
    advance(to: second)
    let age = first.map { current - $0 + 1 } ?? 1
    return Double(counts.reduce(0, +)) / Double(min(age, Int64(Self.seconds)))
  }

  private mutating func advance(to second: Int64) {
    guard second > current else { return }
    for passed in max(current + 1, second - Int64(Self.seconds) + 1)...second { counts[index(passed)] = 0 }
    current = second
  }

  private func index(_ second: Int64) -> Int { Int(second % Int64(Self.seconds)) }
}
