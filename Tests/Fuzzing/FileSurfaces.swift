// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Relabel
import Telemetry
import TestSupport

@testable import Logs

/// What log files and the journal hold.
let fileSurfaces = [
  // The first byte chooses the encoding, and whether the file has ended.
  Surface(
    "file-lines",
    seeds: [
      "\u{1}first\nsecond\r\n\nthird \u{e4}\u{1f600}", "\u{2}a\0\n\0b\0\n\0", "\u{3}\0a\0\n", "\u{4}latin \u{e9}\n",
      "\u{1}\0\0\0\0line\n\0\0",
    ], tokens: ["\n", "\r\n", "\n\0", "\0\n", "\u{a}\u{a}"], longest: 64 << 10
  ) { input in
    let encodings = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "koi8-r"].compactMap { TextEncoding(name: $0) }
    let choice = Int(input.first ?? 0)
    let bytes = Array(input.dropFirst())
    var splitter = LineSplitter(encoding: encodings[choice % encodings.count], longest: 200)
    var place = 0
    var isInsideLine = false
    while place < bytes.count {
      let step = splitter.step(bytes.span, from: place, isInsideLine: isInsideLine, isEnd: choice & 0x40 != 0)
      switch step {
      case .line(let next, let inside):
        try check(splitter, bytes)
        try require(next > place && next <= bytes.count, "from \(place) to \(next) of \(bytes.count)")
        (place, isInsideLine) = (next, inside)
      case .nothing(let next, let inside):
        guard next > place else { return }
        try require(next <= bytes.count, "beyond the end")
        (place, isInsideLine) = (next, inside)
      case .incomplete: return
      }
    }
  },
  Surface(
    "gzip-file",
    seeds: { [try gzip(Array("a\nb\n".utf8)), try gzip([UInt8](repeating: 10, count: 1 << 20))] }, longest: 8 << 10,
    runs: 100,
    examine: {
      let directory = try TemporaryDirectory()
      return { input in
        let path = directory.path("archive.gz")
        overwriteFile(path, input)
        let file = try FileDescriptor(opening: path)
        guard let stream = try? GzipStream() else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var offset: Int64 = 0
        while let count = try? stream.read(file, into: &buffer, at: offset), count > 0, offset < 4 << 20 {
          offset += Int64(count)
        }
      }
    }),
  // Fields as journald keeps them: `NAME=value`, one on a line.
  Surface(
    "journal-fields",
    seeds: [
      "MESSAGE=text\nPRIORITY=6\n_SYSTEMD_UNIT=a.service\nCODE_LINE=7\nMESSAGE=second", "A=\nB=\"\\\u{1}\n=x\n",
    ], tokens: ["MESSAGE=", "PRIORITY=", "_SYSTEMD_UNIT=", "__journal_", "=", "\n"], longest: 400 << 10
  ) { input in
    var json = JournalJSON()
    let rules = [
      try RelabelRule(regex: "__journal_(.*)", replacement: "$1", action: .labelmap),
      try RelabelRule(sourceLabels: ["__journal_priority_keyword"], targetLabel: "level"),
    ]
    var labels = JournalLabels(labels: LabelSet(["job": "j"]), rules: rules)
    var batch = LogBatch()
    labels.beginBatch()
    for realtime in [UInt64.max, 0] {
      json.beginEntry(realtime: realtime, monotonic: .max)
      labels.beginEntry()
      // libsystemd gives out names of 64 bytes at most, of letters, digits and _.
      for line in input.split(separator: 0x0a, omittingEmptySubsequences: false).prefix(JournalHandle.mostFields) {
        let (name, value) = split(Array(line), at: UInt8(ascii: "="))
        let plain = name.prefix(64).map { $0 &- 0x20 < 0x5f ? $0 : UInt8(ascii: "_") }
        json.take(plain.span, value.span)
        labels.take(plain.span, value.span)
      }
      var line: [UInt8] = []
      _ = json.finish(into: &line)
      try require(String(validating: line, as: UTF8.self) != nil, "a line that is not UTF-8")
      try require(line.first == UInt8(ascii: "{") && line.last == UInt8(ascii: "}"), "no object")
      if let place = labels.finish(in: &batch) {
        try require(batch.labelSets.indices.contains(Int(place)), "labels that are not there")
      }
    }
  },
  // A pattern and, on further lines, paths.
  Surface(
    "glob", seeds: ["/var/log/**/*.{log,txt}\n/var/log/a/b.log", "/a/[a-z]?*\n/a/bc", "/**/**/**/x\n/a/b/c/d/e/f/x"],
    tokens: ["**", "*", "?", "[", "]", "{", "}", ",", "/", "[^", "\\", "{a,{b,c}}"]
  ) { input in
    let (pattern, paths) = split(input)
    guard let glob = try? Glob(text(pattern)) else { return }
    for path in paths.split(separator: 0x0a).prefix(20) { _ = glob.matches(text(Array(path))) }
  },
]

private func check(_ splitter: LineSplitter, _ bytes: [UInt8]) throws {
  switch splitter.text {
  case .inPlace(let range):
    try require(range.upperBound <= bytes.count && range.count <= 200, "a line of \(range.count) bytes")
    try require(String(validating: bytes[range], as: UTF8.self) != nil, "a line that is not UTF-8")
  case .rewritten:
    try require(splitter.rewritten.count <= 230, "a line of \(splitter.rewritten.count) bytes")
    try require(String(validating: splitter.rewritten, as: UTF8.self) != nil, "a line that is not UTF-8")
  }
}

/// Puts `bytes` into the file at `path`, which stays the same file.
func overwriteFile(_ path: String, _ bytes: [UInt8]) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  _ = write(descriptor, bytes, bytes.count)
  close(descriptor)
}

/// `bytes` as gzip compresses them.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
  let directory = try TemporaryDirectory()
  overwriteFile(directory.path("a"), bytes)
  try Program.run("/bin/gzip", "-n", directory.path("a"))
  return try readFile(directory.path("a.gz"))
}
