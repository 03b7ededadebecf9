// SPDX-License-Identifier: Apache-2.0

import Linux
import Stages
import Syntax
import Telemetry
import TestSupport
import Testing

@testable import Components

/// Documents in `Fixtures/*.stages`: stages, entries, and what comes of them, between lines of `----------`; documents
/// between lines of `==========`. Comments begin with `//` among stages, and with `#` among entries.
///
/// An entry is `{label="value", …} the line`; between the two may stand `meta{name="value"}` for structured metadata and
/// `@2026-01-01T08:30:00Z` for its time, which is 2026-01-01T00:00:00Z unless said otherwise. In lines and values `\n`,
/// `\r`, `\t`, `\\`, `\"` and `\xNN` mean what they mean in C. The clock says 2026-01-01T12:00:00Z, until a line
/// `now 2026-02-03T04:05:06Z` sets it; `wait 3s` lets that time pass.
///
/// Expected are the entries that leave, and how many were dropped for which reason; or what is wrong with the stages.
/// With `UPDATE_FIXTURES` set, what comes now is written down as expected; read the difference then.
@Suite struct StageFixtureTests {
  @Test(arguments: try names()) func `stages make of entries what is expected`(name: String) throws {
    let path = "\(parent(of: #filePath))/Fixtures/\(name)"
    let documents = pieces(String(decoding: try readFile(path), as: UTF8.self), "==========").map {
      pieces($0, "----------")
    }
    if environmentVariable("UPDATE_FIXTURES") != nil {
      let updated = try documents.map { parts in
        let input = parts.count > 1 ? "\(parts[1])----------\n" : ""
        return "\(parts[0])----------\n\(input)\(try outcome(parts))"
      }
      return try replaceFile(path, with: Array(updated.joined(separator: "==========\n").utf8).span)
    }
    for parts in documents { #expect(try outcome(parts) == parts.last, "\(parts[0])") }
  }

  private static func names() throws -> [String] {
    try listDirectory("\(parent(of: #filePath))/Fixtures").filter { $0.hasSuffix(".stages") }
  }

  private func pieces(_ text: String, _ separator: String) -> [String] {
    var found = [""]
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if line == separator { found.append("") } else { found[found.count - 1] += line + "\n" }
    }
    return found
  }

  /// What comes of the entries in the second part of a document, or what is wrong with the first.
  private func outcome(_ parts: [String]) throws -> String {
    let text = "loki.process \"test\" {\n\(parts[0])}\n"
    let file = SourceFile(name: "stages", text: text)
    let (body, mistakes) = parse(file)
    guard mistakes.isEmpty, let block = body.blocks.first else { return render(mistakes, sources: [file]) + "\n" }
    let decoder = BlockDecoder(evaluate(block, in: Scope()).block)
    let steps = PipelineStep.decode(decoder)
    let findings = decoder.finish()
    var result = findings.isEmpty ? "" : render(findings, sources: [file]) + "\n"
    guard !findings.contains(where: { $0.severity == .error }) else { return result }
    var run = StageRun(Stages.Pipeline(steps))
    for line in (parts.count > 1 ? parts[1] : "").split(separator: "\n") where !line.hasPrefix("#") {
      try run.take(line)
    }
    run.flush()
    result += run.emitted
    for (reason, count) in run.pipeline.statistics.drops.sorted(by: { $0.key < $1.key }) where count > 0 {
      result += "dropped \(count): \(reason)\n"
    }
    return result
  }
}

/// A pipeline, what it was given, and what came of it.
private struct StageRun: ~Copyable {
  var pipeline: Stages.Pipeline
  var emitted = ""
  private var moment: Moment
  private var batch = LogBatch(origin: "test")
  private static let standardTime = parseRFC3339(Array("2026-01-01T00:00:00Z".utf8).span) ?? 0

  init(_ pipeline: consuming Stages.Pipeline) {
    self.pipeline = pipeline
    moment = Moment(wall: Self.standardTime + 12 * 3_600_000_000_000, monotonic: 1_000_000_000_000)
    batch.sources = [LogBatch.Source(name: Array("file".utf8), position: [])]
  }

  mutating func take(_ line: Substring) throws {
    if line.hasPrefix("now ") {
      flush()
      moment.wall = try time(line.dropFirst(4))
    } else if line.hasPrefix("wait ") {
      flush()
      let passed = try parseDuration(String(line.dropFirst(5))) / .nanoseconds(1)
      moment.wall += Int64(passed)
      moment.monotonic += Int64(passed)
      print(pipeline.releaseDue(at: moment))
    } else {
      try append(line)
    }
  }

