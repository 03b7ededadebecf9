// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_filefd_allocated` and `node_filefd_maximum` from `/proc/sys/fs/file-nr`.
public struct FileDescriptorCollector: Collector {
  /// `filefd`.
  public static let name = "filefd"

  /// Appends both numbers.
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    let numbers = try host.withProcFile("sys/fs/file-nr") { parseFileNumbers($0) }
    guard let numbers else { throw CollectorError.unexpectedContent("sys/fs/file-nr") }
    batch.family("node_filefd_allocated", .gauge, help: "File handles in use on the whole host.")
    batch.append(Double(numbers.allocated))
    batch.family("node_filefd_maximum", .gauge, help: "File handles the kernel would give out.")
    batch.append(Double(numbers.maximum))
  }
}

/// Parses `1024\t0\t1631329`: allocated, free, maximum.
func parseFileNumbers(_ bytes: Span<UInt8>) -> (allocated: UInt64, maximum: UInt64)? {
  var offset = 0
  guard let line = nextLine(bytes, at: &offset) else { return nil }
  offset = line.lowerBound
  func next() -> UInt64? {
    nextField(bytes, at: &offset, before: line.upperBound).flatMap { parseUnsigned(bytes, $0) }
  }
  guard let allocated = next(), next() != nil, let maximum = next() else { return nil }
  return (allocated, maximum)
}
