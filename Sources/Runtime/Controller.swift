// SPDX-License-Identifier: Apache-2.0

public import Linux
internal import Syntax
public import Telemetry

/// Runs a configuration, and moves from one to the next without touching what did not change.
public actor Controller {
  /// How to run.
  public struct Options: Sendable {
    /// The directory below which components keep their state.
    public var storagePath: String
    /// Leave out components this agent does not have instead of refusing the file.
    public var skipUnsupported: Bool

    /// Options.
    public init(storagePath: String, skipUnsupported: Bool = false) {
      self.storagePath = storagePath
      self.skipUnsupported = skipUnsupported
    }
  }

  private struct Running {
    var step: Plan.Step
    var task: Task<Void, Never>?
  }

  private let source: ConfigurationSource
  private let kinds: [ComponentKind]
  private let options: Options
  private let log: Log
  private let applySettings: @Sendable (Settings) -> Void

  private var running: [Running] = []  // in the order of the plan
  private var modules: [Module] = []
  private var imports: [ImportedFile] = []
  private var turn = Turn()
  private var importWatch: Task<Void, Never>?
  private var loads = LoadRecord()
  private var isStopped = false
  /// Components that were asked for their vitals and have not answered.
  private var asked: [String: (any Component)] = [:]
  /// Whether the first configuration has been put to work.
  public private(set) var hasStarted = false

  /// A controller of the configuration at `source`; nothing is read until `start`.
  ///
  /// `applySettings` is called with the settings of each configuration that is put to work.
  public init(
    _ source: ConfigurationSource, kinds: [ComponentKind], options: Options, log: Log,
    applySettings: @Sendable @escaping (Settings) -> Void
  ) {
    self.source = source
    self.kinds = kinds
    self.options = options
    self.log = log
    self.applySettings = applySettings
  }

  /// Reads and checks the configuration without running anything; this is all `agent validate` does.
  public static func validate(
    _ source: ConfigurationSource, kinds: [ComponentKind], skipUnsupported: Bool = false
  ) throws(ConfigurationError) -> Plan {
    let planner = Planner(
      kinds: kinds, storagePath: "", skipUnsupported: skipUnsupported, log: Log(to: LogSink(descriptor: -1)),
      makeHandle: { ComponentHandle(id: $0) { _ in } })
    return try planner.plan(source)
  }

  // MARK: Start, reload, stop

  /// Reads the configuration, for `start`; nothing runs yet.
  ///
  /// - Throws: when it cannot be read or has mistakes, and after `stop`.
  public func load() throws(ConfigurationError) -> Plan {
    guard !isStopped else { throw .stopping }
    do throws(ConfigurationError) {
      return try planner().plan(source)
    } catch {
      loads.failed()
      throw error
    }
  }

  /// Starts the components of the first plan. That one cannot do its work is no error: it shows in its health, and it
  /// goes on trying.
  public func start(_ plan: Plan) async {
    await takeTurn()
    defer { turn.pass() }
    await run(plan)
  }

  /// Reads the configuration and starts its components.
  ///
  /// - Throws: when it cannot be read or has mistakes; nothing runs then.
  /// - Returns: the plan, for its warnings.
  @discardableResult
  public func start() async throws(ConfigurationError) -> Plan { try await reload() }

  /// Reads the configuration again and moves to it as a whole; when it has mistakes, all stays as it was.
  @discardableResult
  public func reload() async throws(ConfigurationError) -> Plan {
    await takeTurn()
    defer { turn.pass() }
    let plan = try load()
    await run(plan)
    return plan
  }

  private func run(_ plan: Plan) async {
    guard !isStopped else { return }
    applySettings(plan.settings)
    await move(to: plan)
    hasStarted = true
    loads.succeeded(at: wallClockNanoseconds())
  }

  /// Stops every component, each once all that feed it have stopped; what has nothing to do with each other stops at
  /// the same time, so that two hubs that hang take no longer than one. Nothing starts again.
  public func stop() async {
    await takeTurn()
    defer { turn.pass() }
    isStopped = true
    importWatch?.cancel()
    importWatch = nil
    var stopping: [String: Task<Void, Never>] = [:]
    for index in running.indices.reversed() {
      let id = running[index].step.node.id
      let feeders = running.filter { $0.step.node.dependencies.contains(id) }.compactMap { stopping[$0.step.node.id] }
      stopping[id] = Task {
        for feeder in feeders { await feeder.value }
        await stop(index)
      }
    }
    for task in stopping.values { await task.value }
  }

  private func planner() -> Planner {
    var planner = Planner(
      kinds: kinds, storagePath: options.storagePath, skipUnsupported: options.skipUnsupported, log: log,
      makeHandle: { id in
        ComponentHandle(id: id) { [weak self] id in
          guard let self else { return }
          Task { await self.exportsChanged(of: id) }
        }
      })
    planner.running = Dictionary(running.map { ($0.step.node.id, $0.step) }, uniquingKeysWith: { first, _ in first })
    return planner
  }

  /// Stops what is gone or changed, last first; then starts what is new or changed, first first.
  private func move(to plan: Plan) async {
    var kept: [String: Running] = [:]
    let planned = Dictionary(plan.steps.map { ($0.node.id, $0) }, uniquingKeysWith: { first, _ in first })
    for index in running.indices.reversed() {
      let old = running[index]
      if let new = planned[old.step.node.id], await takesOver(old.step, new) {
        kept[old.step.node.id] = old
      } else {
        await stop(index)
      }
    }
    running = []
    for var step in plan.steps {
      if let old = kept[step.node.id] {
        step.goOn(as: old.step)
        step.handle.reportEvaluation(nil)
        running.append(Running(step: step, task: old.task))
      } else {
        running.append(Running(step: step, task: start(step)))
      }
    }
    modules = plan.modules
    imports = plan.imports
    watchImports()
  }

  /// Whether the component of `old` goes on as that of `new`.
  private func takesOver(_ old: Plan.Step, _ new: Plan.Step) async -> Bool {
    guard let component = old.component, let evaluated = new.evaluated else { return false }
    if component === new.component { return true }
    guard old.node.kind == new.node.kind else { return false }
    return await component.update(evaluated)
  }

  private func start(_ step: Plan.Step) -> Task<Void, Never>? {
    guard let component = step.component else { return nil }
    step.handle.begin(step.tenure, exports: step.exports)
    return Task { [log] in
      await supervise(component, step.handle, step.tenure, ComponentName(step.node.id).log(to: log))
    }
  }

  private func stop(_ index: Int) async {
    guard let task = running[index].task else { return }
    running[index].step.handle.closeInlets()
    task.cancel()
    await task.value
    running[index].task = nil
    running[index].step.handle.end()
  }

  private func takeTurn() async {
    if turn.take() { return }
    await withCheckedContinuation { turn.wait($0) }
  }

  // MARK: Exports that change

  /// Evaluates again what refers to `id`, and what refers to that in turn.
  private func exportsChanged(of id: String) async {
    await takeTurn()
    defer { turn.pass() }
    guard !isStopped, let changed = running.firstIndex(where: { $0.step.node.id == id }) else { return }
    running[changed].step.exports = running[changed].step.handle.takeExports()
    var stale: Set<String> = [id]
    for index in running.indices where running[index].step.node.dependencies.contains(where: stale.contains) {
      if await reevaluate(index) { stale.insert(running[index].step.node.id) }
    }
  }

  /// Evaluates one node anew; true when its own exports changed.
  private func reevaluate(_ index: Int) async -> Bool {
    var evaluation = Evaluation(modules: modules)
    for other in running { evaluation.exports[other.step.node.id] = other.step.exports }
    let old = running[index].step
    let result = planner().reevaluate(old, evaluation.scope(of: old.node))
    guard var new = result.step else {
      // It goes on with the arguments it has.
      let reason = "its arguments cannot be evaluated any more: \(result.errors.map(\.message).joined(separator: "; "))"
      if !old.handle.hasProblem { log.error("goes on with old arguments", ("id", old.node.name), ("err", reason)) }
      old.handle.reportEvaluation(reason)
      return false
    }
    old.handle.reportEvaluation(nil)
    guard new.evaluated != old.evaluated || new.exports != old.exports else { return false }
    if old.component == nil {
      running[index].step = new
    } else if await takesOver(old, new) {
      new.goOn(as: old)
      running[index].step = new
    } else {
      await stop(index)
      running[index] = Running(step: new, task: start(new))
    }
    return new.exports != old.exports
  }

  // MARK: Imports

  private func watchImports() {
    importWatch?.cancel()
    importWatch = nil
    guard let pause = imports.map(\.pollFrequency).min() else { return }
    importWatch = Task { [weak self, imports] in
      var seen = imports.map(\.stamps)
      while (try? await Task.sleep(for: max(pause, .seconds(1)))) != nil {
        let now = imports.map { ImportedFile.stamps(of: $0.path) }
        guard now != seen else { continue }
        seen = now
        await self?.reloadForImports()
      }
    }
  }

  private func reloadForImports() {
    // Not awaited here: the reload ends this very task when it starts the next watch.
    Task {
      do throws(ConfigurationError) {
        try await reload()
        log.info("reloaded because an imported file changed")
      } catch {
        log.error(
          "an imported file changed and the configuration is no longer valid; the running one stays",
          ("err", "\(error)"))
      }
    }
  }

  // MARK: What others see

  /// Every component with its health.
  public var statuses: [ComponentStatus] {
    running.filter { $0.step.component != nil || $0.step.handle.hasProblem }.map { running in
      let (health, since) = running.step.handle.health
      return ComponentStatus(
        id: running.step.node.name, kind: running.step.node.kind, health: health, since: since,
        references: running.step.node.dependencies)
    }
  }

  /// Asks every component how it is getting on, and waits for their answers no longer than `limit`. Who has not answered
  /// yet is not asked again.
  public func checkup(within limit: Duration) async -> Checkup {
    let (answers, continuation) = AsyncStream.makeStream(of: (id: String, vitals: Vitals).self)
    var ids: [String] = []
    for running in running {
      guard let component = running.step.component else { continue }
      let id = running.step.node.id
      ids.append(id)
      guard asked[id] !== component else { continue }
      asked[id] = component
      Task {
        let vitals = await component.vitals()
        if asked[id] === component { asked[id] = nil }
        continuation.yield((id, vitals))
      }
    }
    let timer = Task {
      try await Task.sleep(for: limit)
      continuation.finish()
    }
    defer { timer.cancel() }
    var known: [String: Vitals] = [:]
    if !ids.isEmpty {
      for await (id, vitals) in answers {
        known[id] = vitals
        if known.count == ids.count { break }
      }
    }
    var checkup = Checkup()
    let now = monotonicNanoseconds()
    for id in ids { checkup.add(known[id], of: id, now: now, limit: limit) }
    return checkup
  }

  /// Appends the runtime's metrics and those of every component.
  public func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    loads.write(to: &batch)
    writeHealth(to: &batch)
    for running in running {
      guard let component = running.step.component else { continue }
      batch.append(await component.collectMetrics(into: SeriesBatch()), ofComponent: running.step.node.id)
    }
    return batch
  }

  private func writeHealth(to batch: inout SeriesBatch) {
    batch.family(
      "alloy_component_controller_running_components", .gauge, help: "Components by health.")
    let counts = Dictionary(statuses.map { ($0.health.name, 1) }, uniquingKeysWith: +)
    for name in ["exited", "healthy", "unhealthy", "unknown"] {
      batch.append("health_type", name, value: Double(counts[name] ?? 0))
    }
  }
}

