// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Reads the files of a source, batch after batch: the edge around `Reconciliation`, which says what the files are.
///
/// What it knows of positions in memory runs ahead of what is durable by the one batch that is being handed on; after
/// any failure it begins again from what the destinations say.
final class FileFollower {
  /// A file that is known and not read now.
  struct Resting {
    var position: FilePosition
    /// When that was last known to be of use, in `monotonicNanoseconds`.
    var since = monotonicNanoseconds()
  }

  /// The most files that are open at a time, those without a name not counted.
  static let mostOpenFiles = 64
  static let batchBytes = 1 << 20
  /// How long what nobody follows is kept in mind.
  static let absenceLimit: Int64 = 3_600_000_000_000
  static let mostAbsent = 10_000

  let origin: String
  let log: Log
  var settings: FileSourceSettings
  var statistics = FileStatistics()

  let watch: DirectoryWatch
  let beganAt = fileClockNanoseconds()
  var paths: [String: FollowedPath] = [:]
  /// Where `paths` are, and where they lead to.
  var allDirectories: Set<String> = []
  var labels: [String: LabelSet] = [:]
  var pathsByName: [String: String] = [:]
  var matchedDirectories: Set<String> = []
  var files: [FileKey: FollowedFile] = [:]
  var generations: [String: [FileKey]] = [:]
  /// What is known of files that are not read now: those at paths nobody follows just now, which may be there or not;
  /// those that may be copies in the making; and the last one of each path that has no file, which tells after a restart
  /// that the path was known.
  var resting: [FileKey: Resting] = [:]
  /// The last file of paths that have none.
  var lastFiles: [String: FileKey] = [:]
  /// Paths that are not followed just now, and when their directory was last looked through: a pattern does not find a
  /// log that was set aside until it is made anew.
  var absent: [String: Int64] = [:]
  /// Whether a file was not where it had been listed a moment before.
  var hasMoved = false
  var passedOver: [FileKey: UInt32] = [:]
  /// Files that nobody reads and whose names do not say that they were set aside, by directory, and when they were made.
  var bystanders: [String: [FileKey: UInt32]] = [:]
  var openFiles: [FileKey: OpenFile] = [:]
  var everybody: Set<String> = []
  /// When archives were met that are not read at once, in `monotonicNanoseconds`.
  var metAt: [FileKey: Int64] = [:]
  /// How many lines of archives the agent before this one had sent. Nothing is noted of these archives until that many
  /// were passed over, so that after a restart it begins again.
  var linesToPass: [FileKey: Int64] = [:]
  var unreadArchives: Set<String> = []
  var targetProblems: [String] = []
  var unlisted: Set<String> = []
  /// Whether `statistics.problem` may say something else than is the case.
  var isProblemStale = false
  /// Whether something was read since the files were counted.
  var isCountStale = false
  var nextCount: Int64 = 0

  var ready: [String] = []
  var isReady: Set<String> = []
  var dirty: Set<String> = []
  var announcements: [FileKey: [UInt8]] = [:]
  var stamps = LineStamps()
  var buffer: [UInt8] = []
  /// A batch that was delivered: new memory for each megabyte costs the kernel more than reading it.
  var spare: LogBatch?
  var said: Set<String> = []

  var nextDeadline = Int64.max
  var nextSafetyLook: Int64 = 0
  var nextSync: Int64 = 0
  var pacing = LookPacing()
  var pollInterval: Int64 = 0

  init(origin: String, settings: FileSourceSettings, log: Log, wakeUp: WakeUp) {
    self.origin = origin
    self.settings = settings
    self.log = log
    watch = DirectoryWatch(wakeUp: wakeUp)
  }

  // MARK: Beginning

  /// Begins where the destinations stand.
  func begin(_ destinations: [LogDestination]) {
    let known = destinations.filter { !$0.positions.isEmpty }.map { ($0.id, decode($0.positions)) }
    everybody = Set(destinations.map(\.id))
    (files, generations, resting, lastFiles, announcements) = ([:], [:], [:], [:], [:])
    (ready, isReady, dirty, absent) = ([], [], [], [:])
    linesToPass = [:]
    findTargets(isFirst: true)
    var directories = allDirectories
    for (_, positions) in known { for position in positions.values { directories.insert(parent(of: position.path)) } }
    untilNothingMoves { begin(known, directories, newcomers: destinations.filter { $0.positions.isEmpty }.map(\.id)) }
  }

