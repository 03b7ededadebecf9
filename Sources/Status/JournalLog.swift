// SPDX-License-Identifier: Apache-2.0

internal import CSystemd
internal import Glibc
public import Linux

/// Makes the lines of `sink` entries of the journal, with `PRIORITY` and a field for each key, where standard error goes
/// to the journal anyway. Elsewhere, and when journald does not take one, they stay on standard error.
public func logToJournal(_ sink: LogSink) {
  guard isJournal(STDERR_FILENO) else { return }
  sink.divert { line in
    var fields = ["MESSAGE=\(line.text)", "PRIORITY=\(line.level.priority)", "SYSLOG_IDENTIFIER=agent"]
    for (key, value) in line.fields { fields.append("\(journalFieldName(key))=\(value)") }
    return send(fields.map { Array($0.utf8) })
  }
}

/// `component_id` as `SPOKE_COMPONENT_ID`: none of journald's own names, and nothing it refuses.
func journalFieldName(_ key: String) -> String {
  "SPOKE_"
    + String(
      decoding: key.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
        default: UInt8(ascii: "_")
        }
      }, as: UTF8.self)
}

private func send(_ fields: [[UInt8]]) -> Bool {
  var vectors: [iovec] = unsafe []
  let bytes = fields.flatMap { $0 }
  return unsafe bytes.withUnsafeBytes { all in
    var offset = 0
    for field in fields {
      // journald's client only reads it.
      let start = unsafe UnsafeMutableRawPointer(mutating: all.baseAddress! + offset)
      unsafe vectors.append(iovec(iov_base: start, iov_len: field.count))
      offset += field.count
    }
    return unsafe sd_journal_sendv(vectors, Int32(vectors.count)) >= 0
  }
}
