// SPDX-License-Identifier: Apache-2.0

/// What became of the files that were followed, and which are to be read now: a comparison of what is known with what
/// is seen.
///
/// A file is known by its inode, the time it was made, how it begins and what stands before its position. At a path
/// that is followed there is one generation after the other:
///
/// - A known file under another name was renamed; the rest of it comes before the file that now has the path.
/// - A known file with other content was truncated or its inode used again. The path begins anew; a copy that has the
///   known content is continued where the original was left.
/// - A file nobody knows, with a name that says it was set aside and made after the directory was last looked
///   through, was written and set aside meanwhile: all of it comes before the file at the path.
struct Reconciliation {
  /// What is known, and how to find out more.
  struct Input {
    var known: [FileKey: FilePosition] = [:]
    var seen: [SeenFile] = []
    var paths: [String: FollowedPath] = [:]
    /// When the directories were looked through, on the clock of files; nil when they changed meanwhile, and files
    /// may have escaped the look.
    var now: Int64? = 0
    /// The same, also when they changed; it stands for `now` where nothing was known.
    var earliest: Int64 = 0
    /// Whether the file, which has no name, is still open.
    var isHeld: (FileKey) -> Bool = { _ in false }
    /// Whether a file that is open without a name still has what was read of it.
    var isHeldIntact: (FileKey, FilePosition) -> Bool = { _, _ in true }
    /// Whether the file still has what was read of it.
    var isIntact: (SeenFile, FilePosition) -> Bool
    /// The bytes of a file; nil when it cannot be read.
    var bytes: (SeenFile, Range<Int64>) -> [UInt8]?
    /// Where a file begins at whose path nothing was known; nil to leave it out for ever.
    var beginning: (SeenFile, FollowedPath) -> FilePosition?
    /// Whether archives are what is to be read.
    var readsArchives = false
    /// Files set aside that were there before, and when they were made; the clock alone does not tell for those made
    /// within a tick of it.
    var passedOver: [FileKey: UInt32] = [:]
    /// Whether the file was there under a name that does not say that it was set aside, when last looked; it has been
    /// put at a path and set aside since.
    var wasBystander: (SeenFile) -> Bool = { _ in false }
  }

  /// A file to read.
  struct Found: Equatable {
    var position: FilePosition
    /// Where it is; nil when it has no name and is open.
    var seen: SeenFile?
    var isNew = false
  }

  /// Why something will not be read.
  enum Loss: String, CaseIterable {
    /// It was removed.
    case deleted
    /// It was compressed.
    case rotatedCompressed = "rotated_compressed"
  }

  private(set) var files: [FileKey: Found] = [:]
  /// The files of each path, oldest first.
  private(set) var generations: [String: [FileKey]] = [:]
  /// Files that are not there any more.
  private(set) var gone: Set<FileKey> = []
  /// What is known of files at paths nobody follows, whether they are there or not.
  private(set) var others: [FileKey: FilePosition] = [:]
  /// Files that were not finished when they went, by path.
  private(set) var lost: [(path: String, loss: Loss)] = []
  /// Paths whose file was truncated or replaced in place.
  private(set) var truncated: [String] = []
  /// Paths with the file of another, and that other.
  private(set) var sameFile: [(path: String, other: String)] = []
  /// Archives at paths that are followed, which are not read.
  private(set) var archives: [String] = []

  /// All files nobody knew.
  private(set) var strangers: [FileKey] = []
  /// Files set aside that are not read.
  private(set) var passedOver: [FileKey: UInt32] = [:]
  /// Files that may be copies in the making, as they are to be known until they show what they are.
  private(set) var unjudged: [FileKey: FilePosition] = [:]

  /// Files that were known and have other content now, or none.
  var changed: Set<FileKey> { Set(broken.map(\.key)) }