  func begin(
    _ known: [(id: String, positions: [FileKey: FilePosition])], _ directories: Set<String>, newcomers: [String]
  ) -> LookOutcome {
    let listing = list(directories, lookingFor: known.flatMap { $0.positions.keys })
    // What was already said about these files, or counted, is not said again for each destination.
    var resolved: [(id: String, files: [FileKey: Reconciliation.Found])] = []
    var merged: [FileKey: FilePosition] = [:]
    var changed: Set<FileKey> = []
    for (id, positions) in known {
      let result = Reconciliation(input(known: positions, listing, paths: paths, verifying: true))
      resolved.append((id, result.files))
      changed.formUnion(result.changed)
      for (key, found) in result.files { merged[key] = earlier(merged[key], found.position) }
      for (key, position) in result.others.merging(result.unjudged, uniquingKeysWith: { one, _ in one }) {
        merged[key] = earlier(merged[key], position)
      }
    }
    let isEqual = known.dropFirst().allSatisfy { $0.positions == known[0].positions }
    let basis = known.isEmpty ? [:] : isEqual ? known[0].positions : merged
    let result = Reconciliation(input(known: basis, listing, paths: paths, verifying: isEqual))
    let act = { [self] in
      take(result, listing, known: basis, scope: Set(paths.keys))
      if !isEqual { share(among: resolved, newcomers: newcomers) }
      announceNew(result)
    }
    return LookOutcome(changed: changed.union(result.changed), isSteady: !listing.isUnsteady, act: act)
  }

  /// What came of a look.
  struct LookOutcome {
    /// Files that were known and have other content now, or none.
    var changed: Set<FileKey>
    /// Whether no names came or went meanwhile.
    var isSteady: Bool
    var act: () -> Void
  }

  /// Does what `body` has worked out, once no file was moved while it was at it, and none was found changed that was
  /// not known to be so before: its copy, which is made first, may have escaped a look that began earlier. Where names
  /// never stop to come and go, it is done all the same.
  func untilNothingMoves(_ body: () -> LookOutcome) {
    var changed = Set(files.filter { $0.value.isBroken }.keys).union(resting.keys)
    for _ in 0..<10 {
      hasMoved = false
      let outcome = body()
      if !hasMoved, outcome.isSteady, outcome.changed.isSubset(of: changed) { return outcome.act() }
      changed.formUnion(outcome.changed)
      // Longer than a tick of the clock of files.
      if hasMoved || !outcome.isSteady { pauseThread(milliseconds: 5) }
    }
    body().act()
  }

  func decode(_ positions: [[UInt8]: [UInt8]]) -> [FileKey: FilePosition] {
    var known: [FileKey: FilePosition] = [:]
    for (name, bytes) in positions {
      guard let key = FileKey(name: name), let position = FilePosition(bytes) else {
        say(
          "a position of this component is not understood and passed over",
          ("source", String(decoding: name, as: UTF8.self)))
        continue
      }
      known[key] = position
    }
    return known
  }

  func earlier(_ one: FilePosition?, _ other: FilePosition) -> FilePosition {
    guard let one else { return other }
    if one.offset != other.offset { return one.offset < other.offset ? one : other }
    return one.isFinished ? other : one
  }

  /// Notes who lacks what of each file, when they have got to different places.
  func share(among resolved: [(id: String, files: [FileKey: Reconciliation.Found])], newcomers: [String]) {
    for key in Array(files.keys) {
      guard var file = files[key] else { continue }
      let ends = resolved.compactMap { $0.files[key]?.position.offset }
      let furthest = ends.max() ?? file.position.offset
      var joining: [FollowedFile.Joining] = []
      for (id, found) in resolved {
        joining.append(.init(offset: found[key]?.position.offset ?? furthest, destination: id))
      }
      for id in newcomers { joining.append(.init(offset: furthest, destination: id)) }
      file.audience = []
      file.joining = joining.sorted { $0.offset < $1.offset }
      file.advanceAudience(everybody)
      files[key] = file
    }
  }

  /// Has the files noted that nobody knew, or that took the place of others: else they would seem new after a restart,
  /// or never seen.
  func announceNew(_ result: Reconciliation) {
    for (key, found) in result.files where found.isNew && files[key]?.audience == nil && linesToPass[key] == nil {
      announcements[key] = found.position.encoded
    }
  }

  // MARK: Targets

  /// Takes other arguments; files that are still followed go on where they are.
  func change(to settings: FileSourceSettings) {
    self.settings = settings
    findTargets(isFirst: false)
  }

