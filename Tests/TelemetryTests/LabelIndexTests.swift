// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@Suite struct LabelIndexTests {
  private func packed(_ number: Int) -> [UInt8] { LabelSet(["__name__": "s", "n": "\(number)"]).packed }

  /// The numbers the index gives to sets, and which of them were new.
  private func find(_ sets: some Sequence<Int>, in index: inout LabelIndex) -> [(Int, Bool)] {
    index.rewind()
    return sets.map { set in
      let (number, isNew) = index.find(packed(set).span)
      return (number, isNew)
    }
  }

  @Test func `sets are numbered as they come, and found again in any order`() {
    var index = LabelIndex()
    #expect(find(0..<100, in: &index).map(\.0) == Array(0..<100))
    #expect(find((0..<100).reversed(), in: &index).map(\.0) == (0..<100).reversed())
    #expect(find([5, 5, 100], in: &index).map(\.1) == [false, false, true])
    #expect(Array(index.bytes[index.range(of: 7)]) == packed(7))
  }

  @Test func `what is forgotten is new again, and the rest is found under its new number`() {
    var index = LabelIndex()
    _ = find(0..<100, in: &index)
    index.keepOnly((0..<100).map { $0.isMultiple(of: 3) })
    #expect(index.count == 34)
    #expect(find([3, 99, 1], in: &index).map(\.0) == [1, 33, 34])
    index.truncate(to: 33)
    #expect(find([0, 96, 99], in: &index).map(\.0) == [0, 32, 33])
    #expect(Array(index.bytes[index.range(of: 33)]) == packed(99))
    index.keepOnly(Array(repeating: false, count: index.count))
    #expect(index.count == 0)
    #expect(find([4], in: &index).map(\.1) == [true])
    index.truncate(to: 5)
    #expect(index.count == 1)
  }

  @Test func `a set without labels is a set`() {
    var index = LabelIndex()
    let none: [UInt8] = []
    #expect(index.find(none.span).isNew)
    #expect(!index.find(none.span).isNew)
  }
}
