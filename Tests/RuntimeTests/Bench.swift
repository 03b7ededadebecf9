// SPDX-License-Identifier: Apache-2.0

import Linux
import Runtime
import Synchronization
import Syntax
import Telemetry
import TestSupport
import Testing

/// What the components of a test did, in order.
final class Journal: Sendable {
  private struct State {
    var lines: [String] = []
    var isBroken: Set<String> = []
    var received: [String: [Int]] = [:]
    var made: [String: Int] = [:]
    var publishers: [String: @Sendable ([String: Value]) -> Void] = [:]
    var values: [String: Value] = [:]
    var vitals: [String: Vitals?] = [:]
    var questions: [String: Int] = [:]
  }
  private let state = Mutex(State())

  func note(_ line: String) { state.withLock { $0.lines.append(line) } }

  /// The lines since the last call.
  func take() -> [String] {
    state.withLock { state in
      defer { state.lines = [] }
      return state.lines
    }
  }

  var lines: [String] { state.withLock { $0.lines } }

  func count(_ line: String) -> Int { state.withLock { $0.lines.count { $0 == line } } }

  /// Lets `run` of component `id` fail, or work again.
  func setBroken(_ id: String, _ isBroken: Bool) {
    state.withLock { if isBroken { $0.isBroken.insert(id) } else { $0.isBroken.remove(id) } }
  }
  func isBroken(_ id: String) -> Bool { state.withLock { $0.isBroken.contains(id) } }

  /// What component `id` answers when it is asked for its vitals; nothing for nil.
  func setVitals(_ id: String, _ vitals: Vitals?) { state.withLock { $0.vitals[id] = .some(vitals) } }
  func vitals(_ id: String) -> Vitals? { state.withLock { $0.vitals[id] ?? Vitals() } }
  func noteQuestion(_ id: String) { state.withLock { $0.questions[id, default: 0] += 1 } }
  func questions(_ id: String) -> Int { state.withLock { $0.questions[id] ?? 0 } }

  /// A number for each component made of one id.
  func number(_ id: String) -> Int {
    state.withLock {
      $0.made[id, default: 0] += 1
      return $0.made[id]!
    }
  }

  func receive(_ batch: SeriesBatch, _ id: String) {
    state.withLock { $0.received[id, default: []].append(batch.count) }
  }
  func received(_ id: String) -> [Int] { state.withLock { $0.received[id] ?? [] } }

  func setPublisher(_ id: String, _ publish: @escaping @Sendable ([String: Value]) -> Void) {
    state.withLock { $0.publishers[id] = publish }
  }
  func publish(_ id: String, _ exports: [String: Value]) { state.withLock { $0.publishers[id] }?(exports) }

  /// The argument `value` a running component has now.
  func setValue(_ id: String, _ value: Value?) { state.withLock { $0.values[id] = value } }
  func value(_ id: String) -> Value? { state.withLock { $0.values[id] } }
}

/// A component that does what its arguments say.
///
/// `test.part "x" { value = …, more = […] }` exports `value` (its argument) and `receiver`; with `updates = true` it takes
/// new arguments while it runs; with `deaf = true` it never opens its inlet.
private final class Part: Component {
  let exports: [String: Value]
  private let context: ComponentContext
  private let journal: Journal
  private let arguments: EvaluatedBlock
  private let isDeaf: Bool
  private let updates: Bool
  let number: Int

  static func kind(_ name: String, _ journal: Journal) -> ComponentKind {
    ComponentKind(name) { block, context in
      let value = block.optional("value", .any) ?? .null
      _ = block.optional("more", .any)
      _ = block.optional("forward_to", .list(of: .capsule(kind: "MetricsReceiver")))
      if block.optional("wrong", .bool, default: false) { block.error("wrong is wrong", at: "wrong") }
      if block.optional("odd", .bool, default: false) { block.warning("odd is odd", at: "odd") }
      let updates = block.optional("updates", .bool, default: false)
      let isDeaf = block.optional("deaf", .bool, default: false)
      let ends = block.optional("ends", .bool, default: false)
      if block.optional("early", .bool, default: false) {
        // What a component must not do: speak before it runs.
        context.publish(["value": .string("too early")])
        context.reportUnhealthy("too early")
      }
      return Part(block.source, value, context, journal, isDeaf: isDeaf, updates: updates, ends: ends)
    }
  }

  private let ends: Bool

  private init(
    _ arguments: EvaluatedBlock, _ value: Value, _ context: ComponentContext, _ journal: Journal, isDeaf: Bool,
    updates: Bool, ends: Bool
  ) {
    self.arguments = arguments
    self.context = context
    self.journal = journal
    self.isDeaf = isDeaf
    self.updates = updates
    self.ends = ends
    number = journal.number(context.id)
    exports = [
      "value": value, "receiver": .capsule(Capsule(kind: "MetricsReceiver", object: context.metricsInlet)),
    ]
  }

  func run() async throws {
    journal.note("start \(context.id)#\(number)")
    defer { journal.note("stop \(context.id)#\(number)") }
    journal.setValue(context.id, arguments.attribute("value")?.value)
    if journal.isBroken(context.id) { throw TestFailure("\(context.id) is broken") }
    journal.setPublisher(context.id) { [context] in context.publish($0) }
    if !isDeaf { context.metricsInlet.open(Sink(context.id, journal)) }
    context.reportHealthy()
    if ends { return }
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
  }

