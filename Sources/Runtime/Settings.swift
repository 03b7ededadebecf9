// SPDX-License-Identifier: Apache-2.0

public import Linux
internal import Syntax

/// What the configuration says about the agent itself: the `logging`, `http` and `livedebugging` blocks.
public struct Settings: Equatable, Sendable {
  /// The least level of the agent's own log lines.
  public var logLevel = Log.Level.info
  /// How they are written.
  public var logFormat = LogSink.Format.logfmt
  /// Where they go besides standard error.
  public var logReceivers: [LogsInlet] {
    get { receivers.inlets }
    set { receivers = Receivers(inlets: newValue) }
  }
  /// The user and password the HTTP server asks for.
  public var httpUser: (name: String, password: String)? {
    get { user.map { ($0.name, $0.password.revealed) } }
    set { user = newValue.map { User(name: $0.name, password: Secret($0.password)) } }
  }
  /// The paths `auth.filter` names.
  public var httpAuthPaths: [String] = []
  /// Whether `httpAuthPaths` are those that need the password (else all others do).
  public var httpAuthMatchingPaths = true
  /// How the HTTP server speaks TLS; nil for plain HTTP.
  public var httpTLS: ServerTLSSettings?
  /// Whether components may show the data passing through them.
  public var liveDebugging = false

  private var user: User?
  private var receivers = Receivers(inlets: [])

  private struct Receivers: Equatable {
    var inlets: [LogsInlet]

    static func == (left: Receivers, right: Receivers) -> Bool { left.inlets.elementsEqual(right.inlets, by: ===) }
  }

  private struct User: Equatable {
    var name: String
    var password: Secret
  }

  /// What holds when the configuration says nothing.
  public init() {}

  /// The names of the blocks that are about the agent itself.
  static let blockNames = ["logging", "http", "livedebugging", "tracing", "remotecfg"]

  /// Those that are accepted, unread: what they name need not exist here.
  static let unused = [
    "tracing": "tracing is accepted and does nothing: this agent has no traces of its own",
    "remotecfg": "remotecfg is accepted and does nothing: the configuration is read from local files only",
  ]

  /// Takes what `block` says; mistakes go to its decoder.
  mutating func apply(_ block: BlockDecoder) {
    switch block.name {
    case "logging": applyLogging(block)
    case "http": applyHTTP(block)
    case "livedebugging": liveDebugging = block.optional("enabled", .bool, default: false)
    default: preconditionFailure("BUG: \(block.name) is no block about the agent")
    }
  }

  private mutating func applyLogging(_ block: BlockDecoder) {
    let level = block.optional("level", .string, default: "info")
    if let known = Log.Level(name: level) {
      logLevel = known
    } else {
      block.error("unrecognized log level \"\(level)\"", at: "level", hint: "one of debug, info, warn, error")
    }
    let format = block.optional("format", .string, default: "logfmt")
    if let known = LogSink.Format(rawValue: format) {
      logFormat = known
    } else {
      block.error("unrecognized log format \"\(format)\"", at: "format", hint: "logfmt or json")
    }
    logReceivers = block.optional("write_to", .list(of: .capsule(kind: LogsInlet.capsuleKind)), default: [])
      .compactMap { $0 as? LogsInlet }
    let destination = block.optional("destination", .string, default: "stderr")
    if destination != "stderr" {
      block.error(
        "destination \"\(destination)\" is not for Linux", at: "destination", hint: "leave it out, or write \"stderr\"")
    }
  }

  private mutating func applyHTTP(_ block: BlockDecoder) {
    if let auth = block.block("auth.basic") {
      let name = auth.required("username", .string)
      let password = auth.required("password", .secret)
      httpUser = (name, password.revealed)
    }
    if let filter = block.block("auth.filter") {
      httpAuthPaths = filter.optional("paths", .list(of: .string), default: [])
      httpAuthMatchingPaths = filter.optional("authenticate_matching_paths", .bool, default: true)
    }
    if let tls = block.block("tls") { httpTLS = ServerTLSSettings(tls) }
  }
}
