// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Logs
import Telemetry
import TestSupport
import Testing

/// A directory with logs, and a source that reads them.
final class FileBench {
  let directory: TemporaryDirectory
  let inbox: LogInbox
  var settings: FileSourceSettings
  private(set) var source: FileSource?
  private var task: Task<Void, any Error>?

  /// Follows `names` in the directory.
  init(_ names: [String] = ["app.log"], inbox: LogInbox = LogInbox()) throws {
    directory = try TemporaryDirectory()
    self.inbox = inbox
    let path = directory.path
    settings = FileSourceSettings(targets: names.map { ["__path__": "\(path)/\($0)", "job": "test"] })
    settings.quietPeriod = .milliseconds(100)
  }

  func path(_ name: String) -> String { directory.path(name) }

  func start(to receiver: (any LogsReceiver)? = nil) throws {
    let source = try FileSource(
      origin: "loki.source.file.test", settings: settings, log: Log(to: LogSink(descriptor: -1)))
    let receiver = receiver ?? inbox
    self.source = source
    task = Task { try await source.run(to: receiver) }
  }

  /// Ends the source; what it had in memory is gone.
  func stop() async {
    task?.cancel()
    _ = await task?.result
    (task, source) = (nil, nil)
  }

  /// What the source says it has not read yet.
  var lagBytes: Double? {
    guard let statistics = source?.statistics else { return nil }
    var batch = SeriesBatch()
    statistics.write(to: &batch, now: monotonicNanoseconds())
    return batch.families.first { batch.texts[$0.name].elementsEqual("spoke_source_lag_bytes".utf8) }
      .flatMap { $0.rows.first }.map { Double(bitPattern: batch.rows[$0].valueBits) }
  }

  /// Waits until what is made from now on has a later time than what there is.
  func letClockTick() async {
    let now = fileClockNanoseconds()
    await eventually("time passes") { fileClockNanoseconds() > now }
  }

  func append(_ text: String, to name: String = "app.log") throws { try append(Array(text.utf8), to: name) }

  func append(_ bytes: [UInt8], to name: String = "app.log") throws {
    try FileDescriptor(opening: path(name), flags: O_WRONLY | O_CREAT | O_APPEND).write(bytes.span)
  }

  func rename(_ name: String, to other: String) throws { try renameFile(path(name), to: path(other)) }

  /// What `cp` does.
  func copy(_ name: String, to other: String) throws {
    let bytes = try readFile(path(name), limit: 1 << 30)
    try FileDescriptor(opening: path(other), flags: O_WRONLY | O_CREAT | O_TRUNC).write(bytes.span)
  }

  func truncate(_ name: String = "app.log") throws {
    try FileDescriptor(opening: path(name), flags: O_WRONLY).truncate(to: 0)
  }

  func remove(_ name: String) throws { try removeFile(path(name)) }

  /// Waits for these lines, which are all there are.
  func expect(_ texts: [String], sourceLocation: SourceLocation = #_sourceLocation) async {
    await eventually("the lines arrive", within: .seconds(20), sourceLocation: sourceLocation) {
      inbox.texts.count >= texts.count
    }
    #expect(inbox.texts == texts, sourceLocation: sourceLocation)
  }
}
