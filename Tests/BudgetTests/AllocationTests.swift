// SPDX-License-Identifier: Apache-2.0

import CAllocations
import Linux
import Queue
import Syntax
import Telemetry
import TestSupport
import Testing

@testable import Components
@testable import Logs
@testable import NodeMetrics
@testable import Stages

/// How often the hot paths ask for memory: what a line, a sample or a block may cost, so that it does not grow unnoticed.
///
/// The difference between much and more tells what one more costs. The numbers are those of a debug build, which keeps
/// some temporary arrays that an optimised one does not. Under a sanitizer nothing is counted.
@Suite(.enabled(if: callocations_are_counted() != 0)) struct AllocationTests {
  private func allocations(_ body: () throws -> Void) rethrows -> Int {
    let before = callocations_of_this_thread()
    try body()
    return Int(callocations_of_this_thread() - before)
  }

  private func line(_ number: Int) -> String {
    "2026-01-01T00:00:00.123456789Z stdout F level=info host=web-\(number % 7) msg=\"request \(number) served from cache\""
  }

  @Test func `what is counted is what is taken from the heap`() {
    var kept: [[UInt8]] = []
    kept.reserveCapacity(10)
    let count = allocations { for size in 1...10 { kept.append([UInt8](repeating: 0, count: 1000 * size)) } }
    #expect((10...12).contains(count) && kept.count == 10)
  }

  @Test func `lines of a file`() throws {
    let directory = try TemporaryDirectory()
    let few = try allocationsOfReading(10_000, directory.path("few.log"))
    let many = try allocationsOfReading(30_000, directory.path("many.log"))
    #expect(many - few < 20_000 / 20, "\(few) for 10,000 lines, \(many) for 30,000")
  }

  private func allocationsOfReading(_ count: Int, _ path: String) throws -> Int {
    try replaceFile(path, with: Array((0..<count).map { line($0) + "\n" }.joined().utf8).span)
    let follower = FileFollower(
      origin: "budget", settings: FileSourceSettings(targets: [["__path__": path]]),
      log: Log(to: LogSink(descriptor: -1)), wakeUp: try WakeUp())
    follower.begin([LogDestination(id: "hub")])
    var lines = 0
    let taken = allocations {
      while let batch = follower.nextBatch() {
        lines += batch.entries.count
        follower.spare = batch
      }
    }
    #expect(lines == count)
    return taken
  }

  // A debug build's, where generic functions of the standard library take memory for their own variables: optimised,
  // lines through cri or regex take none.
  @Test(arguments: [
    ("stage.cri {}", 4), ("stage.drop { expression = \"nothing like this\" }", 0),
    ("stage.static_labels { values = { job = \"budget\" } }", 5),
    ("stage.regex { expression = \"host=(?P<host>\\\\S+)\" }\n stage.labels { values = { host = \"\" } }", 4),
    ("stage.logfmt { mapping = { level = \"\" } }\n stage.labels { values = { level = \"\" } }", 18),
  ])
  func `lines through stages`(stages: String, budget: Int) throws {
    let file = SourceFile(name: "stages", text: "loki.process \"budget\" {\n\(stages)\n}\n")
    let (body, mistakes) = parse(file)
    #expect(mistakes.isEmpty)
    let decoder = BlockDecoder(evaluate(try #require(body.blocks.first), in: Scope()).block)
    var pipeline = Stages.Pipeline(PipelineStep.decode(decoder))
    let (few, many) = (batch(1_000), batch(3_000))
    // What comes for the first time is remembered.
    _ = pipeline.process(few, at: Moment(wall: 0, monotonic: 0))
    let small = allocations { _ = pipeline.process(few, at: Moment(wall: 0, monotonic: 0)) }
    let large = allocations { _ = pipeline.process(many, at: Moment(wall: 0, monotonic: 0)) }
    #expect(large - small <= 2_000 * budget + 40, "\(small) for 1,000 lines, \(large) for 3,000")
  }

  private func batch(_ count: Int) -> LogBatch {
    var batch = LogBatch(origin: "budget")
    batch.sources = [LogBatch.Source(name: Array("file".utf8))]
    batch.labelSets = [LabelSet(["filename": "/var/log/app.log"])]
    for number in 0..<count {
      batch.append(
        line: Array(line(number).utf8).span, timestampNanoseconds: Int64(number), labels: 0, source: 0,
        position: Array("\(number)".utf8).span)
    }
    return batch
  }

  @Test func `a block of lines`() {
    var encoder = LogBlockEncoder(externalLabels: LabelSet(["cluster": "budget"]), tenant: "", maxStreams: 0)
    let (few, many) = (batch(1_000), batch(3_000))
    _ = encoder.encode([many], positions: [], now: 0)
    let small = allocations { _ = encoder.encode([few], positions: [], now: 0) }
    let large = allocations { _ = encoder.encode([many], positions: [], now: 0) }
    #expect(large - small <= 2_000 * 2 + 40, "\(small) for a block of 1,000 lines, \(large) for one of 3,000")
  }

  @Test(arguments: ["cpu", "diskstats", "filefd", "loadavg", "meminfo", "stat", "time", "uname"])
  func `samples of a scrape`(collector name: String) throws {
    let options = NodeOptions()
    let host = Host(
      procfs: options.procfsPath, sysfs: options.sysfsPath, rootfs: options.rootfsPath,
      udevData: options.udevDataPath, log: Log(to: LogSink(descriptor: -1)))
    let registration = try #require(Collectors.all.first { $0.name == name })
    var collector = registration.make(options, host)
    var batch = SeriesBatch()
    // Files are opened, and names made, once.
    try collector.collect(into: &batch, from: host)
    let samples = batch.count
    var next = SeriesBatch()
    let taken = try allocations { try collector.collect(into: &next, from: host) }
    #expect(taken <= 40 + 8 * samples, "\(taken) for \(samples) samples")
  }
}