  func findTargets(isFirst: Bool) {
    let expansion = TargetExpansion(settings)
    var found: [String: FollowedPath] = [:]
    labels = [:]
    for (target, expanded) in zip(settings.targets, expansion.paths) {
      for path in expanded where found[path] == nil {
        let old = paths[path]
        found[path] = FollowedPath(
          path: path, realPath: realLocation(path), order: found.count,
          followedSince: isFirst ? nil : old?.followedSince ?? absent.removeValue(forKey: path))
        var own = target.filter { !$0.key.hasPrefix("__") }
        own["filename"] = path
        labels[path] = LabelSet(own)
      }
    }
    for problem in expansion.problems { say(problem.message, problem.field) }
    targetProblems = expansion.problems.filter(\.isLasting).map { "\($0.field.1): \($0.message)" }
    isProblemStale = true
    matchedDirectories = expansion.directories
    let before = Set(paths.keys)
    if !isFirst { for (path, old) in paths where found[path] == nil { absent[path] = old.followedSince } }
    paths = found
    indexDirectories()
    indexNames()
    statistics.keepPaths { found[$0] != nil }
    nextSync = monotonicNanoseconds() + nanoseconds(settings.matching?.syncPeriod ?? .seconds(10))
    if !isFirst { letGo(of: before.subtracting(found.keys)) }
    forgetAbsent()
    let directories = allDirectories
    unlisted.formIntersection(directories)
    watch.watch(directories.union(matchedDirectories))
    if !isFirst, !Set(found.keys).subtracting(before).isEmpty { dirty.formUnion(directories) }
  }

  func indexNames() {
    pathsByName = [:]
    for path in paths.values.sorted(by: { $0.order < $1.order }) {
      for name in [path.path, path.realPath] where pathsByName[name] == nil { pathsByName[name] = path.path }
    }
  }

  /// Links may be made, or lead elsewhere, while their paths are followed.
  func followLinks(in directories: Set<String>) {
    var isChanged = false
    for path in paths.values where directories.contains(parent(of: path.path)) {
      let real = realLocation(path.path)
      guard real != path.realPath else { continue }
      paths[path.path]?.realPath = real
      isChanged = true
    }
    guard isChanged else { return }
    indexNames()
    indexDirectories()
    watch.watch(allDirectories.union(matchedDirectories))
  }

  /// Where the last name of `path` leads to; directories that are links stay as they are.
  func realLocation(_ path: String) -> String {
    guard let status = try? FileStatus(path, followingLinks: false), status.kind == nil else { return path }
    return realPath(path)
  }

  func letGo(of removed: Set<String>) {
    for path in removed {
      for key in generations.removeValue(forKey: path) ?? [] {
        guard let file = files.removeValue(forKey: key) else { continue }
        // Nobody will find again what has no name.
        if file.seen == nil, settings.gzipDelay == nil, file.hasMore { report(.deleted, at: path) }
        resting[key] = Resting(position: file.position)
        (openFiles[key], metAt[key], linesToPass[key]) = (nil, nil, nil)
      }
      isReady.remove(path)
    }
    ready.removeAll { removed.contains($0) }
    unreadArchives.subtract(removed)
  }

  /// Paths come and go for ever, as those of containers do; what nobody follows is kept in mind for an hour after its
  /// files were last seen.
  func forgetAbsent() {
    let oldest = fileClockNanoseconds() - Self.absenceLimit
    let isTooMany = absent.count > Self.mostAbsent
    for (path, listed) in absent where listed < oldest || isTooMany { absent[path] = nil }

    let now = monotonicNanoseconds()
    let unfollowed = resting.filter { paths[$0.value.position.path] == nil }
    let limit = unfollowed.count > Self.mostAbsent ? 0 : Self.absenceLimit
    let old = unfollowed.filter { now - $0.value.since > limit }
    guard !old.isEmpty else { return }
    let directories = Set(old.values.map { parent(of: $0.position.path) })
    let there = Set(DirectoryListing(directories, names: paths.values).seen.map(\.key))
    for (key, file) in old { if there.contains(key) { resting[key]?.since = now } else { drop(key, file.position) } }
  }

  /// Lets go of what is known of a file, here and at the destinations.
  func drop(_ key: FileKey, _ position: FilePosition) {
    if lastFiles[position.path] == key { lastFiles[position.path] = nil }
    resting[key] = nil
    announcements[key] = []
  }

  func indexDirectories() {
    allDirectories = []
    for path in paths.values {
      allDirectories.insert(parent(of: path.path))
      if path.realPath != path.path { allDirectories.insert(parent(of: path.realPath)) }
    }
  }

  // MARK: Reading

  /// What there is to hand on now; nil when there is nothing.
  func nextBatch() -> LogBatch? {
    if !dirty.isEmpty, monotonicNanoseconds() >= pacing.nextLook { reconcile() }
    var batch = FileBatch(origin: origin, reusing: spare.take())
    announce(&batch)
    var later: [String] = []
    while !ready.isEmpty, batch.bytes < Self.batchBytes {
      let round = ready
      ready = []
      for (index, path) in round.enumerated() {
        guard batch.bytes < Self.batchBytes else {
          ready += round[index...]
          break
        }
        isReady.remove(path)
        switch advance(path, &batch) {
        case .again: makeReady(path)
        case .inNextBatch: later.append(path)
        case .idle: break
        }
      }
    }
    for path in later { makeReady(path) }
    isCountStale = isCountStale || !batch.isEmpty
    let now = monotonicNanoseconds()
    // It looks at every file: while there is more to read, not for every batch.
    if isProblemStale || isCountStale && (ready.isEmpty || now >= nextCount) {
      countFiles()
      nextCount = now + 250_000_000
    }
    return batch.isEmpty ? nil : batch.batch
  }