  private let input: Input
  private var seenByKey: [FileKey: SeenFile] = [:]
  private var pathOfName: [String: String] = [:]
  private var current: [FileKey: String] = [:]
  private var currentFile: [String: FileKey] = [:]
  private var broken: [(key: FileKey, position: FilePosition)] = []
  private var truncatedAndSetAside: [(file: SeenFile, path: String)] = []
  private var lastListed: [String: Int64] = [:]
  private var wasUnjudged: Set<FileKey> = []

  init(_ input: Input) {
    self.input = input
    lookAround()
    for (key, position) in input.known { place(key, position) }
    let unknown = input.seen.filter { files[$0.key] == nil && seenByKey[$0.key] == $0 }
    strangers = unknown.map(\.key)
    let aside = unknown.compactMap { file in origin(of: file).map { (file, $0) } }
    followBroken(aside)
    takeCurrent()
    takeSetAside(aside)
    put()
  }

  // MARK: What is where

  private mutating func lookAround() {
    for path in input.paths.values.sorted(by: { $0.order < $1.order }) {
      for name in [path.path, path.realPath] where pathOfName[name] == nil { pathOfName[name] = path.path }
    }
    for file in input.seen {
      guard let path = pathOfName[file.path] else {
        if seenByKey[file.key] == nil { seenByKey[file.key] = file }
        continue
      }
      if let other = current[file.key], other != path {
        let isFirst = (input.paths[path]?.order ?? 0) < (input.paths[other]?.order ?? 0)
        sameFile.append(isFirst ? (other, path) : (path, other))
        guard isFirst else { continue }
        currentFile[other] = nil
      }
      current[file.key] = path
      currentFile[path] = file.key
      seenByKey[file.key] = file
    }
    for position in input.known.values where !position.isUnjudged {
      lastListed[position.path] = max(lastListed[position.path] ?? .min, position.listedAt)
    }
    for path in input.paths.values {
      if let since = path.followedSince { lastListed[path.path] = max(lastListed[path.path] ?? .min, since) }
    }
  }

  private mutating func place(_ key: FileKey, _ position: FilePosition) {
    var position = position
    let seen = seenByKey[key]
    if position.isUnjudged {
      guard let seen, isSameInode(seen, position) else { return _ = gone.insert(key) }
      if input.paths[position.path] == nil { others[key] = position } else { wasUnjudged.insert(key) }
      return
    }
    if input.paths[position.path] == nil {
      guard let path = current[key] else { return others[key] = position }
      position.path = path
    }
    guard let seen else {
      if input.isHeld(key), input.isHeldIntact(key, position) {
        files[key] = Found(position: position)
      } else {
        broken.append((key, position))
      }
      return
    }
    if isSameInode(seen, position), input.isIntact(seen, position) {
      files[key] = Found(position: position, seen: seen)
    } else {
      broken.append((key, position))
    }
  }

  /// Whether nothing says that another file has the inode now.
  private func isSameInode(_ seen: SeenFile, _ position: FilePosition) -> Bool {
    position.birth == 0 || seen.birth == 0 || position.birth == seen.birth
  }

  /// The path a file was probably written at before it was set aside.
  private func origin(of file: SeenFile) -> String? {
    for name in RotatedName.originals(of: file.name) {
      var original = file
      original.name = name
      if let path = pathOfName[original.path] { return path }
    }
    return nil
  }

  // MARK: Files with other content, or none

  private mutating func followBroken(_ aside: [(file: SeenFile, path: String)]) {
    for (key, position) in broken.sorted(by: { $0.position.listedAt < $1.position.listedAt }) {
      // Also of one that was finished: a log that its pattern had not matched for a moment may be copied later.
      let copy = aside.first { file, path in
        path == position.path && files[file.key] == nil && !isArchive(file) && file.key != key
          && continues(file, position)
      }
      if let copy {
        var continued = position
        continued.birth = copy.file.birth
        continued.isFinished = false
        files[copy.file.key] = Found(position: continued, seen: copy.file, isNew: true)
      }
      if let seen = seenByKey[key], isSameInode(seen, position) {
        truncated.append(position.path)
        if current[key] == nil, position.birth != 0, seen.birth != 0, !isArchive(seen) {
          truncatedAndSetAside.append((seen, position.path))
        }
      } else if input.isHeld(key) {
        truncated.append(position.path)
        var anew = FilePosition(path: position.path)
        anew.birth = position.birth
        files[key] = Found(position: anew, isNew: true)
      } else {
        gone.insert(key)
        if copy == nil, !position.isFinished { lose(position, aside) }
      }
    }
  }

