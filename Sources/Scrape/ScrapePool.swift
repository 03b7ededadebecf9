// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Synchronization
internal import Telemetry

/// Scrapes the targets of one `prometheus.scrape`, each in a loop of its own.
///
/// `update` says what there is to scrape, `run` does it. A target that stays the same is not disturbed by an update; one
/// whose settings change goes on with them; one that is gone gets staleness markers unless it is back within two
/// intervals. When the task of `run` is cancelled everything stops at once, without markers: the agent will be back.
public final class ScrapePool: Sendable {
  private struct Plan: Sendable {
    var assignments: [ScrapeTarget.Identity: TargetLoop.Assignment] = [:]
  }

  private struct State {
    var plan = Plan()
    var wake: AsyncStream<Void>.Continuation?
    var status: [ScrapeTarget.Identity: TargetStatus] = [:]
    var statistics = ScrapeStatistics()
    var spares: [ScrapeBuffers] = []
  }

  private static let mostSpares = 2

  private let world: ScrapeWorld
  private let state = Mutex(State())

  /// A pool without targets.
  public init(_ world: ScrapeWorld) { self.world = world }

  // MARK: What to scrape

  /// Replaces targets and settings. Targets that cannot be scraped are dropped and logged; equal ones count once.
  public func update(targets: [[String: String]], settings: ScrapeSettings) {
    var plan = Plan()
    var dropped = 0
    for discovered in targets {
      do {
        let target = try ScrapeTarget(discovered, settings: settings)
        plan.assignments[target.identity] = TargetLoop.Assignment(target: target, settings: settings)
      } catch {
        dropped += 1
        world.log.error("a target is not scraped", ("err", error.description))
      }
    }
    let isOverLimit = refuseBeyondLimit(&plan, settings)
    state.withLock { state in
      state.plan = plan
      state.statistics.targets = plan.assignments.count
      state.statistics.droppedTargets = dropped
      if isOverLimit { state.statistics.exceededTargetLimit += 1 }
      state.status = plan.assignments.reduce(into: [:]) { status, pair in
        status[pair.key] = state.status[pair.key] ?? TargetStatus(pair.value.target)
      }
      state.wake?.yield()
    }
  }

  private func refuseBeyondLimit(_ plan: inout Plan, _ settings: ScrapeSettings) -> Bool {
    let count = plan.assignments.count
    guard settings.targetLimit > 0, count > settings.targetLimit else { return false }
    let error = ScrapeError(
      "target_limit exceeded (number of targets: \(count), limit: \(settings.targetLimit))", .targetLimit)
    for identity in plan.assignments.keys { plan.assignments[identity]?.refusal = error }
    world.log.error("no target of this component is scraped", ("err", error.description))
    return true
  }

  // MARK: Scraping

  /// Scrapes until the task is cancelled.
  public func run() async {
    let (changes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { $0.wake = wake }
    wake.yield()
    var loops: [ScrapeTarget.Identity: RunningLoop] = [:]
    for await _ in changes { await follow(state.withLock { $0.plan }, &loops) }
    state.withLock { $0.wake = nil }
    for running in loops.values { running.task.cancel() }
    for running in loops.values { await running.task.value }
  }

  private struct RunningLoop {
    var loop: TargetLoop
    var task: Task<Void, Never>
  }

  private func follow(_ plan: Plan, _ loops: inout [ScrapeTarget.Identity: RunningLoop]) async {
    for (identity, running) in loops where plan.assignments[identity] == nil {
      if await running.loop.leave() { loops[identity] = nil }
    }
    for (identity, assignment) in plan.assignments {
      if let running = loops[identity], await running.loop.assign(assignment) { continue }
      let loop = TargetLoop(assignment, world, access)
      loops[identity] = RunningLoop(loop: loop, task: Task { await loop.run() })
    }
  }

  private var access: TargetLoop.Pool {
    TargetLoop.Pool(
      finished: { [self] in record($0) },
      isInUse: { [self] labels in state.withLock { state in state.status.values.contains { $0.labels == labels } } },
      borrow: { [self] in state.withLock { $0.spares.popLast() } ?? ScrapeBuffers() },
      giveBack: { [self] in giveBack($0) },
      ended: { [self] in state.withLock { _ = $0.wake?.yield() } })
  }

  private func giveBack(_ buffers: consuming ScrapeBuffers) {
    guard buffers.isWorthKeeping else { return }
    buffers.removeAll()
    let kept = buffers
    state.withLock { if $0.spares.count < Self.mostSpares { $0.spares.append(kept) } }
  }

  // MARK: How it goes

  /// How each target does, in the order of their URLs.
  public var status: [TargetStatus] {
    state.withLock { $0.status }.values.sorted { ($0.url, $0.labels.description) < ($1.url, $1.labels.description) }
  }

  /// What the pool has done.
  public var statistics: ScrapeStatistics { state.withLock { $0.statistics } }

  private func record(_ report: TargetLoop.Report) {
    state.withLock { state in
      if report.wasDelivered {
        state.statistics.forwardedSamples += report.samples
      } else {
        state.statistics.undeliveredSamples += report.samples
      }
      guard let result = report.result else { return }
      state.statistics.count(result)
      state.status[report.target.identity]?.record(result, report.start, report.duration)
    }
  }
}

extension ScrapeStatistics {
  fileprivate mutating func count(_ result: ScrapeResult) {
    scrapes += 1
    duplicateSamples += result.duplicates
    guard let error = result.error else { return }
    failedScrapes += 1
    switch error.kind {
    case .sampleLimit: exceededSampleLimit += 1
    case .labelLimit: exceededLabelLimits += 1
    case .bodySizeLimit: exceededBodySizeLimit += 1
    case .failed, .targetLimit: break
    }
  }
}

extension TargetStatus {
  fileprivate mutating func record(_ result: ScrapeResult, _ start: Int64, _ duration: Duration) {
    health = result.error == nil ? .up : .down
    lastError = result.error?.description ?? ""
    lastScrape = start
    lastScrapeDuration = duration
  }
}
