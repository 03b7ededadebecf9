// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Logs

/// What becomes of files, decided from what is known and what is seen.
@Suite struct ReconciliationTests {
  private let path = "/d/app.log"
  private let one = key(1)
  private let two = key(2)

  private static func key(_ inode: UInt64) -> FileKey { FileKey(device: 1, inode: inode) }

  /// `/d` as it was listed: before that, time 100 was when it was last looked through.
  private struct Directory {
    private(set) var seen: [SeenFile] = []
    private var contents: [FileKey: [UInt8]] = [:]

    init(_ files: (name: String, inode: UInt64, text: String, born: Int64)...) {
      for (index, file) in files.enumerated() {
        let key = ReconciliationTests.key(file.inode)
        contents[key] = Array(file.text.utf8)
        seen.append(
          SeenFile(
            key: key, directory: "/d", name: file.name, size: Int64(file.text.utf8.count), bornNanoseconds: file.born,
            modifiedNanoseconds: 300 + Int64(index)))
      }
    }

    func bytes(_ key: FileKey, _ range: Range<Int64>) -> [UInt8]? {
      contents[key].map { Array($0[min($0.count, Int(range.lowerBound))..<min($0.count, Int(range.upperBound))]) }
    }

    func has(_ file: SeenFile, _ position: FilePosition) -> Bool {
      guard let bytes = contents[file.key], file.size >= position.offset else { return false }
      let read = bytes[..<Int(position.offset)].suffix(FilePosition.contextBytes)
      return position.head.matches(bytes.span) && contextChecksum(Array(read).span) == position.checksum
    }
  }

  /// A file whose content was `text`, read up to `offset`.
  private func position(
    _ text: String, readTo offset: Int, path: String? = nil, born: Int64 = 10, isFinished: Bool = false
  ) -> FilePosition {
    let bytes = Array(text.utf8)
    var position = FilePosition(path: path ?? self.path)
    position.birth = birthMark(born)
    position.head = HeadFingerprint(of: bytes.span)
    position.listedAt = 100
    position.offset = Int64(offset)
    position.checksum = contextChecksum(Array(bytes[..<offset].suffix(FilePosition.contextBytes)).span)
    position.isFinished = isFinished
    return position
  }

  private func reconcile(
    _ directory: Directory, knowing known: [FileKey: FilePosition], held: Set<FileKey> = [],
    following paths: [String] = ["/d/app.log"], change: (inout Reconciliation.Input) -> Void = { _ in }
  ) -> Reconciliation {
    var input = Reconciliation.Input(
      isIntact: { directory.has($0, $1) }, bytes: { directory.bytes($0.key, $1) },
      beginning: { _, path in FilePosition(path: path.path) })
    input.known = known
    input.seen = directory.seen
    for path in paths { input.paths[path] = FollowedPath(path: path, realPath: path, order: input.paths.count) }
    input.now = 1000
    input.isHeld = { held.contains($0) }
    change(&input)
    return Reconciliation(input)
  }

  /// The files of the path in order, and where each is read from.
  private func order(_ result: Reconciliation) -> [String] {
    (result.generations[path] ?? []).map { "\($0.inode) from \(result.files[$0]?.position.offset ?? -1)" }
  }

  private func losses(_ result: Reconciliation) -> [Reconciliation.Loss] { result.lost.map(\.loss) }

  // MARK: Renamed

