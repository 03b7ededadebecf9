// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Looking through directories, and doing what `Reconciliation` makes of it.
extension FileFollower {
  /// Looks through `directories`, again when files of `known` were not found: one that is renamed meanwhile may be
  /// under neither name when it is its turn.
  func list(_ directories: Set<String>, lookingFor known: some Collection<FileKey>) -> DirectoryListing {
    var listing = DirectoryListing(directories, names: paths.values)
    for pause in [0, 1, 5, 20] {
      let found = Set(listing.seen.map(\.key))
      let missing = known.filter { !found.contains($0) && openFiles[$0] == nil }
      guard !missing.isEmpty else { break }
      if pause > 0 { pauseThread(milliseconds: pause) }
      let again = DirectoryListing(directories, names: paths.values)
      if pause > 0, again.seen == listing.seen { break }
      listing = again
    }
    return listing
  }

  func input(
    known: [FileKey: FilePosition], _ listing: DirectoryListing, paths: [String: FollowedPath], verifying: Bool
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
    input.passedOver = passedOver
    input.wasBystander = { [unowned self] file in bystanders.values.contains { $0[file.key] == file.birth } }
    return input
  }

  func isHeldIntact(_ key: FileKey, _ position: FilePosition) -> Bool {
    guard let open = openFiles[key], files[key]?.isBroken != true, settings.gzipDelay == nil else {
      return files[key]?.isBroken != true
    }
    var head = [UInt8](repeating: 0, count: HeadFingerprint.longest)
    guard let size = try? open.descriptor.status().size, let count = try? open.descriptor.read(into: &head, at: 0)
    else { return true }
    head.removeSubrange(count...)
    return size >= position.offset && position.head.matches(head.span)
  }

  func hasHead(_ seen: SeenFile, _ position: FilePosition) -> Bool {
    // One that cannot be read says nothing about its content.
    guard let head = bytes(of: seen, 0..<Int64(HeadFingerprint.longest)) else { return true }
    return position.head.matches(head.span)
  }

  func hasContent(_ seen: SeenFile, _ position: FilePosition) -> Bool {
    guard hasHead(seen, position) else { return false }
    let start = max(0, position.offset - Int64(FilePosition.contextBytes))
    guard let context = bytes(of: seen, start..<position.offset) else { return true }
    return contextChecksum(context.span) == position.checksum
  }

