// SPDX-License-Identifier: Apache-2.0

import Linux
import Telemetry
import TestSupport

@testable import NodeMetrics

/// The samples of a batch as `name{labels}` to value, for comparing.
func samples(_ batch: SeriesBatch) -> [String: Double] {
  var samples: [String: Double] = [:]
  for index in 0..<batch.count {
    samples[batch.labels(at: index).description.replacingEmptyBraces] = Double(bitPattern: batch.rows[index].valueBits)
  }
  return samples
}

extension String {
  fileprivate var replacingEmptyBraces: String { hasSuffix("{}") ? String(dropLast(2)) : self }
}

/// A tree of files that stands for a host.
final class FakeHost {
  let directory: TemporaryDirectory
  let host: Host

  init(_ files: [String: String] = [:], log: Log = Log(to: LogSink(descriptor: -1))) throws {
    directory = try TemporaryDirectory()
    host = Host(
      procfs: directory.path("proc"), sysfs: directory.path("sys"), rootfs: directory.path("root"),
      udevData: directory.path("udev"), log: log)
    for (path, content) in files { try write(path, content) }
  }

  /// Writes in place, as the kernel changes what its files say.
  func write(_ path: String, _ content: String) throws {
    let full = directory.path(path)
    try makeDirectory(parent(of: full))
    let file = try FileDescriptor(opening: full, flags: 0o1 | 0o100 | 0o1000, mode: 0o644)  // write, create, truncate
    try file.write(Array(content.utf8).span)
  }

  func remove(_ path: String) throws { try removeTree(directory.path(path)) }

  /// What `collector` says now.
  func collect(_ collector: inout some Collector) throws -> [String: Double] {
    var batch = SeriesBatch()
    try collector.collect(into: &batch, from: host)
    return samples(batch)
  }
}