/// Runs `component` until it is cancelled; when it fails, says why and tries again, each time later.
private func supervise(_ component: any Component, _ handle: ComponentHandle, _ tenure: Int, _ log: Log) async {
  var pause = 1
  while !Task.isCancelled {
    let started = monotonicNanoseconds()
    do {
      try await component.run()
      if Task.isCancelled { return }
      handle.report(.exited, by: tenure)
      handle.failInlets("it has ended")
      return
    } catch {
      if Task.isCancelled { return }
      let reason = "\(error)"
      handle.report(.unhealthy(reason), by: tenure)
      handle.failInlets(reason)
      if monotonicNanoseconds() - started > 60_000_000_000 { pause = 1 }
      log.error("cannot do its work; trying again in \(pause) s", ("err", reason))
    }
    try? await Task.sleep(for: .seconds(pause))
    pause = min(pause * 2, 30)
  }
}

/// One change at a time, in the order they were asked for.
private struct Turn {
  private var taken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  mutating func take() -> Bool {
    defer { taken = true }
    return !taken
  }

  mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { waiting.append(continuation) }

  mutating func pass() {
    if waiting.isEmpty { taken = false } else { waiting.removeFirst().resume() }
  }
}

/// When configurations were loaded, for the metrics.
private struct LoadRecord {
  var lastSuccess: Int64 = 0
  var lastWasGood = false
  var failures = 0

  mutating func succeeded(at time: Int64) {
    lastSuccess = time
    lastWasGood = true
  }

  mutating func failed() {
    lastWasGood = false
    failures += 1
  }

  func write(to batch: inout SeriesBatch) {
    batch.family("alloy_config_last_load_successful", .gauge, help: "Whether the last load went well.")
    batch.append(lastWasGood ? 1 : 0)
    batch.family(
      "alloy_config_last_load_success_timestamp_seconds", .gauge, help: "When a configuration was last put to work.")
    batch.append(Double(lastSuccess) / 1e9)
    batch.family("alloy_config_load_failures_total", .counter, help: "Loads that were refused.")
    batch.append(Double(failures))
  }
}