  private mutating func lose(_ position: FilePosition, _ aside: [(file: SeenFile, path: String)]) {
    let isCompressed = aside.contains { file, path in
      path == position.path && RotatedName.isCompressed(file.name) && file.isNewer(than: position.listedAt)
    }
    lost.append((position.path, isCompressed ? .rotatedCompressed : .deleted))
  }

  /// Whether `file` has what was read up to `position`.
  private func continues(_ file: SeenFile, _ position: FilePosition) -> Bool {
    // The size is asked again: the copy may have been made while the directory was listed.
    guard position.head.length > 0,
      let head = input.bytes(file, 0..<Int64(HeadFingerprint.longest)), position.head.matches(head.span)
    else { return false }
    let start = max(0, position.offset - Int64(FilePosition.contextBytes))
    guard let context = input.bytes(file, start..<position.offset), context.count == Int(position.offset - start)
    else { return false }
    return contextChecksum(context.span) == position.checksum
  }

  // MARK: New files

  private mutating func takeCurrent() {
    for (path, key) in currentFile {
      guard files[key] == nil, let file = seenByKey[key], let followed = input.paths[path] else { continue }
      if isArchive(file) {
        archives.append(path)
        continue
      }
      if let original = origin(of: file), original != path, isUnjudged(file, original) {
        wait(for: file, original)
        continue
      }
      let isKnownPath = lastListed[path] != nil
      var position = isKnownPath ? FilePosition(path: path) : input.beginning(file, followed)
      position?.birth = file.birth
      guard let position else { continue }
      files[key] = Found(position: position, seen: file, isNew: true)
    }
  }

  private mutating func takeSetAside(_ aside: [(file: SeenFile, path: String)]) {
    for (file, path) in truncatedAndSetAside where files[file.key] == nil {
      var position = FilePosition(path: path)
      position.birth = file.birth
      files[file.key] = Found(position: position, seen: file, isNew: true)
    }
    for (file, path) in aside where files[file.key] == nil && current[file.key] == nil && !isArchive(file) {
      guard let listed = lastListed[path], isNewer(file, of: path, than: listed) else {
        passedOver[file.key] = file.birth
        continue
      }
      if isUnjudged(file, path) {
        wait(for: file, path)
        continue
      }
      if isCopyOfHeld(file, path) {
        files[file.key] = Found(position: end(of: file, path), seen: file, isNew: true)
        continue
      }
      var position = FilePosition(path: path)
      position.birth = file.birth
      files[file.key] = Found(position: position, seen: file, isNew: true)
    }
  }

  private mutating func wait(for file: SeenFile, _ path: String) {
    var position = FilePosition(path: path)
    position.birth = file.birth
    position.isUnjudged = true
    unjudged[file.key] = position
  }

  /// Whether its number says that `file` was set aside after one that is known, as `app.log.1` was after `app.log.2`.
  private func isNumberedBeforeKnown(_ file: SeenFile, of path: String) -> Bool {
    guard let number = RotatedName.number(of: file.name) else { return false }
    return input.known.contains { key, position in
      guard position.path == path, current[key] == nil, let seen = files[key]?.seen, files[key]?.isNew == false,
        let known = RotatedName.number(of: seen.name)
      else { return false }
      return number < known
    }
  }

  /// Whether `file` is a copy of one that has no name any more and is read itself.
  private func isCopyOfHeld(_ file: SeenFile, _ path: String) -> Bool {
    files.values.contains { $0.seen == nil && $0.position.path == path && continues(file, $0.position) }
  }

