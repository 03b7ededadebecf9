// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// What names mean at some place: exports of components, arguments and loop variables first, then the standard library.
public struct Scope: Sendable {
  /// What `constants.*` holds.
  public struct Constants: Sendable {
    /// The host's name.
    public var hostname: String
    /// `linux`
    public var os: String
    /// `amd64` or `arm64`
    public var arch: String
    /// Such as `v1.18.0`.
    public var version: String

    /// The constants of this host.
    public init(
      hostname: String = Scope.thisHostname, os: String = "linux", arch: String = Scope.thisArchitecture,
      version: String = ""
    ) {
      self.hostname = hostname
      self.os = os
      self.arch = arch
      self.version = version
    }
  }

  /// Values by dotted name: a component's id and its exports (an object), `argument.x`, a loop variable.
  public var exports: [String: Value]
  /// What `module_path` is: the directory of the file that is evaluated.
  public var modulePath: String
  /// What `constants` is.
  public var constants: Constants
  /// What `sys.env` looks into.
  public var environment: @Sendable (String) -> String?

  /// A scope in which `exports` can be referenced.
  public init(
    exports: [String: Value] = [:], modulePath: String = "", constants: Constants = Constants(),
    environment: @escaping @Sendable (String) -> String? = Scope.processEnvironment
  ) {
    self.exports = exports
    self.modulePath = modulePath
    self.constants = constants
    self.environment = environment
  }

  /// The value with the longest name that begins `path`, and how many parts that name has.
  func lookUp(_ path: [String]) -> (value: Value, parts: Int)? {
    for parts in stride(from: path.count, through: 1, by: -1) {
      if let value = exports[path[..<parts].joined(separator: ".")] { return (value, parts) }
    }
    return standardLibraryValue(path[0], in: self).map { ($0, 1) }
  }

  /// The kernel's name for this host.
  public static var thisHostname: String { hostname() }

  /// The environment variables of this process.
  @Sendable public static func processEnvironment(_ name: String) -> String? { environmentVariable(name) }

  /// `amd64` or `arm64`, as Go names what this was built for.
  public static var thisArchitecture: String {
    #if arch(arm64)
      "arm64"
    #elseif arch(x86_64)
      "amd64"
    #else
      "unknown"
    #endif
  }
}
