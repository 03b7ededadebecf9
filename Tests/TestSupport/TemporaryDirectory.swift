// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux

/// A directory of the test's own, removed with all it holds when the test lets go of it.
public final class TemporaryDirectory: Sendable {
  /// Its path.
  public let path: String

  /// Makes a directory below `$TMPDIR` or `/tmp`.
  public init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/spoke-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw TemporaryDirectoryError(errno: errno) }
    path = String(cString: made)
  }

  deinit { try? removeTree(path) }

  /// The path of `name` in it.
  public func path(_ name: String) -> String { "\(path)/\(name)" }
}

/// A temporary directory that could not be made.
public struct TemporaryDirectoryError: Error {
  /// Why.
  public var errno: Int32
}
