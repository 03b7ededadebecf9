// SPDX-License-Identifier: Apache-2.0

import RE2
import Stages
import Telemetry
import Testing

/// What leaves a pipeline, and where its sources stand then.
@Suite struct PipelinePositionTests {
  @Test func `what is dropped is accounted for`() throws {
    var run = try PipelineRun([.drop("noise")])
    run.give("s", ["noise", "noise"], ending: "7")
    #expect(run.taken == ["s@7"])
    run.give("s", ["text", "noise"])
    #expect(run.taken == ["text@8", "s@9"])
  }

  @Test func `a line that is kept keeps the position of its source, and only of it`() throws {
    var run = try PipelineRun([.multiline()])
    run.give("a", ["[1]", " more"])
    run.give("b", ["plain"])
    #expect(run.taken == ["plain@1", "b@1"])
    run.give("a", [" end", "[2]"])
    #expect(run.taken == ["[1]| more| end@3", "a@3"])
  }

  @Test func `what comes behind a line that is kept waits, and leaves with an exact position`() throws {
    var run = try PipelineRun([.multiline()])
    run.give("s", ["other:1", "[1]", "other:2", " more", "other:3"])
    #expect(run.taken == ["other:1@1", "s@1"])
    run.give("s", ["[2]"], ending: "6 and more")
    // The block took its last line's place; what stands between its lines is accounted for only with it.
    #expect(run.taken == ["other:2", "[1]| more@4", "other:3@5", "s@5"])
    run.pass(seconds: 3)
    #expect(run.taken == ["[2]@6", "s@6 and more"])
  }

  @Test func `what waits too long leaves without its position`() throws {
    var run = try PipelineRun([.multiline(silence: 60)])
    run.give("s", ["[1]", "other:1"])
    run.pass(seconds: 4)
    #expect(run.taken.isEmpty)
    run.pass(seconds: 1)
    #expect(run.taken == ["other:1"])
    run.give("s", ["other:2", "[2]"])
    #expect(run.taken == ["[1]@1", "other:2@3", "s@3"])
  }

  @Test func `what is kept is bounded in lines and bytes`() throws {
    var run = try PipelineRun([.multiline(lines: 0)])
    for _ in 0..<60 { run.give("s", ["[1]"] + Array(repeating: "other:x", count: 200)) }
    #expect(run.pipeline.heldEntries < 5000)
    let long = String(repeating: "x", count: 10_000)
    for _ in 0..<300 { run.give("t", ["[\(long)"] + Array(repeating: long, count: 3)) }
    #expect(run.pipeline.heldBytes < 1_100_000)
    #expect(run.pipeline.heldEntries < 5000)
  }

  @Test func `a source that begins again gets back what was kept`() throws {
    var run = try PipelineRun([.multiline()])
    run.give("s", ["[1]", " lost"])
    run.pipeline.forget("origin")
    #expect(run.pipeline.heldEntries == 0)
    run.give("s", ["[1]", " more", "[2]"])
    #expect(run.taken == ["[1]| more@4", "s@4"])
  }

  @Test func `what some destinations lacked ends where all go on`() throws {
    var run = try PipelineRun([.multiline()])
    run.give("s", ["[1]", " more"], audience: ["late"])
    run.give("s", ["[2]"])
    #expect(run.audiences == [["late"]])
    #expect(run.taken == ["[1]| more@2", "s@2"])
    run.pass(seconds: 3)
    #expect(run.taken == ["[2]@3", "s@3"])
  }

  @Test func `a file that is gone is forgotten after its last lines`() throws {
    var run = try PipelineRun([.multiline()])
    run.give("s", ["[1]"], ending: "")
    #expect(run.taken.isEmpty)
    run.pass(seconds: 3)
    #expect(run.taken == ["[1]@1", "s@"])
  }

  @Test func `entries that nobody can read again keep their order`() throws {
    var run = try PipelineRun([.multiline()])
    run.give(nil, ["[1]", "other:1"])
    #expect(run.taken.isEmpty)
    run.give(nil, ["[2]", "other:2"])
    #expect(run.taken == ["[1]", "other:1"])
    run.print(run.pipeline.releaseAll(of: "origin", at: run.moment))
    #expect(run.taken == ["[2]", "other:2"])
    #expect(run.pipeline.heldEntries == 0)
  }

