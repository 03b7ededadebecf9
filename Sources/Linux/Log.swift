// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// The agent's own log lines, `ts=… level=… msg=… component_id=… key=value`, as Alloy writes them.
///
/// A value to hand around: it knows where the lines go and which component speaks. The levels say what to do:
/// *error*: data was lost or someone must act; *warn*: unexpected, nothing lost; *info*: rare and useful; *debug*: the
/// rest.
public struct Log: Sendable {
  /// How much a line matters.
  public enum Level: Int, Sendable, CaseIterable, Comparable {
    /// For whoever looks for a cause.
    case debug
    /// Rare and useful.
    case info
    /// Unexpected; nothing lost.
    case warn
    /// Data lost, or someone must act.
    case error

    /// The level called `name` in a `logging` block.
    public init?(name: String) {
      guard let level = Level.allCases.first(where: { "\($0)" == name }) else { return nil }
      self = level
    }

    /// The same as syslog has it.
    public var priority: Int {
      switch self {
      case .debug: 7
      case .info: 6
      case .warn: 4
      case .error: 3
      }
    }

    /// Less urgent first.
    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  /// One line, before it is written down.
  public struct Line: Sendable {
    /// Nanoseconds since 1970.
    public var timestampNanoseconds: Int64
    /// How much it matters.
    public var level: Level
    /// The rendered line, without newline.
    public var text: String
    /// What it says besides its message.
    public var fields: [(String, String)] = []
  }

  /// Where lines go; shared by all the `Log` values made from it.
  public let sink: LogSink
  private let fields: [(String, String)]

  /// A log that writes to `sink`, each line with `fields` after its message.
  public init(to sink: LogSink = .standardError, fields: [(String, String)] = []) {
    self.sink = sink
    self.fields = fields
  }

  /// The log of component `id`.
  public func component(_ id: String) -> Log {
    Log(to: sink, fields: [("component_path", "/"), ("component_id", id)])
  }

  /// Something for whoever looks for a cause.
  public func debug(_ message: @autoclosure () -> String, _ fields: (String, String)...) {
    write(.debug, message, fields)
  }

  /// Something rare and useful.
  public func info(_ message: @autoclosure () -> String, _ fields: (String, String)...) {
    write(.info, message, fields)
  }

  /// Something unexpected by which nothing was lost.
  public func warn(_ message: @autoclosure () -> String, _ fields: (String, String)...) {
    write(.warn, message, fields)
  }

  /// Something by which data was lost, or on which someone must act.
  public func error(_ message: @autoclosure () -> String, _ fields: (String, String)...) {
    write(.error, message, fields)
  }

  private func write(_ level: Level, _ message: () -> String, _ more: [(String, String)]) {
    guard sink.wants(level) else { return }
    sink.write(level, message(), fields + more)
  }
}

/// Where log lines go: a descriptor, and whoever listens.
public final class LogSink: Sendable {
  /// How lines are written.
  public enum Format: String, Sendable {
    /// `key=value key="quoted value"`.
    case logfmt
    /// One JSON object a line.
    case json
  }

  private struct State {
    var level = Log.Level.info
    var format = Format.logfmt
    var listener: (@Sendable (Log.Line) -> Void)?
    var diversion: (@Sendable (Log.Line) -> Bool)?
  }

  /// Standard error, where systemd and container runtimes look.
  public static let standardError = LogSink(descriptor: STDERR_FILENO)

  private let descriptor: Int32
  private let state = Mutex(State())

  /// Lines go to `descriptor`, which stays the caller's to close; a negative one writes nowhere.
  public init(descriptor: Int32) { self.descriptor = descriptor }

  /// Changes the least level that is written and how.
  public func configure(level: Log.Level, format: Format) {
    state.withLock {
      $0.level = level
      $0.format = format
    }
  }

  /// Every line written is also given to `listener`, which must not block and must not log.
  public func listen(_ listener: (@Sendable (Log.Line) -> Void)?) { state.withLock { $0.listener = listener } }

  /// Every line is given to `diversion` first, which must not log; those for which it says false are written.
  public func divert(_ diversion: @escaping @Sendable (Log.Line) -> Bool) {
    state.withLock { $0.diversion = diversion }
  }

  /// Whether lines of `level` are written.
  public func wants(_ level: Log.Level) -> Bool { state.withLock { level >= $0.level } }

  func write(_ level: Log.Level, _ message: String, _ fields: [(String, String)]) {
    let now = wallClockNanoseconds()
    let (format, listener, diversion) = state.withLock { ($0.format, $0.listener, $0.diversion) }
    let all = [("ts", rfc3339(nanoseconds: now)), ("level", "\(level)"), ("msg", message)] + fields
    let text = format == .logfmt ? logfmt(all) : json(all)
    let line = Log.Line(timestampNanoseconds: now, level: level, text: text, fields: fields)
    if diversion?(line) != true, descriptor >= 0 {
      let bytes = Array((text + "\n").utf8)
      // A log that cannot be written must not stop the agent; there is nobody left to tell.
      unsafe bytes.withUnsafeBytes { unsafe _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
    listener?(line)
  }
}

/// Whether what is written to `descriptor` arrives at the journal: systemd names the stream it made in `JOURNAL_STREAM`.
public func isJournal(_ descriptor: Int32) -> Bool {
  var status = stat()
  guard let stream = environmentVariable("JOURNAL_STREAM"), unsafe fstat(descriptor, &status) == 0 else {
    return false
  }
  return stream == "\(status.st_dev):\(status.st_ino)"
}

/// `a=1 b="two words"`.
func logfmt(_ fields: [(String, String)]) -> String {
  fields.map { key, value in
    let plain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d && $0 != 0x5c }
    return plain ? "\(key)=\(value)" : "\(key)=\(jsonString(value))"
  }.joined(separator: " ")
}

private func json(_ fields: [(String, String)]) -> String {
  "{" + fields.map { "\(jsonString($0)):\(jsonString($1))" }.joined(separator: ",") + "}"
}

/// `text` as a JSON string, quotes included.
public func jsonString(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case "\0"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
