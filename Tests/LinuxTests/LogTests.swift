// SPDX-License-Identifier: Apache-2.0

import Linux
import Synchronization
import Testing

@Suite struct LogTests {
  final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  private func lines(format: LogSink.Format, level: Log.Level, _ write: (Log) -> Void) -> [String] {
    let sink = LogSink(descriptor: -1)
    let lines = Lines()
    sink.configure(level: level, format: format)
    sink.listen { line in lines.all.withLock { $0.append(line.text) } }
    write(Log(to: sink))
    return lines.all.withLock { $0 }
  }

  @Test func `logfmt quotes what needs it`() {
    let written = lines(format: .logfmt, level: .info) {
      $0.component("a.b").warn("hub \"x\" away", ("url", "http://h:1/"), ("n", ""))
    }
    #expect(written.count == 1)
    #expect(
      written[0].hasSuffix(
        #"level=warn msg="hub \"x\" away" component_path=/ component_id=a.b url=http://h:1/ n="""#))
  }

  @Test func `json is one object a line`() {
    let written = lines(format: .json, level: .info) { $0.info("two\nlines") }
    #expect(written[0].hasSuffix(#""level":"info","msg":"two\nlines"}"#))
  }

  @Test func `lines below the level are not written`() {
    #expect(lines(format: .logfmt, level: .error) { $0.warn("quiet") }.isEmpty)
  }
}
