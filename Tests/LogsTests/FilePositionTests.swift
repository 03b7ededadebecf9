// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Logs

@Suite struct FilePositionTests {
  private var position: FilePosition {
    var position = FilePosition(path: "/var/log/ä.log")
    position.birth = 7
    position.head = HeadFingerprint(of: Array("head".utf8).span)
    position.listedAt = 1_790_000_000_000_000_000
    position.offset = 1 << 40
    position.checksum = 9
    position.isInsideLine = true
    position.isFinished = true
    return position
  }

  @Test func `a position is read as it was written`() { #expect(FilePosition(position.encoded) == position) }

  @Test func `damaged bytes are no position and no crash`() {
    let bytes = position.encoded
    for count in bytes.indices { #expect(FilePosition(Array(bytes[..<count])) == nil) }
    #expect(FilePosition(bytes + [0]) == nil)
    var beyond = position
    beyond.offset = .max - 4096
    #expect(FilePosition(beyond.encoded) == nil)
    var random = SplitMix64(seed: 1)
    for _ in 0..<1000 {
      var damaged = bytes
      damaged[random.below(damaged.count)] ^= UInt8(1 + random.below(255))
      if let read = FilePosition(damaged) { #expect(read.offset >= 0) }
    }
  }

  @Test func `a fingerprint is of as many bytes as there were, and matches the file grown`() {
    let (head, grown, other) = (Array("abc".utf8), Array("abcdef".utf8), Array("abXdef".utf8))
    let short = HeadFingerprint(of: head.span)
    let matches = [grown, other, Array(head[..<2])].map { short.matches($0.span) }
    #expect(matches == [true, false, false])
    let long = HeadFingerprint(of: [UInt8](repeating: 1, count: 2000).span)
    #expect(long.length == 1024)
  }

  @Test func `a file's name is its device and inode`() {
    let key = FileKey(device: 0xfe00, inode: 0xabc)
    #expect(FileKey(name: key.name) == key)
    #expect(FileKey(name: Array("fe00".utf8)) == nil)
    #expect(FileKey(name: Array("fe00:x:y".utf8)) == nil)
  }

  @Test(arguments: [
    ("app.log.1", ["app.log"]), ("app.log.1.gz", ["app.log"]), ("app.log-20260101", ["app.log"]),
    ("app-2026-01-01.log", ["app.log"]), ("app.log.old", ["app.log"]), ("app.log~", ["app.log"]),
    ("app-2.log", []), ("other.log", []),
  ]) func `names tell what was set aside`(name: String, originals: [String]) {
    #expect(Set(RotatedName.originals(of: name)).isSuperset(of: originals))
    if originals.isEmpty { #expect(RotatedName.originals(of: name).isEmpty) }
  }
}
