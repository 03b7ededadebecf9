// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A file as it was found in a directory.
struct SeenFile: Equatable, Sendable {
  var key: FileKey
  var directory: String
  var name: String
  var size: Int64
  var bornNanoseconds: Int64 = 0
  var modifiedNanoseconds: Int64 = 0

  var path: String { directory == "/" ? "/\(name)" : "\(directory)/\(name)" }
  var birth: UInt32 { birthMark(bornNanoseconds) }

  /// Whether it was made after `time`; where that is not known, whether it was written then.
  func isNewer(than time: Int64) -> Bool {
    (bornNanoseconds == 0 ? modifiedNanoseconds : bornNanoseconds) >= time
  }
}

/// A path at which lines are read, whatever file has it.
struct FollowedPath: Equatable, Sendable {
  var path: String
  /// Where it leads to when it is a link.
  var realPath: String
  /// The first of several targets with one file is the one that counts.
  var order: Int
  /// When its directory was first looked through, on the clock of files; nil when that was just now.
  var followedSince: Int64?
}
