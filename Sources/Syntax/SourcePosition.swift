// SPDX-License-Identifier: Apache-2.0

/// A place in a file.
public struct SourcePosition: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The file's name.
  public let file: String
  /// Counted from 1.
  public let line: Int
  /// Counted from 1, in bytes.
  public let column: Int
  /// Counted from 0, in bytes from the beginning of the file.
  public let offset: Int

  /// A place.
  public init(file: String, line: Int, column: Int, offset: Int) {
    self.file = file
    self.line = line
    self.column = column
    self.offset = offset
  }

  /// By file, then by place in it.
  public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    left.file == right.file ? left.offset < right.offset : left.file < right.file
  }

  /// `file:line:column`.
  public var description: String { "\(file):\(line):\(column)" }
}

/// A stretch of a file.
public struct SourceRange: Hashable, Sendable {
  /// Its first byte.
  public let start: SourcePosition
  /// Its last byte, which belongs to it.
  public let end: SourcePosition

  /// From `start` to `end`, both included.
  public init(start: SourcePosition, end: SourcePosition) {
    self.start = start
    self.end = end
  }
}
