// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Telemetry

/// Reading on in files, and taking their lines.
extension FileFollower {
  enum Progress {
    case again
    case inNextBatch
    case idle
  }

  /// Reads on in the oldest file of `path` that has more.
  func advance(_ path: String, _ batch: inout FileBatch) -> Progress {
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
  func dueTime(of key: FileKey, _ file: FollowedFile) -> Int64? {
    guard let delay = settings.gzipDelay, file.position.offset == 0, let met = metAt[key] else { return nil }
    return met + nanoseconds(min(delay, .seconds(1 << 30)))
  }

  /// Notes that all of a file was read, and that another follows.
  func finish(_ key: FileKey, _ batch: inout FileBatch) {
    guard var file = files[key], !file.isBroken else { return }
    file.position.isFinished = true
    files[key] = file
    batch.set(file.position.encoded, of: key, prefix: file.position.prefix)
  }

  enum Outcome {
    case more
    case end
    case failed
  }

  func read(_ key: FileKey, _ batch: inout FileBatch, isEnd: Bool) -> Outcome {
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

  func note(_ problem: String, of key: FileKey) {
    guard files[key]?.problem != problem else { return }
    files[key]?.problem = problem
    isProblemStale = true
    log.warn("cannot be read, and is tried again", ("err", problem))
  }

  func lookAgain(at file: FollowedFile) {
    dirty.insert(parent(of: file.position.path))
    if let directory = file.seen?.directory { dirty.insert(directory) }
  }

  func open(_ key: FileKey, _ file: FollowedFile) throws -> OpenFile? {
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
  func read(
    _ open: OpenFile, _ key: FileKey, _ file: inout FollowedFile, _ batch: inout FileBatch, isEnd: Bool
  ) throws -> Outcome {
    if let size = file.damagedSize {
      if size == file.size { return .failed }
      file.damagedSize = nil
    }
    let position = file.position
    let start = max(0, position.offset - Int64(FilePosition.contextBytes))
    let context = Int(position.offset - start)
    makeRoom(for: open.archive == nil ? file.size - start : .max)
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
    let isAtEnd = count < buffer.count
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

  /// Makes the buffer as large as what is left of a file, within the bound of a long line and a bit.
  func makeRoom(for rest: Int64) {
    let longest = FilePosition.contextBytes + settings.longestLine + (32 << 10)
    // The file may have grown since; one that did not shows its end by not filling the buffer.
    let wanted = min(longest, max(4 << 10, min(longest, Int(clamping: rest)) + 1024))
    if buffer.count < wanted { buffer = [UInt8](repeating: 0, count: wanted) }
  }

  /// Takes the lines in `range` of the buffer, which begins at the file's position; whether there is more in it.
  func takeLines(
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
    let now = wallClockNanoseconds()
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
        let stamp = stamps.next(at: now)
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

  func setPosition(
    _ file: inout FollowedFile, _ offset: Int64, _ isInside: Bool, _ bytes: Span<UInt8>, _ place: Int
  ) {
    file.position.offset = offset
    file.position.isInsideLine = isInside
    guard settings.gzipDelay == nil else { return }
    let context = max(0, place - Int(min(offset, Int64(FilePosition.contextBytes))))..<place
    file.position.checksum = contextChecksum(bytes.extracting(context))
  }

  /// Leaps to where a hole ends, if nothing but NULs was read.
  func skipHole(_ open: OpenFile, _ file: inout FollowedFile, from position: FilePosition) {
    let offset = file.position.offset
    let looked = FilePosition.contextBytes
    guard offset - position.offset > settings.longestLine, buffer.suffix(looked).allSatisfy({ $0 == 0 }),
      let data = open.descriptor.nextData(after: offset), data - offset > looked
    else { return }
    statistics.bytesOfNUL += Int(data - offset)
    file.position.offset = data
    file.position.checksum = contextChecksum([UInt8](repeating: 0, count: looked), 0..<looked)
  }
}
