// SPDX-License-Identifier: Apache-2.0

import RE2
import Stages
import Telemetry
import TestSupport
import Testing

/// A pipeline that keeps lines, a destination that crashes, and a source that then reads again from where it got to. A
/// failure names its seed: `SPOKE_SEED=<seed> swift test --filter HeldLinesTests` repeats it.
@Suite struct HeldLinesTests {
  @Test(arguments: testSeeds(count: 30)) func `no line is lost in a crash, and the lines of a stream keep their order`(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    var world = try World(&random)
    for _ in 0..<60 { world.step(&random) }
    world.settle()
    world.check()
  }
}

private struct World: ~Copyable {
  /// What the sources have, by name: a stream and a line each.
  private var files: [String: [(stream: Int32, text: String)]] = [:]
  private var read: [String: Int] = [:]
  private var pipeline: Pipeline
  private let steps: [PipelineStep]
  private let isDropped: (_ text: String, _ stream: Int32) -> Bool
  private var now: Int64 = 1
  private var delivered: [String: [String]] = [:]  // by file
  private var noted: [String: Int] = [:]

  init(_ random: inout SplitMix64) throws {
    (steps, isDropped) = try Self.steps(&random)
    let isCRI = Pipeline(steps).statistics.readsCRI
    pipeline = Pipeline(steps)
    for name in ["a", "b", "c"] {
      files[name] = (0..<400).map { number in
        let stream = Int32.random(in: 0..<3, using: &random)
        let kind = Int.random(in: 0..<10, using: &random)
        let text = "\(kind < 3 ? "[" : " ")\(name)\(number);"
        // What reads container runtimes' lines finds them written in parts; to all else these are ordinary lines.
        let isPart = random.chance(30)
        return (stream, isCRI ? "2026-01-01T00:00:00Z stdout \(isPart ? "P" : "F") \(text)" : text)
      }
    }
  }

  /// Steps, and which lines they drop.
  private static func steps(
    _ random: inout SplitMix64
  ) throws -> ([PipelineStep], (_ text: String, _ stream: Int32) -> Bool) {
    let pattern = try Pattern("^\\[")
    var limits = MultilineStage.Limits()
    limits.lines = [2, 5, 128].randomElement(using: &random) ?? 0
    limits.silence = [1, 8].randomElement(using: &random).map { $0 * 1_000_000_000 } ?? 0
    var drop = DropStage.Conditions()
    drop.pattern = try Pattern("7;$")
    let block = PipelineStep.stage { [limits] in
      MultilineStage(firstLine: pattern, limits: limits, trimsNewlines: true)
    }
    let filter = PipelineStep.stage { [drop] in DropStage(drop, reason: "test") }
    var parts = CRIStage.Limits()
    parts.lines = [1, 2, 100].randomElement(using: &random) ?? 0
    let cri = PipelineStep.stage { [parts] in CRIStage(parts) }
    switch random.next() % 5 {
    case 3: return ([cri], { _, _ in false })
    case 4: return ([cri, block], { _, _ in false })
    case 0: return ([block], { _, _ in false })
    case 1: return ([filter, block], { text, _ in text.hasSuffix("7;") })
    default:
      let nested = PipelineStep.match(try Selector("{stream=~\"0|1\"}"), steps: [filter, block])
      return ([nested], { text, stream in stream < 2 && text.hasSuffix("7;") })
    }
  }

  mutating func step(_ random: inout SplitMix64) {
    switch Int.random(in: 0..<12, using: &random) {
    case 0: crash()
    case 1, 2:
      now += Int64.random(in: 0..<4_000_000_000, using: &random)
      let batches = pipeline.releaseDue(at: moment)
      take(batches, whole: Int.random(in: 0..<4, using: &random) > 0, &random)
    default: send(&random)
    }
  }

  private var moment: Moment { Moment(wall: now, monotonic: now) }

  private mutating func send(_ random: inout SplitMix64) {
    var batch = LogBatch(origin: "o")
    for stream in 0..<3 { batch.labelSets.append(LabelSet([Label("stream", "\(stream)")])) }
    for (index, name) in ["a", "b", "c"].enumerated() {
      batch.sources.append(.init(name: Array(name.utf8), positionPrefix: Array("at ".utf8)))
      let first = read[name] ?? 0
      let last = min(400, first + Int.random(in: 0..<9, using: &random))
      for number in first..<last {
        let line = files[name]?[number]
        batch.append(
          line: Array((line?.text ?? "").utf8).span, timestampNanoseconds: 0, labels: line?.stream ?? 0,
          source: Int32(index), position: Array("\(number + 1)".utf8).span)
      }
      if last > first { batch.sources[index].position = Array("at \(last)".utf8) }
      read[name] = last
    }
    guard case .finished(let batches) = pipeline.process(batch, at: moment) else { return }
    take(batches, whole: Int.random(in: 0..<6, using: &random) > 0, &random)
  }

  /// The destination notes what it has together with the position; when it does not get all of a batch, it crashes.
  private mutating func take(_ batches: [LogBatch], whole: Bool, _ random: inout SplitMix64) {
    for batch in batches {
      let count = whole ? batch.entries.count : Int.random(in: 0...batch.entries.count, using: &random)
      for entry in batch.entries.prefix(count) { take(entry, of: batch) }
      if !whole { return crash() }
      for source in batch.sources {
        if let position = source.position { note(source.name, position) }
      }
    }
  }

  private mutating func take(_ entry: LogBatch.Entry, of batch: LogBatch) {
    let text = String(decoding: batch.bytes[entry.line], as: UTF8.self)
    guard let name = text.first(where: { "abc".contains($0) }) else { return }
    delivered[String(name), default: []].append(text)
    if entry.source >= 0, let position = batch.position(after: entry) {
      note(batch.sources[Int(entry.source)].name, position)
    }
  }

  private mutating func note(_ source: [UInt8], _ position: [UInt8]) {
    let name = String(decoding: source, as: UTF8.self)
    let number = Int(String(decoding: position, as: UTF8.self).dropFirst(3)) ?? -1
    #expect(number >= noted[name] ?? 0, "the position goes back")
    noted[name] = number
  }

  private mutating func crash() {
    for name in files.keys { read[name] = noted[name] ?? 0 }
    pipeline = Pipeline(steps)
  }

  /// Reads everything to the end and waits.
  mutating func settle() {
    var random = SplitMix64(seed: 0)
    while files.keys.contains(where: { (read[$0] ?? 0) < 400 }) {
      var batch = LogBatch(origin: "o")
      for stream in 0..<3 { batch.labelSets.append(LabelSet([Label("stream", "\(stream)")])) }
      for (index, name) in ["a", "b", "c"].enumerated() {
        batch.sources.append(.init(name: Array(name.utf8), position: Array("at 400".utf8)))
        for number in (read[name] ?? 0)..<400 {
          batch.append(
            line: Array((files[name]?[number].text ?? "").utf8).span, timestampNanoseconds: 0,
            labels: files[name]?[number].stream ?? 0, source: Int32(index),
            position: Array("at \(number + 1)".utf8).span)
        }
        read[name] = 400
      }
      guard case .finished(let batches) = pipeline.process(batch, at: moment) else { return }
      take(batches, whole: true, &random)
    }
    for _ in 0..<3 {
      now += 10_000_000_000
      take(pipeline.releaseDue(at: moment), whole: true, &random)
    }
  }

  func check() {
    #expect(pipeline.heldEntries == 0)
    #expect(pipeline.heldBytes == 0)
    for (name, lines) in files {
      #expect(noted[name] == 400)
      var found: [Int] = []
      for line in delivered[name, default: []].joined().split(separator: ";") {
        if let number = Int(line.trimmed.dropFirst()), !found.contains(number) { found.append(number) }
      }
      #expect(found.sorted() == lines.indices.filter { !isDropped(lines[$0].text, lines[$0].stream) })
      for stream in Int32(0)..<3 {
        let own = found.filter { lines[$0].stream == stream }
        #expect(own == own.sorted(), "lines of a stream have changed places")
      }
    }
  }
}

extension Substring {
  fileprivate var trimmed: String { String(drop { " [\n".contains($0) }) }
}