  func update(_ arguments: EvaluatedBlock) async -> Bool {
    guard updates else { return false }
    journal.note("update \(context.id)#\(number)")
    journal.setValue(context.id, arguments.attribute("value")?.value)
    return true
  }

  func vitals() async -> Vitals {
    journal.noteQuestion(context.id)
    while true {
      if let vitals = journal.vitals(context.id) { return vitals }
      try? await Task.sleep(for: .milliseconds(1))
    }
  }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    batch.family("part_number", .gauge, help: "Which one of this id it is.")
    batch.append(Double(number))
    return batch
  }
}

private final class Sink: MetricsReceiver {
  let id: String
  let journal: Journal

  init(_ id: String, _ journal: Journal) {
    self.id = id
    self.journal = journal
  }

  func receive(_ batch: SeriesBatch) async throws { journal.receive(batch, id) }
}

struct TestFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// A directory with a configuration, and a controller that runs it.
final class Bench {
  let directory: TemporaryDirectory
  let journal = Journal()
  let path: String
  let controller: Controller

  init(_ text: String = "", skipUnsupported: Bool = false) throws {
    directory = try TemporaryDirectory()
    path = directory.path("config.alloy")
    let applied = Applied()
    self.applied = applied
    controller = Controller(
      ConfigurationSource(path: path), kinds: Self.kinds(journal),
      options: .init(storagePath: directory.path("state"), skipUnsupported: skipUnsupported),
      log: Log(to: LogSink(descriptor: -1)), applySettings: { applied.append($0) })
    try write(text)
  }

  let applied: Applied

  final class Applied: Sendable {
    private let all = Mutex<[Settings]>([])
    func append(_ settings: Settings) { all.withLock { $0.append(settings) } }
    var settings: [Settings] { all.withLock { $0 } }
  }

  static func kinds(_ journal: Journal) -> [ComponentKind] {
    [Part.kind("test.part", journal), Part.kind("test.other", journal)]
  }

  func write(_ text: String, to name: String = "config.alloy") throws {
    try replaceFile(directory.path(name), with: Array(text.utf8).span)
  }

  /// Writes `text` and reloads.
  func reload(_ text: String) async throws {
    try write(text)
    try await controller.reload()
  }

  /// Starts and waits until the components have said how they are.
  func start() async throws {
    try await controller.start()
    await settled()
  }

  func settled() async {
    await eventually("every component has said how it is") {
      await self.controller.statuses.allSatisfy { $0.health != .unknown }
    }
  }

  func status(_ id: String) async -> ComponentStatus? { await controller.statuses.first { $0.id == id } }

  func health(_ id: String) async -> Health? { await status(id)?.health }

  /// What is wrong with `text`, one line for each diagnostic, hints in parentheses, without the path of the file.
  static func problems(_ files: [String: String], at name: String = "config.alloy", skipUnsupported: Bool = false)
    throws -> [String]
  {
    let directory = try TemporaryDirectory()
    for (name, text) in files { try replaceFile(directory.path(name), with: Array(text.utf8).span) }
    let source = ConfigurationSource(path: name.isEmpty ? directory.path : directory.path(name))
    let diagnostics: [Diagnostic]
    do throws(ConfigurationError) {
      diagnostics = try Controller.validate(source, kinds: kinds(Journal()), skipUnsupported: skipUnsupported).warnings
    } catch {
      switch error {
      case .stopping: preconditionFailure("nothing runs that could stop")
      case .unreadable(let reason): return [without(directory.path, reason)]
      case .invalid(let found, _): diagnostics = found
      }
    }
    return diagnostics.map { diagnostic in
      without(directory.path, diagnostic.description + (diagnostic.hint.map { " (\($0))" } ?? ""))
    }
  }

  static func problems(_ text: String, skipUnsupported: Bool = false) throws -> [String] {
    try problems(["config.alloy": text], skipUnsupported: skipUnsupported)
  }
}

private func without(_ path: String, _ text: String) -> String {
  var rest = text[...]
  var result = ""
  while let range = rest.firstRange(of: path + "/") {
    result += rest[..<range.lowerBound]
    rest = rest[range.upperBound...]
  }
  return result + rest
}

/// A batch of `count` samples.
func batch(_ count: Int) -> SeriesBatch {
  var batch = SeriesBatch()
  batch.family("x", .gauge, help: "")
  for index in 0..<count { batch.append("n", "\(index)", value: 1) }
  return batch
}

extension Bench {
  /// The value of the runtime's or a component's metric `name`, its labels besides the name being `labels`.
  func metric(_ name: String, _ labels: [String: String] = [:]) async -> Double? {
    let batch = await controller.collectMetrics(into: SeriesBatch())
    var wanted = labels
    wanted["__name__"] = name
    let set = LabelSet(wanted)
    return batch.rows.indices.first { batch.labels(at: $0) == set }.map { Double(bitPattern: batch.rows[$0].valueBits) }
  }
}

extension Bench {
  /// The inlet a running component was given as `value`.
  func inlet(_ id: String) throws -> MetricsInlet {
    guard case .capsule(let capsule) = journal.value(id), let inlet = capsule.object as? MetricsInlet else {
      throw TestFailure("\(id) has no inlet")
    }
    return inlet
  }
}

/// The words of the refusal `body` meets.
func refusal(_ body: () async throws -> Void) async -> String? {
  do { try await body() } catch { return (error as? InletError)?.description }
  return nil
}
