// SPDX-License-Identifier: Apache-2.0

import Testing
import TestSupport

@testable import Stages

@Suite struct LogfmtTests {
  @Test(arguments: [
    ("", []), ("   ", []), ("a=1", ["a:1"]), ("a=1 b=\"x y\" c", ["a:1", "b:x y", "c:"]),
    ("a= b=\"\" c", ["a:", "b:", "c:"]), ("a=\"say \\\"hi\\\"\\n\\u00e9\"", ["a:say \"hi\"\né"]),
    ("  time=2024-01-02T03:04:05Z\tlevel=info\n msg=ok ", ["time:2024-01-02T03:04:05Z", "level:info", "msg:ok"]),
    ("a.b/c-d=e,f:g", ["a.b/c-d:e,f:g"]), ("ключ=значение", ["ключ:значение"]), ("a=\"x\"b=2", ["a:x", "b:2"]),
    ("plain words here", ["plain:", "words:", "here:"]), ("a='x y'", ["a:'x", "y':"]),
    ("a=1 =2 b=3", ["a:1", "!"]), ("a=1 b=c=d e=5", ["a:1", "!"]), ("a=1 \"b\" c=3", ["a:1", "!"]),
    ("a=1 b=\"open", ["a:1", "!"]), ("a=1 b=\"open\\", ["a:1", "!"]), ("a=x\"y b=1", ["!"]), ("a=\"x\ny\"", ["!"]),
  ])
  func `pairs are read as Go's logfmt reads them`(_ line: String, _ expected: [String]) {
    #expect(pairs(Array(line.utf8)) == expected)
  }

  @Test(arguments: testSeeds(count: 10)) func `noise never does harm`(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let alphabet = Array("ab=\" \\u0é\n\t".utf8) + [0, 0xff]
    for _ in 0..<2000 {
      let bytes = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
      #expect(pairs(bytes).count <= bytes.count + 1)
    }
  }

  private func pairs(_ line: [UInt8]) -> [String] {
    var reader = LogfmtReader()
    var found: [String] = []
    while let pair = reader.next(line.span) {
      var value: [UInt8] = []
      if pair.isEscaped {
        _ = appendUnescaped(line.span, pair.value, to: &value)
      } else {
        value = Array(line[pair.value])
      }
      found.append("\(String(decoding: line[pair.key], as: UTF8.self)):\(String(decoding: value, as: UTF8.self))")
    }
    return reader.isMalformed ? found + ["!"] : found
  }
}
