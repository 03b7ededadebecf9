// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The times of every CPU as they were last exported, which counters must not fall behind.
///
/// The kernel lets idle and iowait slip back a little now and then: the greatest value seen is kept. When idle falls by
/// three seconds or more, the CPU was taken away and brought back, and its times start anew.
struct CPUTimes {
  /// user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice, in hundredths of a second.
  typealias Ticks = InlineArray<10, UInt64>

  struct Row {
    let number: UInt64
    let label: String
    var ticks = Ticks(repeating: 0)
    var present = true
  }

  private(set) var rows: [Row] = []

  private static let idle = 3
  private static let jump: UInt64 = 300

  /// Takes the `cpuN` lines of `/proc/stat`; a CPU without one is off and forgotten.
  mutating func update(_ bytes: Span<UInt8>) throws {
    for index in rows.indices { rows[index].present = false }
    var offset = 0
    var place = 0
    while let line = nextLine(bytes, at: &offset) {
      guard hasPrefix(bytes, line, "cpu") else {
        if place > 0 { break }  // they come first, and what follows can be long
        continue
      }
      var field = line.lowerBound
      guard let key = nextField(bytes, at: &field, before: line.upperBound), key.count > 3 else { continue }
      guard let number = parseUnsigned(bytes, key.lowerBound + 3..<key.upperBound),
        let ticks = parseTicks(bytes, field..<line.upperBound)
      else { throw CollectorError.unexpectedContent("stat") }
      place = keep(ticks, of: number, near: place) + 1
    }
    rows.removeAll { !$0.present }
  }

  /// Merges the new times of one CPU, and returns where it stands.
  private mutating func keep(_ new: Ticks, of number: UInt64, near place: Int) -> Int {
    let index = find(number, near: place)
    rows[index].present = true
    let old = rows[index].ticks
    if old[Self.idle] >= new[Self.idle], old[Self.idle] - new[Self.idle] >= Self.jump {
      rows[index].ticks = new
      return index
    }
    for field in 0..<10 { rows[index].ticks[field] = max(old[field], new[field]) }
    return index
  }

  private mutating func find(_ number: UInt64, near place: Int) -> Int {
    if place < rows.count, rows[place].number == number { return place }
    if let index = rows.firstIndex(where: { $0.number == number }) { return index }
    let index = rows.firstIndex { $0.number > number } ?? rows.endIndex
    rows.insert(Row(number: number, label: "\(number)"), at: index)
    return index
  }

  /// Columns that old kernels do not have count 0; those to come are of no interest.
  private func parseTicks(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Ticks? {
    var ticks = Ticks(repeating: 0)
    var place = range.lowerBound
    var count = 0
    while count < 10, let field = nextField(bytes, at: &place, before: range.upperBound) {
      guard let number = parseUnsigned(bytes, field) else { return nil }
      ticks[count] = number
      count += 1
    }
    return count > 0 ? ticks : nil
  }
}
