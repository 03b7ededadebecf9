// SPDX-License-Identifier: Apache-2.0

/// Something wrong in a configuration file, and where.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
  /// How bad it is.
  public enum Severity: Sendable {
    /// The file cannot be used.
    case error
    /// It can, but should be changed.
    case warning
  }

  /// How bad it is.
  public var severity: Severity
  /// What is wrong.
  public var message: String
  /// The offending text.
  public var range: SourceRange?
  /// The known fix, such as `add ',' here`.
  public var hint: String?

  /// Something wrong at `range`.
  public init(_ severity: Severity, _ message: String, at range: SourceRange?, hint: String? = nil) {
    self.severity = severity
    self.message = message
    self.range = range
    self.hint = hint
  }

  /// An error at `range`.
  public init(_ message: String, at range: SourceRange?, hint: String? = nil) {
    self.init(.error, message, at: range, hint: hint)
  }

  /// `Error: file:line:column: message`, the first line of the rendered form.
  public var description: String {
    let title = severity == .error ? "Error" : "Warning"
    guard let range else { return "\(title): \(message)" }
    return "\(title): \(range.start): \(message)"
  }
}

/// Why a file cannot be formatted.
public struct SyntaxErrors: Error, Sendable, CustomStringConvertible {
  /// At least one of them is an error.
  public var diagnostics: [Diagnostic]

  /// The errors of a file.
  public init(diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

  /// A line per diagnostic.
  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