  func bytes(of seen: SeenFile, _ range: Range<Int64>) -> [UInt8]? {
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
  func beginning(of seen: SeenFile, at path: FollowedPath) -> FilePosition? {
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
  func passLines(_ lines: Int64, of seen: SeenFile, _ path: String) {
    guard lines > 0 else { return }
    linesToPass[seen.key] = lines
    say("the agent before this one had sent \(lines) lines of this archive, which are passed over", ("path", path))
  }

  func moved(_ position: FilePosition, to offset: Int64, _ seen: SeenFile) -> FilePosition {
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
  func endOfLines(_ seen: SeenFile) -> Int64 {
    let start = max(0, seen.size - Int64(settings.longestLine))
    guard let last = bytes(of: seen, start..<seen.size), let newline = last.lastIndex(of: 0x0a) else {
      return seen.size
    }
    // In UTF-16 of little-endian order a NUL follows.
    let after = start + Int64(newline) + 1
    return settings.encoding == .utf16(isBigEndian: false) ? min(seen.size, after + 1) : after
  }

  /// Looks through the directories in which something changed.
  func reconcile() {
    pacing.look {
      followLinks(in: dirty)
      let (directories, scope) = scope(of: dirty)
      dirty = []
      let wanted = scope.flatMap { generations[$0] ?? [] }
      untilNothingMoves { reconcile(directories, scope, wanted: wanted) }
    }
  }

  func reconcile(_ directories: Set<String>, _ scope: Set<String>, wanted: [FileKey]) -> LookOutcome {
    let listing = list(directories, lookingFor: wanted)
    let found = Set(listing.seen.map(\.key))
    var known = resting.mapValues(\.position).filter { found.contains($0.key) || scope.contains($0.value.path) }
    for path in scope {
      for key in generations[path] ?? [] {
        guard let file = files[key] else { continue }
        if let seen = file.seen, listing.unknown[seen.directory] != nil, !found.contains(key) { continue }
        known[key] = file.position
      }
    }
    let result = Reconciliation(
      input(known: known, listing, paths: paths.filter { scope.contains($0.key) }, verifying: false))
    let act = { [self] in
      take(result, listing, known: known, scope: scope)
      announceNew(result)
    }
    return LookOutcome(changed: result.changed, isSteady: !listing.isUnsteady, act: act)
  }

  func scope(of changed: Set<String>) -> (directories: Set<String>, paths: Set<String>) {
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

  func take(
    _ result: Reconciliation, _ listing: DirectoryListing, known: [FileKey: FilePosition], scope: Set<String>
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
      resting[key] = nil
      if let last = lastFiles.removeValue(forKey: found.position.path), let file = resting[last] {
        drop(last, file.position)
      }
    }
    if settings.gzipDelay ?? .zero > .zero { for key in result.files.keys where metAt[key] == nil { metAt[key] = now } }
    unreadArchives = unreadArchives.subtracting(scope).union(result.archives)
    unlisted.subtract(listing.looked)
    if !listing.unknown.isEmpty { unlisted.formUnion(allDirectories.intersection(listing.unknown.keys)) }
    for (directory, reason) in listing.unknown {
      say("this directory cannot be listed: \(reason)", ("directory", directory))
    }
    for (key, position) in result.others where resting[key]?.position != position {
      resting[key] = Resting(position: position)
    }
    for (key, position) in result.unjudged where resting[key]?.position != position {
      resting[key] = Resting(position: position)
      announcements[key] = position.encoded
    }
    for key in result.gone { forget(key, known[key]) }
    // Those in directories that were not looked through stay as they were.
    let looked = Set(result.strangers)
    passedOver = passedOver.filter { !looked.contains($0.key) }.merging(result.passedOver) { _, new in new }
    noteBystanders(listing)
    report(result)
    for path in scope { makeReady(path) }
    countFiles()
  }

  func noteBystanders(_ listing: DirectoryListing) {
    let before = bystanders
    for directory in listing.looked { bystanders[directory] = nil }
    for file in listing.seen where files[file.key] == nil && resting[file.key] == nil {
      // One that was set aside while nobody followed its path remains what it was until somebody does.
      let remains = before[file.directory]?[file.key] == file.birth && passedOver[file.key] == nil
      guard remains || RotatedName.originals(of: file.name).isEmpty else { continue }
      bystanders[file.directory, default: [:]][file.key] = file.birth
    }
  }

  func forget(_ key: FileKey, _ position: FilePosition?) {
    (openFiles[key], metAt[key], linesToPass[key]) = (nil, nil, nil)
    guard var last = position, !last.isUnjudged, generations[last.path]?.isEmpty != false else {
      return drop(key, position ?? FilePosition(path: ""))
    }
    last.isFinished = true
    if let other = lastFiles[last.path], other != key, let file = resting[other] {
      if file.position.listedAt > last.listedAt { return drop(key, last) }
      drop(other, file.position)
    }
    lastFiles[last.path] = key
    guard resting[key]?.position != last else { return }
    resting[key] = Resting(position: last)
    announcements[key] = last.encoded
  }

  func report(_ result: Reconciliation) {
    for (path, loss) in result.lost { report(loss, at: path) }
    for path in result.truncated {
      statistics.truncated += 1
      log.info("the file was truncated or replaced and is read from its beginning", ("path", path))
    }
    for (path, other) in result.sameFile { say("this is the same file as \(other), and read once", ("path", path)) }
    for path in result.archives { say("archives are not read without a decompression block", ("path", path)) }
  }

  func report(_ loss: Reconciliation.Loss, at path: String) {
    statistics.lost[loss, default: 0] += 1
    switch loss {
    case .deleted: log.warn("a file was removed before it was known to be read to its end", ("path", path))
    case .rotatedCompressed:
      log.error(
        "a file was compressed before it was read to its end; use delaycompress, or keep one rotation uncompressed",
        ("path", path))
    }
  }

  func countFiles() {
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
    (isProblemStale, isCountStale) = (false, false)
    statistics.problem = problems.first.map { problems.count == 1 ? $0 : "\($0); and \(problems.count - 1) more" }
  }
}
