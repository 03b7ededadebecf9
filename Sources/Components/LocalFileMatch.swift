// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Logs
internal import Runtime
internal import Synchronization
internal import Syntax

/// `local.file_match`: the files that patterns stand for, as targets.
final class LocalFileMatch: Component {
  private let targets: [[String: String]]
  private let syncPeriod: Duration
  private let ignoreOlderThan: Duration
  private let context: ComponentContext

  static let kind = ComponentKind("local.file_match") { block, context in
    let targets = block.required("path_targets", .targets)
    let syncPeriod = block.optional("sync_period", .duration, default: .seconds(10))
    let ignoreOlderThan = block.optional("ignore_older_than", .duration, default: .zero)
    if syncPeriod <= .zero { block.error("sync_period must be greater than 0", at: "sync_period") }
    if ignoreOlderThan < .zero { block.error("ignore_older_than must not be negative", at: "ignore_older_than") }
    checkPatterns(targets, of: block, attribute: "path_targets")
    for (index, target) in targets.enumerated() where target["__path__"]?.isEmpty != false {
      block.error("the target has no __path__", at: "path_targets", path: [.index(index)])
    }
    return LocalFileMatch(
      targets: targets, syncPeriod: syncPeriod, ignoreOlderThan: ignoreOlderThan, context: context)
  }

  private init(targets: [[String: String]], syncPeriod: Duration, ignoreOlderThan: Duration, context: ComponentContext)
  {
    self.targets = targets
    self.syncPeriod = syncPeriod
    self.ignoreOlderThan = ignoreOlderThan
    self.context = context
  }

  /// Of a first look: who reads these files would otherwise begin without any, and take those it knows for gone.
  var exports: [String: Value] {
    guard let wakeUp = try? WakeUp() else { return ["targets": .array([])] }
    let search = FileSearch(targets, ignoreOlderThan: ignoreOlderThan, wakeUp: wakeUp)
    return ["targets": search.look(isWatching: false).value]
  }

  func run() async throws {
    let thread = BlockingThread(name: "file_match")
    let search = FileSearch(targets, ignoreOlderThan: ignoreOlderThan, wakeUp: try WakeUp())
    try await withTaskCancellationHandler {
      while !Task.isCancelled {
        let found = try await thread.run { search.look() }
        context.publish(["targets": found.value])
        if let problem = found.problem { context.reportUnhealthy(problem) } else { context.reportHealthy() }
        try await thread.run { [syncPeriod] in search.wait(syncPeriod) }
      }
    } onCancel: {
      search.stop()
    }
  }
}

/// Looks for files and waits for others to appear.
private final class FileSearch: Sendable {
  struct Found {
    var targets: [[String: String]] = []
    var problem: String?

    var value: Value { .array(targets.map { .object($0.mapValues { .string($0) }) }) }
  }

  private let targets: [[String: String]]
  private let ignoreOlderThan: Duration
  private let wakeUp: WakeUp
  private let inotify = try? Inotify()
  private let watched = Mutex<[String: Int32]>([:])
  private let stopped = Atomic(false)

  init(_ targets: [[String: String]], ignoreOlderThan: Duration, wakeUp: WakeUp) {
    self.targets = targets
    self.ignoreOlderThan = ignoreOlderThan
    self.wakeUp = wakeUp
  }

  func stop() {
    stopped.store(true, ordering: .relaxed)
    wakeUp.wake()
  }

  func look(isWatching: Bool = true) -> Found {
    inotify?.drain { _ in }
    var found = Found()
    var directories: Set<String> = []
    var unreadable: [String] = []
    let parts = ignoreOlderThan.components
    let age = parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
    for target in targets {
      let pattern = absolute(target["__path__"] ?? "")
      // Checked when the configuration was read.
      guard let glob = try? Glob(pattern) else { continue }
      let excluding = target["__path_exclude__"].flatMap { $0.isEmpty ? nil : try? Glob(absolute($0)) }
      let walk = GlobWalk(
        glob, excluding: excluding, writtenAfter: age > 0 ? wallClockNanoseconds() - age : nil)
      for path in walk.files {
        var match = target
        match["__path__"] = path
        match["__path_exclude__"] = nil
        found.targets.append(match)
      }
      directories.formUnion(walk.directories)
      unreadable += walk.unreadable
      if walk.isCutShort { found.problem = "\(pattern) has too many files below it; some are not found" }
    }
    if let directory = unreadable.first {
      found.problem =
        "\(found.targets.count) files match; the directory \(directory) may not be read by the user this agent runs as"
    }
    if isWatching { watch(directories) }
    return found
  }

  /// Until names come or go in the directories that were looked at, and a moment longer, as they rarely do so alone.
  func wait(_ period: Duration) {
    let parts = period.components
    let until = monotonicNanoseconds() + parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
    while true {
      let left = until - monotonicNanoseconds()
      guard left > 0, !stopped.load(ordering: .relaxed) else { return }
      wakeUp.sleep(milliseconds: Int(left / 1_000_000) + 1, or: inotify)
      var isChanged = false
      inotify?.drain { isChanged = isChanged || $0.isStructural || $0.watch < 0 }
      if isChanged { return wakeUp.sleep(milliseconds: 100) }
    }
  }

  private func watch(_ wanted: Set<String>) {
    guard let inotify else { return }
    watched.withLock { watched in
      for (directory, number) in watched where !wanted.contains(directory) {
        inotify.unwatch(number)
        watched[directory] = nil
      }
      for directory in wanted where watched[directory] == nil { watched[directory] = try? inotify.watch(directory) }
    }
  }

  private func absolute(_ pattern: String) -> String {
    pattern.hasPrefix("/") ? pattern : "\(realPath("."))/\(pattern)"
  }
}
