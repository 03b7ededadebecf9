// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A file or directory that was imported.
struct ImportedFile: Sendable {
  var path: String
  var pollFrequency: Duration
  /// The state of the files before they were read, so that no change after that goes unnoticed.
  var stamps: [FileStamp?]

  /// The stamps of what is at `path`, and of the files in it when it is a directory.
  static func stamps(of path: String) -> [FileStamp?] {
    let below = fileKind(path) == .directory ? (try? listDirectory(path)) ?? [] : []
    return [FileStamp(path)] + below.map { FileStamp("\(path)/\($0)") }
  }
}
