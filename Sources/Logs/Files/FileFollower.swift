// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Reads the files of a source, batch after batch: the edge around `Reconciliation`, which says what the files are.
///
/// What it knows of positions in memory runs ahead of what is durable by the one batch that is being handed on; after
/// any failure it begins again from what the destinations say.
final class FileFollower {
  /// The most files that are open at a time, those without a name not counted.
  static let mostOpenFiles = 64
  private static let batchBytes = 1 << 20

  let origin: String
  let log: Log
  var settings: FileSourceSettings
  private(set) var statistics = FileStatistics()

  private let watch: DirectoryWatch
  private let beganAt = fileClockNanoseconds()
  private var paths: [String: FollowedPath] = [:]
  private var labels: [String: LabelSet] = [:]
  private var pathsByName: [String: String] = [:]
  private var matchedDirectories: Set<String> = []
  private var files: [FileKey: FollowedFile] = [:]
  private var generations: [String: [FileKey]] = [:]
  /// What is known of files at paths nobody follows any more.
  private var others: [FileKey: FilePosition] = [:]
  /// The last file of paths that have none, and when their directory was last looked through; its position tells after
  /// a restart that the path was known.
  private var remembered: [String: (key: FileKey, listedAt: Int64)] = [:]
  /// Paths that are not followed just now, and when their directory was last looked through: a pattern does not find a
  /// log that was set aside until it is made anew.
  private var absent: [String: Int64] = [:]
  private var unjudged: Set<FileKey> = []
  /// Whether a file was not where it had been listed a moment before.
  private var hasMoved = false
  private var passedOver: [FileKey: UInt32] = [:]
  /// Files that nobody reads and whose names do not say that they were set aside, by directory, and when they were made.
  private var bystanders: [String: [FileKey: UInt32]] = [:]
  private var openFiles: [FileKey: OpenFile] = [:]
  private var everybody: Set<String> = []
  /// When archives were met that are not read at once, in `monotonicNanoseconds`.
  private var metAt: [FileKey: Int64] = [:]
  /// How many lines of archives the agent before this one had sent. Nothing is noted of these archives until that many
  /// were passed over, so that after a restart it begins again.
  private var linesToPass: [FileKey: Int64] = [:]
  private var unreadArchives: Set<String> = []
  private var targetProblems: [String] = []
  private var unlisted: Set<String> = []
  /// Whether `statistics.problem` may say something else than is the case.
  private var isProblemStale = false

  private var ready: [String] = []
  private var isReady: Set<String> = []
  private var dirty: Set<String> = []
  private var announcements: [FileKey: [UInt8]] = [:]
  private var stamps = LineStamps()
  private var buffer: [UInt8] = []
  private var said: Set<String> = []

