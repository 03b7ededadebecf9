// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The path `path` leads to when all symbolic links are followed; `path` itself where there is nothing.
public func realPath(_ path: String) -> String {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
  guard unsafe realpath(path, &buffer) != nil else { return path }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