  @Test(arguments: ["app.log.1", "app.log-20260101", "app.log.old", "app-2026-01-01.log"])
  func `the rest of a renamed file comes before the one that has its path`(name: String) {
    let directory = Directory((name, 1, "one\ntwo\n", 10), ("app.log", 2, "three\n", 200))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["1 from 4", "2 from 0"])
    #expect(result.files[one]?.isNew == false && result.files[two]?.isNew == true)
    #expect(result.lost.isEmpty && result.truncated.isEmpty && result.gone.isEmpty)
  }

  @Test func `a file that was written and renamed since comes between`() {
    let directory = Directory(
      ("app.log.2", 1, "one\ntwo\n", 10), ("app.log.1", 2, "three\n", 200), ("app.log", 3, "four\n", 250))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["1 from 4", "2 from 0", "3 from 0"])
  }

  @Test func `a renamed file nobody knew is passed over when it is older than the last look`() {
    let directory = Directory(
      ("app.log.2", 2, "long ago\n", 5), ("app.log.1", 1, "one\n", 10), ("app.log", 3, "two\n", 200))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["1 from 4", "3 from 0"])
    #expect(Array(result.passedOver.keys) == [two])
  }

  @Test func `after the clock was set back what was not there at the last look is new`() {
    let directory = Directory(
      ("app.log.3", 4, "long ago\n", 5), ("app.log.2", 1, "one\n", 10), ("app.log.1", 2, "two\n", 50),
      ("app.log", 3, "three\n", 55))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)]) {
      $0.paths[path]?.followedSince = 100
      $0.passedOver = [Self.key(4): birthMark(5)]
      $0.earliest = 60
    }
    #expect(order(result) == ["1 from 4", "2 from 0", "3 from 0"])
  }

  @Test func `while nothing has the path the renamed file is read on`() {
    let result = reconcile(Directory(("app.log.1", 1, "one\ntwo\n", 10)), knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["1 from 4"])
  }

  // MARK: Copied and truncated

  @Test func `what was not read before a truncation is read from the copy`() {
    let directory = Directory(("app.log.1", 2, "one\ntwo\n", 200), ("app.log", 1, "three\n", 10))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["2 from 4", "1 from 0"])
    #expect(result.truncated == [path] && result.lost.isEmpty)
  }

  @Test func `nothing is read from a copy of what was read, also when the file grew longer than it was`() {
    let directory = Directory(("app.log.1", 2, "one\ntwo\n", 200), ("app.log", 1, "a longer one\nand more\n", 10))
    let result = reconcile(directory, knowing: [one: position("one\ntwo\n", readTo: 8)])
    #expect(order(result) == ["2 from 8", "1 from 0"])
  }

  @Test func `nothing is read twice from a copy of a log that had been given up for a moment`() {
    let known = [one: position("one\n", readTo: 4, isFinished: true)]
    let truncated = Directory(("app.log.1", 2, "one\n", 200), ("app.log", 1, "", 10))
    #expect(order(reconcile(truncated, knowing: known)) == ["2 from 4", "1 from 0"])
    let removed = Directory(("app.log.1", 2, "one\ntwo\n", 200), ("app.log", 3, "three\n", 200))
    let result = reconcile(removed, knowing: known)
    #expect(order(result) == ["2 from 4", "3 from 0"])
    #expect(result.lost.isEmpty)
  }

  @Test func `a truncated file without a copy begins anew`() {
    let result = reconcile(Directory(("app.log", 1, "", 10)), knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["1 from 0"])
    #expect(result.truncated == [path])
  }

  @Test func `a copy in the making is left alone until it shows what it is`() {
    let directory = Directory(("app.log.1", 2, "one\n", 200), ("app.log", 1, "one\ntwo\n", 10))
    let result = reconcile(directory, knowing: [one: position("one\ntwo\n", readTo: 8)])
    #expect(order(result) == ["1 from 8"])
    #expect(Array(result.unjudged.keys) == [two])
  }

  @Test func `what may be a copy is still in doubt after a restart, however long ago it was made`() {
    let text = "one\ntwo\n"
    var doubt = position("", readTo: 0, born: 90)
    doubt.isUnjudged = true
    doubt.listedAt = 0
    let known = [one: position(text, readTo: 8), two: doubt]
    let copied = reconcile(Directory(("app.log.1", 2, text, 90), ("app.log", 1, text, 10)), knowing: known)
    #expect(order(copied) == ["1 from 8"])
    #expect(copied.unjudged == [two: doubt])
    // Nothing was read of what was copied and truncated.
    let unread = [one: position("", readTo: 0), two: doubt]
    let truncated = reconcile(Directory(("app.log.1", 2, text, 90), ("app.log", 1, "three\n", 10)), knowing: unread)
    #expect(order(truncated) == ["2 from 0", "1 from 0"])
    #expect(reconcile(Directory(("app.log", 1, text, 10)), knowing: known).gone == [two])
  }

  @Test func `a copy of a file nobody knew is left alone too`() {
    let copying = Directory(("app.log.1", 2, "one\n", 210), ("app.log", 1, "one\ntwo\n", 200))
    let result = reconcile(copying, knowing: [Self.key(3): position("", readTo: 0)])
    #expect(order(result) == ["1 from 0"])
    #expect(Array(result.unjudged.keys) == [two])
  }

  @Test func `a file that begins as the one after it does is no copy of it`() {
    let directory = Directory(("app.log.1", 2, "alive\n", 200), ("app.log", 1, "alive\nalive\n", 210))
    let result = reconcile(directory, knowing: [Self.key(3): position("", readTo: 0)])
    #expect(order(result) == ["2 from 0", "1 from 0"])
  }

  // MARK: Replaced

  @Test func `a file that was replaced is read to its end while it is open, and then the other`() {
    let known = [one: position("one\n", readTo: 4)]
    let directory = Directory(("app.log", 2, "one\ntwo\n", 200))
    let held = reconcile(directory, knowing: known, held: [one])
    #expect(order(held) == ["1 from 4", "2 from 0"])
    #expect(held.lost.isEmpty)
    let gone = reconcile(directory, knowing: known)
    #expect(order(gone) == ["2 from 0"])
    #expect(gone.gone == [one] && losses(gone) == [.deleted])
  }

  @Test func `a file with the inode of another begins anew`() {
    let directory = Directory(("app.log", 1, "one\ntwo\n", 200))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["1 from 0"])
    #expect(result.files[one]?.position.birth == birthMark(200))
    #expect(losses(result) == [.deleted] && result.gone.isEmpty && result.truncated.isEmpty)
  }

  @Test func `where files have no time of birth their content tells`() {
    let known = [one: position("one\n", readTo: 4, born: 0)]
    let other = reconcile(Directory(("app.log", 1, "two\nthree\n", 0)), knowing: known)
    #expect(order(other) == ["1 from 0"])
    let same = reconcile(Directory(("app.log", 1, "one\nthree\n", 0)), knowing: known)
    #expect(order(same) == ["1 from 4"])
  }

  @Test func `an inode that another's file has now is not read for the path`() {
    let directory = Directory(("other.txt", 1, "secret\n", 200), ("app.log", 2, "two\n", 210))
    let result = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(order(result) == ["2 from 0"])
    #expect(result.gone == [one] && losses(result) == [.deleted] && result.truncated.isEmpty)
  }

  // MARK: Gone

  @Test func `a file that is gone is a loss unless it was finished`() {
    let lost = reconcile(Directory(), knowing: [one: position("one\n", readTo: 4)])
    #expect(lost.gone == [one] && losses(lost) == [.deleted] && lost.files.isEmpty)
    let finished = reconcile(Directory(), knowing: [one: position("one\n", readTo: 4, isFinished: true)])
    #expect(finished.gone == [one] && finished.lost.isEmpty)
  }

  @Test func `a file that is gone but open is read on`() {
    let result = reconcile(Directory(), knowing: [one: position("one\n", readTo: 4)], held: [one])
    #expect(order(result) == ["1 from 4"])
    #expect(result.files[one]?.seen == nil && result.lost.isEmpty)
  }

  @Test func `a file that was compressed before it was finished is a loss of its own kind`() {
    let directory = Directory(("app.log.1.gz", 2, "\u{1f}packed", 200), ("app.log", 3, "two\n", 200))
    let lost = reconcile(directory, knowing: [one: position("one\n", readTo: 4)])
    #expect(losses(lost) == [.rotatedCompressed])
    #expect(order(lost) == ["3 from 0"])
    let finished = reconcile(directory, knowing: [one: position("one\n", readTo: 4, isFinished: true)])
    #expect(finished.lost.isEmpty && order(finished) == ["3 from 0"])
  }

  @Test func `an archive of long ago is no explanation`() {
    let directory = Directory(("app.log.1.gz", 2, "\u{1f}packed", 50), ("app.log", 3, "two\n", 200))
    #expect(losses(reconcile(directory, knowing: [one: position("one\n", readTo: 4)])) == [.deleted])
  }

  // MARK: Other paths

  @Test func `an archive that is followed itself is named, and read where archives are`() {
    let directory = Directory(("app.log.gz", 1, "\u{1f}packed", 10))
    let text = reconcile(directory, knowing: [:], following: ["/d/app.log.gz"])
    #expect(text.files.isEmpty && text.archives == ["/d/app.log.gz"])
    let archives = reconcile(directory, knowing: [:], following: ["/d/app.log.gz"]) { $0.readsArchives = true }
    #expect(archives.files[one]?.position.offset == 0 && archives.archives.isEmpty)
  }

  @Test func `what a pattern finds of a file that was set aside goes on as that file`() {
    let directory = Directory(("app.log.1", 1, "one\ntwo\n", 10), ("app.log", 2, "three\n", 200))
    let result = reconcile(
      directory, knowing: [one: position("one\n", readTo: 4)], following: ["/d/app.log", "/d/app.log.1"])
    #expect(order(result) == ["1 from 4", "2 from 0"])
    #expect(result.generations["/d/app.log.1"] == nil)
  }

  @Test func `positions at paths nobody follows are kept, whether their file is there or not`() {
    let known = [one: position("one\n", readTo: 4), two: position("two\n", readTo: 4, path: "/d/b.log")]
    let directory = Directory(("app.log", 1, "one\n", 10), ("b.log", 2, "two\n", 10))
    let kept = reconcile(directory, knowing: known)
    #expect(order(kept) == ["1 from 4"])
    #expect(Array(kept.others.keys) == [two] && kept.gone.isEmpty)
    let gone = reconcile(Directory(("app.log", 1, "one\n", 10)), knowing: known)
    #expect(Array(gone.others.keys) == [two] && gone.gone.isEmpty && gone.lost.isEmpty)
  }

  @Test func `a file with two names is read at the first of its paths`() {
    let directory = Directory(("link.log", 1, "one\n", 10), ("app.log", 1, "one\n", 10))
    let result = reconcile(directory, knowing: [:], following: ["/d/app.log", "/d/link.log"])
    #expect(order(result) == ["1 from 0"])
    #expect(result.sameFile.map(\.path) == ["/d/link.log"] && result.sameFile.map(\.other) == [path])
  }
}