  private var nextDeadline = Int64.max
  private var nextSafetyLook: Int64 = 0
  private var nextSync: Int64 = 0
  private var nextLook: Int64 = 0
  private var pollInterval: Int64 = 0

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
    (files, generations, others, remembered, announcements) = ([:], [:], [:], [:], [:])
    (ready, isReady, dirty, absent) = ([], [], [], [:])
    linesToPass = [:]
    findTargets(isFirst: true)
    var directories = allDirectories
    for (_, positions) in known { for position in positions.values { directories.insert(parent(of: position.path)) } }
    untilNothingMoves { begin(known, directories, newcomers: destinations.filter { $0.positions.isEmpty }.map(\.id)) }
  }

  private func begin(
    _ known: [(id: String, positions: [FileKey: FilePosition])], _ directories: Set<String>, newcomers: [String]
  ) -> (changed: Set<FileKey>, act: () -> Void) {
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
      for (key, position) in result.others { merged[key] = earlier(merged[key], position) }
    }
    let isEqual = known.dropFirst().allSatisfy { $0.positions == known[0].positions }
    let basis = known.isEmpty ? [:] : isEqual ? known[0].positions : merged
    let result = Reconciliation(input(known: basis, listing, paths: paths, verifying: isEqual))
    let act = { [self] in
      take(result, listing, known: basis, scope: Set(paths.keys))
      if !isEqual { share(among: resolved, newcomers: newcomers) }
      announceNew(result)
    }
    return (changed.union(result.changed), act)
  }

  /// Does what `body` has worked out, once no file was moved while it was at it, and none was found changed that was
  /// not known to be so before: its copy, which is made first, may have escaped a look that began earlier.
  private func untilNothingMoves(_ body: () -> (changed: Set<FileKey>, act: () -> Void)) {
    var changed = Set(files.filter { $0.value.isBroken }.keys)
    for _ in 0..<20 {
      hasMoved = false
      let outcome = body()
      if !hasMoved, outcome.changed.isSubset(of: changed) { return outcome.act() }
      changed.formUnion(outcome.changed)
      if hasMoved { pauseThread(milliseconds: 2) }
    }
    body().act()
  }

  private func decode(_ positions: [[UInt8]: [UInt8]]) -> [FileKey: FilePosition] {
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

  private func earlier(_ one: FilePosition?, _ other: FilePosition) -> FilePosition {
    guard let one else { return other }
    if one.offset != other.offset { return one.offset < other.offset ? one : other }
    return one.isFinished ? other : one
  }

  /// Notes who lacks what of each file, when they have got to different places.
  private func share(among resolved: [(id: String, files: [FileKey: Reconciliation.Found])], newcomers: [String]) {
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
  private func announceNew(_ result: Reconciliation) {
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

  private func findTargets(isFirst: Bool) {
    var found: [String: FollowedPath] = [:]
    var newLabels: [String: LabelSet] = [:]
    matchedDirectories = []
    targetProblems = []
    isProblemStale = true
    for target in settings.targets {
      for path in expand(target) where found[path] == nil {
        let old = paths[path]
        found[path] = FollowedPath(
          path: path, realPath: realLocation(path), order: found.count,
          followedSince: isFirst ? nil : old?.followedSince ?? absent.removeValue(forKey: path))
        var own = target.filter { !$0.key.hasPrefix("__") }
        own["filename"] = path
        newLabels[path] = LabelSet(own)
      }
    }
    labels = newLabels
    let before = Set(paths.keys)
    if !isFirst { for (path, old) in paths where found[path] == nil { absent[path] = old.followedSince } }
    paths = found
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

  private func indexNames() {
    pathsByName = [:]
    for path in paths.values.sorted(by: { $0.order < $1.order }) {
      for name in [path.path, path.realPath] where pathsByName[name] == nil { pathsByName[name] = path.path }
    }
  }

  /// Links may be made, or lead elsewhere, while their paths are followed.
  private func followLinks(in directories: Set<String>) {
    var isChanged = false
    for path in paths.values where directories.contains(parent(of: path.path)) {
      let real = realLocation(path.path)
      guard real != path.realPath else { continue }
      paths[path.path]?.realPath = real
      isChanged = true
    }
    guard isChanged else { return }
    indexNames()
    watch.watch(allDirectories.union(matchedDirectories))
  }

  private func expand(_ target: [String: String]) -> [String] {
    guard let path = target["__path__"], !path.isEmpty else {
      say("a target has no __path__ and is passed over", ("target", "\(target.sorted { $0.key < $1.key })"))
      return []
    }
    guard let matching = settings.matching else {
      if Glob.isPattern(path), (try? FileStatus(path)) == nil {
        noteTargetProblem(
          "this path is a pattern and there is no file with this name; expand it with local.file_match, or with a "
            + "file_match block with enabled = true", ("path", path))
      }
      return [path]
    }
    do throws(GlobError) {
      let excluding = target["__path_exclude__"].flatMap { $0.isEmpty ? nil : $0 }
      let age = nanoseconds(matching.ignoreOlderThan)
      let walk = GlobWalk(
        try Glob(path), excluding: try excluding.map { text throws(GlobError) in try Glob(text) },
        writtenAfter: age > 0 ? wallClockNanoseconds() - age : nil)
      matchedDirectories.formUnion(walk.directories)
      if walk.isCutShort {
        noteTargetProblem("the pattern has too many files below it; some are not read", ("path", path))
      }
      for directory in walk.unreadable {
        noteTargetProblem(
          "this directory may not be listed by the user this agent runs as", ("directory", directory))
      }
      return walk.files
    } catch {
      noteTargetProblem("this pattern cannot be used: \(error)", ("path", path))
      return []
    }
  }

  private func noteTargetProblem(_ message: String, _ field: (String, String)) {
    say(message, field)
    targetProblems.append("\(field.1): \(message)")
  }

  /// Where the last name of `path` leads to; directories that are links stay as they are.
  private func realLocation(_ path: String) -> String {
    guard let status = try? FileStatus(path, followingLinks: false), status.kind == nil else { return path }
    return realPath(path)
  }

  private func letGo(of removed: Set<String>) {
    for path in removed {
      for key in generations.removeValue(forKey: path) ?? [] {
        guard let file = files.removeValue(forKey: key) else { continue }
        if file.seen != nil { others[key] = file.position } else { letGo(of: key, file) }
        (openFiles[key], metAt[key], linesToPass[key]) = (nil, nil, nil)
      }
      isReady.remove(path)
    }
    ready.removeAll { removed.contains($0) }
    unreadArchives.subtract(removed)
  }

  /// Nobody will find again what has no name.
  private func letGo(of key: FileKey, _ file: FollowedFile) {
    if settings.gzipDelay == nil, file.hasMore { report(.deleted, at: file.position.path) }
    forget(key, file.position)
  }

  /// Paths come and go for ever, as those of containers do; they are kept in mind for an hour.
  private func forgetAbsent() {
    let oldest = fileClockNanoseconds() - 3_600_000_000_000
    let isTooMany = absent.count > 10_000
    for (path, listed) in absent where listed < oldest || isTooMany {
      absent[path] = nil
      forgetLast(of: path)
    }
  }

  /// Lets go of what told that a path was known.
  private func forgetLast(of path: String) {
    guard let last = remembered.removeValue(forKey: path) else { return }
    if files[last.key] == nil, others[last.key] == nil { announcements[last.key] = [] }
  }

  private var allDirectories: Set<String> {
    var all: Set<String> = []
    for path in paths.values {
      all.insert(parent(of: path.path))
      if path.realPath != path.path { all.insert(parent(of: path.realPath)) }
    }
    return all
  }

  // MARK: What became of the files

  private struct Listing {
    var seen: [SeenFile] = []
    /// Directories that were looked through, or should have been.
    var looked: Set<String> = []
    /// Directories that could not be listed, though there may be something in them.
    var unknown: Set<String> = []
    var now: Int64 = 0
    /// Whether names came or went meanwhile, so that a file may have escaped.
    var isUnsteady = false
  }

  /// Looks through `directories`, again when files of `known` were not found: one that is renamed meanwhile may be
  /// under neither name when it is its turn.
  private func list(_ directories: Set<String>, lookingFor known: some Collection<FileKey>) -> Listing {
    var listing = list(directories)
    for pause in [0, 1, 5, 20] {
      let found = Set(listing.seen.map(\.key))
      let missing = known.filter { !found.contains($0) && openFiles[$0] == nil }
      guard !missing.isEmpty else { break }
      if pause > 0 { pauseThread(milliseconds: pause) }
      let again = list(directories)
      if pause > 0, again.seen == listing.seen { break }
      listing = again
    }
    return listing
  }

  private func list(_ directories: Set<String>) -> Listing {
    var listing = Listing(looked: directories, now: fileClockNanoseconds())
    for directory in directories.sorted() {
      do throws(SystemError) {
        defer {
          if let status = try? FileStatus(directory), status.modifiedNanoseconds >= listing.now {
            listing.isUnsteady = true
          }
        }
        for entry in try directoryEntries(directory) where entry.kind != .directory && entry.kind != .other {
          var seen = SeenFile(key: FileKey(device: 0, inode: 0), directory: directory, name: entry.name, size: 0)
          guard let status = try? FileStatus(seen.path), status.kind == .regular else { continue }
          seen.key = FileKey(status)
          seen.size = status.size
          seen.bornNanoseconds = status.bornNanoseconds
          seen.modifiedNanoseconds = status.modifiedNanoseconds
          listing.seen.append(seen)
        }
      } catch {
        guard !error.saysNothingIsThere else { continue }
        // A directory that may be entered but not listed: its files are found by their names.
        lookUp(in: directory, &listing)
        listing.unknown.insert(directory)
        say("this directory cannot be listed: \(error.reason)", ("directory", directory))
      }
    }
    return listing
  }

  private func lookUp(in directory: String, _ listing: inout Listing) {
    for path in paths.values {
      for name in Set([path.path, path.realPath]) where parent(of: name) == directory {
        guard let status = try? FileStatus(name), status.kind == .regular, let slash = name.lastIndex(of: "/")
        else { continue }
        listing.seen.append(
          SeenFile(
            key: FileKey(status), directory: directory, name: String(name[name.index(after: slash)...]),
            size: status.size, bornNanoseconds: status.bornNanoseconds,
            modifiedNanoseconds: status.modifiedNanoseconds))
      }
    }
  }

  private func input(
    known: [FileKey: FilePosition], _ listing: Listing, paths: [String: FollowedPath], verifying: Bool
  ) -> Reconciliation.Input {
    var input = Reconciliation.Input(
      isIntact: { [unowned self] seen, position in
        if settings.gzipDelay != nil { return !verifying || hasHead(seen, position) }
        guard seen.size >= position.offset, files[seen.key]?.isBroken != true else { return false }
        return !verifying || hasContent(seen, position)
      },
      bytes: { [unowned self] in bytes(of: $0, $1) },
      beginning: { [unowned self] in beginning(of: $0, at: $1) })
    input.known = known
    input.seen = listing.seen
    input.paths = paths
    input.now = listing.isUnsteady ? nil : listing.now
    input.earliest = listing.now
    input.isHeld = { [unowned self] in openFiles[$0] != nil }
    input.isHeldIntact = { [unowned self] key, position in isHeldIntact(key, position) }
    input.readsArchives = settings.gzipDelay != nil
    input.unjudged = unjudged
    input.passedOver = passedOver
    input.wasBystander = { [unowned self] file in bystanders.values.contains { $0[file.key] == file.birth } }
    return input
  }

  private func isHeldIntact(_ key: FileKey, _ position: FilePosition) -> Bool {
    guard let open = openFiles[key], files[key]?.isBroken != true, settings.gzipDelay == nil else {
      return files[key]?.isBroken != true
    }
    var head = [UInt8](repeating: 0, count: HeadFingerprint.longest)
    guard let size = try? open.descriptor.status().size, let count = try? open.descriptor.read(into: &head, at: 0)
    else { return true }
    head.removeSubrange(count...)
    return size >= position.offset && position.head.matches(head.span)
  }

  private func hasHead(_ seen: SeenFile, _ position: FilePosition) -> Bool {
    // One that cannot be read says nothing about its content.
    guard let head = bytes(of: seen, 0..<Int64(HeadFingerprint.longest)) else { return true }
    return position.head.matches(head.span)
  }

  private func hasContent(_ seen: SeenFile, _ position: FilePosition) -> Bool {
    guard hasHead(seen, position) else { return false }
    let start = max(0, position.offset - Int64(FilePosition.contextBytes))
    guard let context = bytes(of: seen, start..<position.offset) else { return true }
    return contextChecksum(context.span) == position.checksum
  }

  private func bytes(of seen: SeenFile, _ range: Range<Int64>) -> [UInt8]? {
    let file: OpenFile?
    do throws(SystemError) { file = try OpenFile(seen.path, key: seen.key, birth: seen.birth) } catch {
      if error.saysNothingIsThere { hasMoved = true }
      return nil
    }
    guard let file else {
      hasMoved = true
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(range.count))
    guard let count = try? file.descriptor.read(into: &bytes, at: range.lowerBound) else { return nil }
    bytes.removeSubrange(count...)
    return bytes
  }

  /// Where a file nobody knows begins.
  private func beginning(of seen: SeenFile, at path: FollowedPath) -> FilePosition? {
    var position = FilePosition(path: path.path)
    position.birth = seen.birth
    var beginning = settings.beginning
    switch settings.takenOver[path.path] {
    case .offset(let lines) where settings.gzipDelay != nil:
      passLines(lines, of: seen, path.path)
      return position
    case .offset(let offset) where offset <= seen.size:
      return moved(position, to: offset, seen)
    case .damaged(nil): return nil
    case .damaged(.some(let instead)): beginning = instead
    case .offset, nil: break
    }
    guard beginning == .end, seen.bornNanoseconds == 0 || seen.bornNanoseconds < beganAt else { return position }
    return moved(position, to: endOfLines(seen), seen)
  }

  /// What the agent before this one noted of an archive is how many of its lines it had sent.
  private func passLines(_ lines: Int64, of seen: SeenFile, _ path: String) {
    guard lines > 0 else { return }
    linesToPass[seen.key] = lines
    say("the agent before this one had sent \(lines) lines of this archive, which are passed over", ("path", path))
  }

  private func moved(_ position: FilePosition, to offset: Int64, _ seen: SeenFile) -> FilePosition {
    var position = position
    position.offset = offset
    let head = bytes(of: seen, 0..<Int64(HeadFingerprint.longest)) ?? []
    position.head = HeadFingerprint(of: head.span)
    let start = max(0, offset - Int64(FilePosition.contextBytes))
    let context = bytes(of: seen, start..<offset) ?? []
    position.checksum = contextChecksum(context.span)
    return position
  }

  /// The byte after the last newline.
  private func endOfLines(_ seen: SeenFile) -> Int64 {
    let start = max(0, seen.size - Int64(settings.longestLine))
    guard let last = bytes(of: seen, start..<seen.size), let newline = last.lastIndex(of: 0x0a) else {
      return seen.size
    }
    // In UTF-16 of little-endian order a NUL follows.
    let after = start + Int64(newline) + 1
    return settings.encoding == .utf16(isBigEndian: false) ? min(seen.size, after + 1) : after
  }

  /// Looks through the directories in which something changed.
  private func reconcile() {
    let began = monotonicNanoseconds()
    followLinks(in: dirty)
    let (directories, scope) = scope(of: dirty)
    dirty = []
    let wanted = scope.flatMap { generations[$0] ?? [] }
    untilNothingMoves { reconcile(directories, scope, wanted: wanted) }
    // However large the directories are, looking through them takes no more than a tenth of the time.
    nextLook = monotonicNanoseconds() + 10 * (monotonicNanoseconds() - began)
  }

  private func reconcile(_ directories: Set<String>, _ scope: Set<String>, wanted: [FileKey]) -> (
    changed: Set<FileKey>, act: () -> Void
  ) {
    let listing = list(directories, lookingFor: wanted)
    let found = Set(listing.seen.map(\.key))
    var known = others.filter { found.contains($0.key) }
    for path in scope {
      for key in generations[path] ?? [] {
        guard let file = files[key] else { continue }
        if let seen = file.seen, listing.unknown.contains(seen.directory), !found.contains(key) { continue }
        known[key] = file.position
      }
    }
    let result = Reconciliation(
      input(known: known, listing, paths: paths.filter { scope.contains($0.key) }, verifying: false))
    let act = { [self] in
      take(result, listing, known: known, scope: scope)
      announceNew(result)
    }
    return (result.changed, act)
  }

  private func scope(of changed: Set<String>) -> (directories: Set<String>, paths: Set<String>) {
    var byDirectory: [String: [String]] = [:]
    for path in paths.values {
      byDirectory[parent(of: path.path), default: []].append(path.path)
      if path.realPath != path.path { byDirectory[parent(of: path.realPath), default: []].append(path.path) }
    }
    var directories: Set<String> = []
    var scope: Set<String> = []
    var open = Array(changed)
    while let directory = open.popLast() {
      guard directories.insert(directory).inserted else { continue }
      for path in byDirectory[directory] ?? [] where scope.insert(path).inserted {
        guard let followed = paths[path] else { continue }
        open += [parent(of: path), parent(of: followed.realPath)]
        open += (generations[path] ?? []).compactMap { files[$0]?.seen?.directory }
      }
    }
    return (directories, scope)
  }

  private func take(
    _ result: Reconciliation, _ listing: Listing, known: [FileKey: FilePosition], scope: Set<String>
  ) {
    let now = monotonicNanoseconds()
    let wall = wallClockNanoseconds()
    for path in scope {
      generations[path] =
        result.generations[path] ?? (generations[path] ?? []).filter { known[$0] == nil && files[$0] != nil }
      guard listing.isUnsteady else {
        paths[path]?.followedSince = listing.now
        continue
      }
      // What escaped this look was made after the last one.
      guard paths[path]?.followedSince == nil else { continue }
      let listed = known.values.lazy.filter { $0.path == path }.map(\.listedAt).max()
      paths[path]?.followedSince = listed ?? listing.now
    }
    for key in known.keys where result.files[key] == nil { files[key] = nil }
    for (key, found) in result.files {
      let size = found.seen?.size ?? files[key]?.size ?? found.position.offset
      let isCurrent = found.seen.map { pathsByName[$0.path] == found.position.path } ?? false
      if var file = files[key], !found.isNew, !file.isBroken {
        if file.size != size { file.changedAt = now }
        (file.position, file.seen, file.size, file.isCurrent) = (found.position, found.seen, size, isCurrent)
        files[key] = file
      } else {
        if found.isNew, found.seen != nil { openFiles[key] = nil }
        let age = found.seen.map { max(0, wall - $0.modifiedNanoseconds) } ?? 0
        files[key] = FollowedFile(found, isCurrent: isCurrent, size: size, changedAt: now - min(age, now))
      }
      others[key] = nil
      forgetLast(of: found.position.path)
    }
    if settings.gzipDelay ?? .zero > .zero { for key in result.files.keys where metAt[key] == nil { metAt[key] = now } }
    unreadArchives = unreadArchives.subtracting(scope).union(result.archives)
    unlisted.subtract(listing.looked)
    if !listing.unknown.isEmpty { unlisted.formUnion(listing.unknown.intersection(allDirectories)) }
    for (key, position) in result.others { others[key] = position }
    for key in result.gone { forget(key, known[key]) }
    // Those in directories that were not looked through stay as they were.
    let looked = Set(result.strangers)
    unjudged = unjudged.subtracting(looked).union(result.unjudged)
    passedOver = passedOver.filter { !looked.contains($0.key) }.merging(result.passedOver) { _, new in new }
    noteBystanders(listing)
    report(result)
    for path in scope { makeReady(path) }
    countFiles()
  }

  private func noteBystanders(_ listing: Listing) {
    let before = bystanders
    for directory in listing.looked { bystanders[directory] = nil }
    for file in listing.seen where files[file.key] == nil && others[file.key] == nil {
      // One that was set aside while nobody followed its path remains what it was until somebody does.
      let remains = before[file.directory]?[file.key] == file.birth && passedOver[file.key] == nil
      guard remains || RotatedName.originals(of: file.name).isEmpty else { continue }
      bystanders[file.directory, default: [:]][file.key] = file.birth
    }
  }

  private func forget(_ key: FileKey, _ position: FilePosition?) {
    others[key] = nil
    (openFiles[key], metAt[key], linesToPass[key]) = (nil, nil, nil)
    guard let position, generations[position.path]?.isEmpty != false,
      remembered[position.path].map({ $0.listedAt <= position.listedAt }) ?? true
    else {
      announcements[key] = []
      return
    }
    if paths[position.path] == nil {
      absent[position.path] = max(absent[position.path] ?? .min, position.listedAt)
    }
    var last = position
    last.isFinished = true
    if remembered[position.path]?.key != key { forgetLast(of: position.path) }
    remembered[position.path] = (key, position.listedAt)
    announcements[key] = last.encoded
  }

  private func report(_ result: Reconciliation) {
    for (path, loss) in result.lost { report(loss, at: path) }
    for path in result.truncated {
      statistics.truncated += 1
      log.info("the file was truncated or replaced and is read from its beginning", ("path", path))
    }
    for (path, other) in result.sameFile { say("this is the same file as \(other), and read once", ("path", path)) }
    for path in result.archives { say("archives are not read without a decompression block", ("path", path)) }
  }

  private func report(_ loss: Reconciliation.Loss, at path: String) {
    statistics.lost[loss, default: 0] += 1
    switch loss {
    case .deleted: log.warn("a file was removed before it was known to be read to its end", ("path", path))
    case .rotatedCompressed:
      log.error(
        "a file was compressed before it was read to its end; use delaycompress, or keep one rotation uncompressed",
        ("path", path))
    }
  }

  private func countFiles() {
    statistics.filesActive = files.values.count { $0.isCurrent }
    statistics.restSize = 0
    statistics.lagBytes = 0
    statistics.archivesNotRead = unreadArchives.count
    var problems = targetProblems + unlisted.sorted().map { "the directory \($0) may not be listed" }
    for file in files.values {
      if let problem = file.problem { problems.append(problem) }
      if settings.gzipDelay == nil { statistics.lagBytes += max(0, file.size - file.position.offset) }
      if file.isCurrent { statistics.setSize(file.size, of: file.position.path) }
    }
    isProblemStale = false
    statistics.problem = problems.first.map { problems.count == 1 ? $0 : "\($0); and \(problems.count - 1) more" }
  }

  // MARK: Reading

  /// What there is to hand on now; nil when there is nothing.
  func nextBatch() -> LogBatch? {
    if !dirty.isEmpty, monotonicNanoseconds() >= nextLook { reconcile() }
    var batch = FileBatch(origin: origin)
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
    if !batch.isEmpty || isProblemStale { countFiles() }
    return batch.isEmpty ? nil : batch.batch
  }

  private func announce(_ batch: inout FileBatch) {
    while batch.bytes < Self.batchBytes, let (key, position) = announcements.popFirst() {
      batch.set(position, of: key, prefix: position)
    }
  }

  private enum Progress {
    case again
    case inNextBatch
    case idle
  }

  /// Reads on in the oldest file of `path` that has more.
  private func advance(_ path: String, _ batch: inout FileBatch) -> Progress {
    let keys = generations[path] ?? []
    for (index, key) in keys.enumerated() {
      guard let file = files[key] else { continue }
      if file.position.isFinished, settings.gzipDelay != nil || !file.hasMore { continue }
      if let due = dueTime(of: key, file), monotonicNanoseconds() < due {
        nextDeadline = min(nextDeadline, due)
        return .idle
      }
      guard batch.accepts(file.audience) else { return .inNextBatch }
      switch read(key, &batch, isEnd: false) {
      case .more: return .again
      case .failed where !file.isCurrent: continue
      case .failed: return .idle
      case .end: break
      }
      guard let file = files[key], !file.isCurrent || settings.gzipDelay != nil else { return .idle }
      if file.position.isFinished { return .inNextBatch }
      if file.hasMore, settings.gzipDelay == nil {
        let quietAt = file.changedAt + nanoseconds(settings.quietPeriod)
        guard monotonicNanoseconds() >= quietAt else {
          nextDeadline = min(nextDeadline, quietAt)
          return .idle
        }
        _ = read(key, &batch, isEnd: true)
        finish(key, &batch)
        return .inNextBatch
      }
      guard keys[(index + 1)...].contains(where: { (files[$0]?.size ?? 0) > 0 }) else { return .idle }
      finish(key, &batch)
      return .inNextBatch
    }
    return .idle
  }

  /// When an archive may be read of which nothing was: whoever makes it may still be at it.
  private func dueTime(of key: FileKey, _ file: FollowedFile) -> Int64? {
    guard let delay = settings.gzipDelay, file.position.offset == 0, let met = metAt[key] else { return nil }
    return met + nanoseconds(min(delay, .seconds(1 << 30)))
  }

  /// Notes that all of a file was read, and that another follows.
  private func finish(_ key: FileKey, _ batch: inout FileBatch) {
    guard var file = files[key], !file.isBroken else { return }
    file.position.isFinished = true
    files[key] = file
    batch.set(file.position.encoded, of: key, prefix: file.position.prefix)
  }

  private enum Outcome {
    case more
    case end
    case failed
  }

  private func read(_ key: FileKey, _ batch: inout FileBatch, isEnd: Bool) -> Outcome {
    guard var file = files[key], !file.isBroken else { return .failed }
    do {
      guard let open = try open(key, file) else {
        lookAgain(at: file)
        return .failed
      }
      defer { files[key] = file }
      let outcome = try read(open, key, &file, &batch, isEnd: isEnd)
      file.problem = nil
      if file.isBroken {
        if file.seen != nil { openFiles[key] = nil }
        lookAgain(at: file)
      }
      return outcome
    } catch let error as SystemError {
      if error.saysNothingIsThere { lookAgain(at: file) } else { note(error.description, of: key) }
    } catch {
      note("\(file.seen?.path ?? file.position.path): \(error)", of: key)
      files[key]?.damagedSize = file.size
      openFiles[key] = nil
    }
    return .failed
  }

  private func note(_ problem: String, of key: FileKey) {
    guard files[key]?.problem != problem else { return }
    files[key]?.problem = problem
    isProblemStale = true
    log.warn("cannot be read, and is tried again", ("err", problem))
  }

  private func lookAgain(at file: FollowedFile) {
    dirty.insert(parent(of: file.position.path))
    if let directory = file.seen?.directory { dirty.insert(directory) }
  }

  private func open(_ key: FileKey, _ file: FollowedFile) throws -> OpenFile? {
    if let open = openFiles[key] {
      open.usedAt = monotonicNanoseconds()
      return open
    }
    guard let seen = file.seen, let open = try OpenFile(seen.path, key: key, birth: file.position.birth) else {
      return nil
    }
    if settings.gzipDelay != nil { open.archive = try GzipStream() }
    if openFiles.count >= Self.mostOpenFiles,
      let oldest = openFiles.filter({ files[$0.key]?.seen != nil }).min(by: { $0.value.usedAt < $1.value.usedAt })
    {
      openFiles[oldest.key] = nil
    }
    openFiles[key] = open
    return open
  }

  /// Reads a piece, checks that it belongs to the file that is known, and takes its lines.
  private func read(
    _ open: OpenFile, _ key: FileKey, _ file: inout FollowedFile, _ batch: inout FileBatch, isEnd: Bool
  ) throws -> Outcome {
    if let size = file.damagedSize {
      if size == file.size { return .failed }
      file.damagedSize = nil
    }
    let position = file.position
    let start = max(0, position.offset - Int64(FilePosition.contextBytes))
    let context = Int(position.offset - start)
    var wanted = FilePosition.contextBytes + settings.longestLine + (32 << 10)
    if let next = file.joining.first { wanted = min(wanted, context + Int(clamping: next.offset - position.offset)) }
    if start == 0 { wanted = max(wanted, HeadFingerprint.longest) }
    if buffer.count != wanted { buffer = [UInt8](repeating: 0, count: wanted) }
    let count: Int
    // After a failure it may begin before what the stream still has.
    if let archive = open.archive, !archive.has(start) { open.archive = try GzipStream() }
    if let archive = open.archive {
      count = try archive.read(open.descriptor, into: &buffer, at: start)
    } else {
      count = try open.descriptor.read(into: &buffer, at: start)
    }
    var head = Array(buffer[..<min(count, HeadFingerprint.longest)])
    if start > 0 || open.archive != nil {
      head = [UInt8](repeating: 0, count: HeadFingerprint.longest)
      head.removeSubrange(try open.descriptor.read(into: &head, at: 0)...)
    }
    let isKnown =
      count >= context && position.head.matches(head.span)
      && (contextChecksum(buffer, 0..<context) == position.checksum || open.archive != nil)
    guard isKnown else {
      file.isBroken = true
      return .failed
    }
    if head.count > Int(position.head.length) { file.position.head = HeadFingerprint(of: head.span) }
    if open.archive == nil {
      let size = try open.descriptor.status().size
      if size != file.size { file.changedAt = monotonicNanoseconds() }
      file.size = max(size, start + Int64(count))
    }
    let isAtEnd = count < wanted
    let isLast = isEnd || (open.archive?.isAtEnd == true && isAtEnd)
    let limit = file.joining.first.map { min(count, Int(clamping: $0.offset - start)) } ?? count
    let outcome = takeLines(key, &file, &batch, range: context..<limit, head: head, isEnd: isLast)
    if !isAtEnd, open.archive == nil { skipHole(open, &file, from: position) }
    if open.archive != nil {
      guard outcome == .end, isLast else { return .more }
      file.position.isFinished = true
      linesToPass[key] = nil
      batch.set(file.position.encoded, of: key, prefix: file.position.prefix)
      openFiles[key] = nil
      return .end
    }
    return outcome == .more || !isAtEnd || limit < count ? .more : .end
  }

  /// Takes the lines in `range` of the buffer, which begins at the file's position; whether there is more in it.
  private func takeLines(
    _ key: FileKey, _ file: inout FollowedFile, _ batch: inout FileBatch, range: Range<Int>, head: [UInt8],
    isEnd: Bool
  ) -> Outcome {
    let path = file.position.path
    let (encoding, markBytes) = settings.encoding.resolved(head: head.span)
    var splitter = LineSplitter(encoding: encoding, longest: settings.longestLine)
    // Lent for the time being, so that reading it does not forbid changing the rest of this object.
    let piece = buffer
    let bytes = piece.span.extracting(0..<range.upperBound)
    let base = file.position.offset - Int64(range.lowerBound)
    var place = range.lowerBound
    if file.position.offset == 0, range.count >= markBytes { place += markBytes }
    var lines = 0
    var isInside = file.position.isInsideLine
    let prefix = file.position.prefix
    let own = labels[path] ?? .empty
    let first = place
    var isFull = false
    var toPass = linesToPass[key] ?? 0
    reading: while place < bytes.count {
      if batch.bytes >= Self.batchBytes {
        isFull = true
        break
      }
      switch splitter.step(bytes, from: place, isInsideLine: isInside, isEnd: isEnd) {
      case .incomplete: break reading
      case .nothing(let next, let inside):
        (place, isInside) = (next, inside)
      case .line(let next, let inside):
        (place, isInside) = (next, inside)
        guard toPass == 0 else {
          toPass -= 1
          continue
        }
        setPosition(&file, base + Int64(place), isInside, bytes, place)
        let stamp = stamps.next(at: wallClockNanoseconds())
        let entry = batch.entry(of: key, prefix: prefix, stamp: stamp, position: file.position, labels: own)
        switch splitter.text {
        case .inPlace(let part): batch.append(bytes.extracting(part), entry)
        case .rewritten: batch.append(splitter.rewritten.span, entry)
        }
        lines += 1
      }
    }
    let moved = place > range.lowerBound
    if moved {
      setPosition(&file, base + Int64(place), isInside, bytes, place)
      file.position.isFinished = false
      linesToPass[key] = toPass == 0 ? nil : toPass
      if toPass == 0 {
        batch.setAudience(file.audience)
        batch.set(file.position.encoded, of: key, prefix: prefix)
      }
      file.advanceAudience(everybody)
    }
    let counts = splitter.takeCounts()
    statistics.linesCut += counts.cut
    statistics.linesRepaired += counts.repaired
    statistics.bytesOfNUL += counts.nul
    statistics.count(path, bytes: place - first, lines: lines)
    return isFull ? .more : .end
  }

  private func setPosition(
    _ file: inout FollowedFile, _ offset: Int64, _ isInside: Bool, _ bytes: Span<UInt8>, _ place: Int
  ) {
    file.position.offset = offset
    file.position.isInsideLine = isInside
    guard settings.gzipDelay == nil else { return }
    let context = max(0, place - Int(min(offset, Int64(FilePosition.contextBytes))))..<place
    file.position.checksum = contextChecksum(bytes.extracting(context))
  }

  /// Leaps to where a hole ends, if nothing but NULs was read.
  private func skipHole(_ open: OpenFile, _ file: inout FollowedFile, from position: FilePosition) {
    let offset = file.position.offset
    let looked = FilePosition.contextBytes
    guard offset - position.offset > settings.longestLine, buffer.suffix(looked).allSatisfy({ $0 == 0 }),
      let data = open.descriptor.nextData(after: offset), data - offset > looked
    else { return }
    statistics.bytesOfNUL += Int(data - offset)
    file.position.offset = data
    file.position.checksum = contextChecksum([UInt8](repeating: 0, count: looked), 0..<looked)
  }

  // MARK: Waiting

  private func makeReady(_ path: String) {
    guard paths[path] != nil, isReady.insert(path).inserted else { return }
    ready.append(path)
  }

  /// Sleeps until there may be something to read.
  func wait() {
    let now = monotonicNanoseconds()
    if nextSafetyLook == 0 { nextSafetyLook = now + 10_000_000_000 }
    var until = min(nextSafetyLook, nextDeadline)
    if settings.matching != nil { until = min(until, nextSync) }
    if !dirty.isEmpty { until = min(until, nextLook) }
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

  private func noteWritten(_ name: String) {
    guard let path = pathsByName[name] ?? generationPath(name) else { return }
    guard let status = try? FileStatus(name), let file = files[FileKey(status)], file.position.path == path else {
      dirty.insert(parent(of: name))
      return
    }
    noteSize(status.size, of: FileKey(status), monotonicNanoseconds())
  }

  private func generationPath(_ name: String) -> String? {
    guard let slash = name.lastIndex(of: "/") else { return nil }
    for original in RotatedName.originals(of: String(name[name.index(after: slash)...])) {
      if let path = pathsByName["\(parent(of: name))/\(original)"] { return path }
    }
    return nil
  }

  private func noteSize(of key: FileKey, _ open: OpenFile, _ now: Int64) {
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

  private func noteSize(_ size: Int64, of key: FileKey, _ now: Int64) {
    guard var file = files[key], file.size != size || file.hasMore else { return }
    if size < file.position.offset, settings.gzipDelay == nil {
      file.isBroken = true
      lookAgain(at: file)
    }
    if size != file.size { file.changedAt = now }
    file.size = size
    files[key] = file
    makeReady(file.position.path)
    pollInterval = 0
  }

  private func say(_ message: String, _ field: (String, String)) {
    guard said.count < 1000, said.insert(message + field.1).inserted else { return }
    log.warn(message, field)
  }
}

func nanoseconds(_ duration: Duration) -> Int64 {
  let parts = duration.components
  return parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
}