  @Test func `a rate makes the rest of a batch wait, and hands on what is ready`() throws {
    var run = try PipelineRun([.stage { LimitStage(rate: 1, burst: 1, excess: .wait) }])
    run.give("s", ["1", "2", "3", "4"])
    #expect(run.waits == 4)
    #expect(run.taken == ["1@1", "s@1", "2@2", "s@2", "3@3", "s@3", "4@4", "s@4"])
  }

  @Test func `positions of a batch that waits for its beginning are written in full`() throws {
    var run = try PipelineRun([.multiline()])
    run.prefix = "inode 1:"
    run.give("s", ["plain", "[1]"])
    #expect(run.taken == ["plain@inode 1:1", "s@inode 1:1"])
    run.prefix = "inode 2:"
    run.give("s", ["[2]", "[3]"])
    #expect(run.taken == ["[1]@inode 1:2", "[2]@inode 2:3", "s@inode 2:3"])
  }
}

extension PipelineStep {
  /// Drops lines that contain `text`.
  fileprivate static func drop(_ text: String) throws -> PipelineStep {
    var conditions = DropStage.Conditions()
    conditions.pattern = try Pattern(text)
    return .stage { [conditions] in DropStage(conditions, reason: "test") }
  }

  /// Blocks that begin with `[`.
  fileprivate static func multiline(lines: Int = 128, silence: Int64 = 3) throws -> PipelineStep {
    let pattern = try Pattern("^\\[")
    var limits = MultilineStage.Limits()
    limits.lines = lines
    limits.silence = silence * 1_000_000_000
    return .stage { [limits] in MultilineStage(firstLine: pattern, limits: limits, trimsNewlines: true) }
  }
}

/// A pipeline that is given lines; what it gives is written down as `line@position`, and `source@position` at the end of
/// each batch. A line `other:…` has another label.
struct PipelineRun: ~Copyable {
  var pipeline: Pipeline
  var moment = Moment(wall: 0, monotonic: 1)
  var prefix = ""
  private(set) var audiences: [Set<String>] = []
  private(set) var waits = 0
  private var emitted: [String] = []
  private var count: [String: Int] = [:]

  init(_ steps: [PipelineStep]) throws { pipeline = Pipeline(steps) }

  /// What was emitted since the last look.
  var taken: [String] {
    mutating get {
      defer { emitted = [] }
      return emitted
    }
  }

  mutating func give(_ source: String?, _ lines: [String], ending: String? = nil, audience: Set<String>? = nil) {
    var batch = LogBatch(origin: "origin")
    batch.audience = audience
    batch.labelSets = [LabelSet([Label("app", "a")]), LabelSet([Label("app", "other")])]
    if let source { batch.sources = [.init(name: Array(source.utf8), positionPrefix: Array(prefix.utf8))] }
    for line in lines {
      count[source ?? "", default: 0] += 1
      batch.append(
        line: Array(line.utf8).span, timestampNanoseconds: 0, labels: line.hasPrefix("other:") ? 1 : 0,
        source: source == nil ? -1 : 0, position: Array("\(count[source ?? ""] ?? 0)".utf8).span)
    }
    if source != nil {
      batch.sources[0].position =
        ending.map { Array($0.utf8) } ?? batch.position(after: batch.entries[batch.entries.count - 1])
    }
    if let ending, let source, let number = Int(ending) { count[source] = number }
    var progress = pipeline.process(batch, at: moment)
    while case .waiting(let until, let batches) = progress {
      print(batches)
      waits += 1
      moment.monotonic = until
      progress = pipeline.resume(at: moment)
    }
    if case .finished(let batches) = progress { print(batches) }
  }

  mutating func pass(seconds: Int64) {
    moment.monotonic += seconds * 1_000_000_000
    print(pipeline.releaseDue(at: moment))
  }

  mutating func print(_ batches: [LogBatch]) {
    for batch in batches {
      if let audience = batch.audience { audiences.append(audience) }
      for entry in batch.entries {
        let line = String(decoding: batch.bytes[entry.line], as: UTF8.self).split(separator: "\n").joined(
          separator: "|")
        emitted.append(line + (batch.position(after: entry).map { "@" + String(decoding: $0, as: UTF8.self) } ?? ""))
      }
      for source in batch.sources {
        guard let position = source.position else { continue }
        emitted.append("\(String(decoding: source.name, as: UTF8.self))@\(String(decoding: position, as: UTF8.self))")
      }
    }
  }
}