  func announce(_ batch: inout FileBatch) {
    while batch.bytes < Self.batchBytes, let (key, position) = announcements.popFirst() {
      batch.set(position, of: key, prefix: position)
    }
  }

  // MARK: Waiting

  func makeReady(_ path: String) {
    guard paths[path] != nil, isReady.insert(path).inserted else { return }
    ready.append(path)
  }

  /// Sleeps until there may be something to read.
  func wait() {
    if buffer.count > 64 << 10 { buffer = [] }
    spare = nil
    let now = monotonicNanoseconds()
    if nextSafetyLook == 0 { nextSafetyLook = now + 10_000_000_000 }
    var until = min(nextSafetyLook, nextDeadline)
    if settings.matching != nil { until = min(until, nextSync) }
    if !dirty.isEmpty { until = min(until, pacing.nextLook) }
    if !watch.unwatched.isEmpty {
      let shortest = nanoseconds(settings.pollInterval.lowerBound)
      pollInterval = min(max(shortest, 2 * pollInterval), max(shortest, nanoseconds(settings.pollInterval.upperBound)))
      until = min(until, now + pollInterval)
    }
    if until > now { watch.sleep(milliseconds: Int((until - now) / 1_000_000) + 1) }
    if !watch.unwatched.isEmpty { dirty.formUnion(allDirectories) }
  }

  /// Takes note of what happened meanwhile.
  func lookAround() {
    let now = monotonicNanoseconds()
    let changes = watch.takeChanges()
    dirty.formUnion(changes.directories.intersection(allDirectories))
    for path in changes.files { noteWritten(path) }
    for (key, open) in openFiles where files[key]?.seen == nil { noteSize(of: key, open, now) }
    let isMatchedChanged = settings.matching != nil && !changes.directories.isDisjoint(with: matchedDirectories)
    if changes.isEverything || now >= nextSafetyLook {
      watch.watch(allDirectories.union(matchedDirectories))
      nextSafetyLook = now + 10_000_000_000
      dirty.formUnion(allDirectories)
    }
    if isMatchedChanged || (settings.matching != nil && now >= nextSync) { findTargets(isFirst: false) }
    if now >= nextDeadline {
      nextDeadline = .max
      for path in paths.keys { makeReady(path) }
    }
  }

  func noteWritten(_ name: String) {
    guard let path = pathsByName[name] ?? generationPath(name) else { return }
    guard let status = try? FileStatus(name), let file = files[FileKey(status)], file.position.path == path else {
      dirty.insert(parent(of: name))
      return
    }
    noteSize(status.size, of: FileKey(status), monotonicNanoseconds())
  }

  func generationPath(_ name: String) -> String? {
    guard let slash = name.lastIndex(of: "/") else { return nil }
    for original in RotatedName.originals(of: String(name[name.index(after: slash)...])) {
      if let path = pathsByName["\(parent(of: name))/\(original)"] { return path }
    }
    return nil
  }

  func noteSize(of key: FileKey, _ open: OpenFile, _ now: Int64) {
    guard let file = files[key], let size = try? open.descriptor.status().size else { return openFiles[key] = nil }
    noteSize(size, of: key, now)
    // Nobody can open it any more; whoever still has it open had time to write.
    let lingers = max(5_000_000_000, nanoseconds(settings.quietPeriod))
    guard !file.hasMore, size == file.size else { return }
    if now - file.changedAt > lingers {
      let path = file.position.path
      files[key] = nil
      generations[path]?.removeAll { $0 == key }
      forget(key, file.position)
    } else {
      nextDeadline = min(nextDeadline, file.changedAt + lingers + 1_000_000)
    }
  }

  func noteSize(_ size: Int64, of key: FileKey, _ now: Int64) {
    guard var file = files[key], file.size != size || file.hasMore else { return }
    if size < file.size, settings.gzipDelay == nil {
      if size < file.position.offset { file.isBroken = true }
      lookAgain(at: file)
    }
    if size != file.size { file.changedAt = now }
    file.size = size
    files[key] = file
    makeReady(file.position.path)
    pollInterval = 0
  }

  func say(_ message: String, _ field: (String, String)) {
    guard said.count < 1000, said.insert(message + field.1).inserted else { return }
    log.warn(message, field)
  }
}

func nanoseconds(_ duration: Duration) -> Int64 {
  let parts = duration.components
  return parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
}
