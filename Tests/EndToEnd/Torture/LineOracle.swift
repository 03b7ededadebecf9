// SPDX-License-Identifier: Apache-2.0

import Hub

/// What became of the lines of a load: what a hub has against what was written.
struct LineOracle {
  /// Lines that are not there.
  private(set) var lost: [LineLoad.Line] = []
  /// Lines that are there again under another time, which no hub can know for the same.
  private(set) var duplicated: [LineLoad.Line] = []
  /// How many lines came after a later one of their generation.
  private(set) var disordered = 0

  init(_ load: LineLoad, _ hub: EmbeddedHub) {
    var arrivals: [LineLoad.Line: Int] = [:]
    for stream in hub.streams() {
      var last: [Int: Int] = [:]
      for entry in stream.entries {
        // journald has lines of its own.
        let words = entry.text.split(separator: " ", maxSplits: 2).prefix(2).compactMap { Int($0) }
        guard words.count == 2 else { continue }
        let line = LineLoad.Line(generation: words[0], number: words[1])
        arrivals[line, default: 0] += 1
        if line.number < last[line.generation] ?? -1 { disordered += 1 }
        last[line.generation] = line.number
      }
    }
    for (generation, count) in load.generations.enumerated() {
      for number in 0..<count where arrivals[LineLoad.Line(generation: generation, number: number)] == nil {
        lost.append(LineLoad.Line(generation: generation, number: number))
      }
    }
    duplicated = arrivals.filter { $0.value > 1 }.map(\.key)
  }
}