  /// The position of a file of which nothing is to be read.
  private func end(of file: SeenFile, _ path: String) -> FilePosition {
    var position = FilePosition(path: path)
    position.birth = file.birth
    position.offset = file.size
    position.isFinished = true
    let head = input.bytes(file, 0..<Int64(HeadFingerprint.longest)) ?? []
    position.head = HeadFingerprint(of: head.span)
    let context = input.bytes(file, max(0, file.size - Int64(FilePosition.contextBytes))..<file.size) ?? []
    position.checksum = contextChecksum(context.span)
    return position
  }

  private func isNewer(_ file: SeenFile, of path: String, than listed: Int64) -> Bool {
    if wasUnjudged.contains(file.key) || isNumberedBeforeKnown(file, of: path) { return true }
    if input.wasBystander(file) { return true }
    if input.passedOver[file.key] == file.birth { return false }
    // Where the clock was set back since, it does not tell; but what was not there at the last look is new.
    if let since = input.paths[path]?.followedSince, since > input.earliest { return true }
    return file.isNewer(than: listed)
  }

  /// Whether `file` is, or may become, a copy of a file of `path` that is still intact, and will be read itself.
  private func isUnjudged(_ file: SeenFile, _ path: String) -> Bool {
    if file.size == 0 { return true }
    let end = max(0, file.size - Int64(FilePosition.contextBytes))..<file.size
    for (key, found) in files where found.position.path == path && key != file.key {
      guard let original = found.seen, mayBeCopied(found, original, as: file) else { continue }
      // It may have been truncated since it was listed; then only another look tells.
      guard let head = input.bytes(original, 0..<Int64(HeadFingerprint.longest)),
        found.position.head.matches(head.span),
        let before = input.bytes(original, end)
      else { return true }
      guard before.count == end.count else {
        if original.size >= file.size { return true }
        continue
      }
      let common = Int(min(file.size, Int64(HeadFingerprint.longest)))
      guard let own = input.bytes(file, 0..<Int64(common)), let ownEnd = input.bytes(file, end) else { return true }
      if own.elementsEqual(head.prefix(common)), ownEnd == before { return true }
    }
    // An old copy of a file that is gone, made before what was read last was written.
    return broken.contains { _, position in
      position.path == path && file.size < position.offset && position.head.length > 0
        && input.bytes(file, 0..<Int64(HeadFingerprint.longest)).map { position.head.matches($0.span) } == true
    }
  }

  /// Only what was there before can have been copied.
  private func mayBeCopied(_ found: Found, _ original: SeenFile, as file: SeenFile) -> Bool {
    guard original.bornNanoseconds != 0, file.bornNanoseconds != 0 else {
      return !found.isNew || found.position.offset > 0
    }
    return original.bornNanoseconds <= file.bornNanoseconds
  }

  private func isArchive(_ file: SeenFile) -> Bool { !input.readsArchives && RotatedName.isCompressed(file.name) }

  // MARK: In order

  private mutating func put() {
    for (key, found) in files {
      generations[found.position.path, default: []].append(key)
      files[key]?.position.listedAt = input.now ?? lastListed[found.position.path] ?? input.earliest
    }
    for (path, keys) in generations where keys.count > 1 {
      generations[path] = keys.sorted { isOlder($0, $1, at: path) }
    }
    gone.subtract(files.keys)
    gone.subtract(unjudged.keys)
  }

  private func isOlder(_ left: FileKey, _ right: FileKey, at path: String) -> Bool {
    let isLeftCurrent = current[left] == path
    if isLeftCurrent != (current[right] == path) { return !isLeftCurrent }
    // What has no name any more was there before what has.
    guard let one = files[left]?.seen else { return true }
    guard let other = files[right]?.seen else { return false }
    if one.modifiedNanoseconds != other.modifiedNanoseconds {
      return one.modifiedNanoseconds < other.modifiedNanoseconds
    }
    let numbers = (RotatedName.number(of: one.name) ?? 0, RotatedName.number(of: other.name) ?? 0)
    return numbers.0 == numbers.1 ? one.name < other.name : numbers.0 > numbers.1
  }
}