  /// Has the pipeline work on what has come.
  mutating func flush() {
    guard !batch.entries.isEmpty else { return }
    batch.sources[0].position = batch.entries.last.flatMap { batch.position(after: $0) }
    var progress = pipeline.process(batch, at: moment)
    while case .waiting(let until, let batches) = progress {
      print(batches)
      moment.wall += until - moment.monotonic
      moment.monotonic = until
      progress = pipeline.resume(at: moment)
    }
    if case .finished(let batches) = progress { print(batches) }
    let sources = batch.sources
    batch = LogBatch(origin: "test")
    batch.sources = sources
  }

  private mutating func append(_ text: Substring) throws {
    var text = text
    let labels = try LabelSet(takeLabels(&text))
    var metadata: [UInt8] = []
    if text.hasPrefix("meta{") {
      text.removeFirst(4)
      metadata = try LabelSet(takeLabels(&text)).packed
    }
    var timestamp = Self.standardTime
    if text.hasPrefix("@") {
      let word = text.dropFirst().prefix { $0 != " " }
      timestamp = try time(word)
      text = text.dropFirst(word.count + 2)
    }
    batch.labelSets.append(labels)
    batch.append(
      line: unescaped(text).span, metadata: metadata.span, timestampNanoseconds: timestamp,
      labels: Int32(batch.labelSets.count - 1), source: 0, position: Array("\(batch.entries.count)".utf8).span)
  }

  private func time(_ text: Substring) throws -> Int64 {
    let time = parseRFC3339(Array(text.utf8).span)
    return try #require(time, "no time: \(text)")
  }

  /// `{name="value", …} `, which is removed from `text`.
  private func takeLabels(_ text: inout Substring) throws -> [String: String] {
    var labels: [String: String] = [:]
    try #require(text.popFirst() == "{", "labels have to come first: \(text)")
    while text.first != "}" {
      let name = text.prefix { $0 != "=" }
      text = text.dropFirst(name.count + 2)
      var value = ""
      while let next = text.popFirst(), next != "\"" {
        value.append(next)
        if next == "\\", let escaped = text.popFirst() { value.append(escaped) }
      }
      labels[String(name)] = String(decoding: unescaped(value[...]), as: UTF8.self)
      if text.hasPrefix(", ") { text = text.dropFirst(2) }
      try #require(!text.isEmpty, "labels without an end")
    }
    text = text.dropFirst()
    if text.first == " " { text = text.dropFirst() }
    return labels
  }

  private func unescaped(_ text: Substring) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let letter = rest.popFirst() else {
        bytes.append(byte)
        continue
      }
      switch letter {
      case UInt8(ascii: "n"): bytes.append(0x0a)
      case UInt8(ascii: "r"): bytes.append(0x0d)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "x"):
        bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
      default: bytes.append(letter)
      }
    }
    return bytes
  }

  // MARK: Writing down

  private mutating func print(_ batches: [LogBatch]) {
    for batch in batches {
      for entry in batch.entries {
        emitted += written(batch.labelSets[Int(entry.labels)])
        if !entry.metadata.isEmpty {
          emitted += " meta" + written(LabelSet(packed: Array(batch.bytes[entry.metadata])))
        }
        if entry.timestampNanoseconds != Self.standardTime { emitted += " @" + written(entry.timestampNanoseconds) }
        emitted += entry.line.isEmpty ? "\n" : " " + escaped(batch.bytes[entry.line]) + "\n"
      }
    }
  }

  private func written(_ labels: LabelSet) -> String {
    "{"
      + labels.labels.map { "\($0.name)=\"\(escaped(Array($0.value.utf8)[...], quotes: true))\"" }
      .joined(separator: ", ") + "}"
  }

  private func written(_ nanoseconds: Int64) -> String {
    let rest = String(nanoseconds - nanoseconds / 1_000_000_000 * 1_000_000_000)
    let fraction = rest == "0" ? "" : "." + String(repeating: "0", count: 9 - rest.count) + rest
    return rfc3339(nanoseconds: nanoseconds).prefix(19) + fraction + "Z"
  }

  private func escaped(_ bytes: ArraySlice<UInt8>, quotes: Bool = false) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      switch byte {
      case 0x0a: text += Array("\\n".utf8)
      case 0x0d: text += Array("\\r".utf8)
      case 0x09: text += Array("\\t".utf8)
      case 0x5c: text += Array("\\\\".utf8)
      case 0x22 where quotes: text += Array("\\\"".utf8)
      case 0..<0x20: text += Array("\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
      default: text.append(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
