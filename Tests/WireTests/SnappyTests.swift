// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct SnappyTests {
  @Test(arguments: [0, 1, 59, 60, 61, 255, 256, 65_535, 65_536, 65_537, 1_000_000])
  func `what is compressed uncompresses to itself`(_ count: Int) throws {
    var random = SeededGenerator(state: 7)
    for bytes in [
      [UInt8](repeating: 7, count: count), (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) },
    ] {
      var block: [UInt8] = []
      Snappy.compress(bytes.span, into: &block)
      #expect(block.count <= Snappy.maxCompressedLength(count))
      #expect(Snappy.uncompressedLength(block.span) == count)
      var output: [UInt8] = [1]
      try Snappy.uncompress(block.span, limit: count, into: &output)
      #expect(output == bytes)
      if count > 0 {
        #expect(throws: WireError.tooLarge(what: "snappy block", bytes: count, limit: count - 1)) {
          try Snappy.uncompress(block.span, limit: count - 1, into: &output)
        }
      }
    }
  }

  @Test func `a block that claims more than it can hold is refused unallocated`() {
    var output: [UInt8] = []
    let bomb: [UInt8] = [0x80, 0x80, 0x80, 0x08, 0x00]  // 16 MiB in five bytes
    #expect(Snappy.uncompressedLength(bomb.span) == 16 << 20)
    #expect(throws: WireError.malformed(what: "snappy block", reason: "5 bytes cannot hold 16777216")) {
      try Snappy.uncompress(bomb.span, limit: 32 << 20, into: &output)
    }
    #expect(output.capacity < 1024)
  }

  @Test(arguments: [[], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0xff, 0xff, 0xff, 0xff, 0x7f]] as [[UInt8]])
  func `what does not begin with a length is refused`(_ block: [UInt8]) {
    var output: [UInt8] = []
    #expect(throws: WireError.malformed(what: "snappy block", reason: "it does not begin with a length")) {
      try Snappy.uncompress(block.span, limit: .max, into: &output)
    }
  }

  @Test func `damaged blocks are refused, and leave nothing behind`() {
    let text = Array(String(repeating: "level=info msg=\"all is well\" ", count: 40).utf8)
    var block: [UInt8] = []
    Snappy.compress(text.span, into: &block)
    for count in 1..<block.count {
      var output: [UInt8] = [1, 2, 3]
      #expect(throws: WireError.self) {
        try Snappy.uncompress(Array(block[..<count]).span, limit: 1 << 20, into: &output)
      }
      #expect(output.isEmpty)
    }
    // The framed format's stream identifier.
    var output: [UInt8] = []
    #expect(throws: WireError.self) {
      try Snappy.uncompress(([0xff, 0x06, 0, 0] + Array("sNaPpY".utf8)).span, limit: 1 << 20, into: &output)
    }
  }
}
