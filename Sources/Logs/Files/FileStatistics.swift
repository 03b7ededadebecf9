// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// What a file source has done.
public struct FileStatistics: Sendable {
  struct PathCounts {
    var bytes = 0
    var lines = 0
    var size: Int64 = 0
  }

  /// Paths beyond this many are summed up: metrics must not grow with the files of the host.
  static let mostPaths = 100

  private(set) var paths: [String: PathCounts] = [:]
  private(set) var rest = PathCounts()
  var filesActive = 0
  var lagBytes: Int64 = 0
  var restSize: Int64 = 0
  var linesCut = 0
  var linesRepaired = 0
  var bytesOfNUL = 0
  var truncated = 0
  var lost: [Reconciliation.Loss: Int] = [:]
  var archivesNotRead = 0
  /// What keeps files from being read, for the operator.
  var problem: String?
  /// When the batch that is being handed on was begun, in `monotonicNanoseconds`.
  var handingOnSince: Int64?

  mutating func count(_ path: String, bytes: Int, lines: Int) {
    guard paths[path] != nil || paths.count < Self.mostPaths else {
      rest.bytes += bytes
      rest.lines += lines
      return
    }
    paths[path, default: PathCounts()].bytes += bytes
    paths[path, default: PathCounts()].lines += lines
  }

  mutating func setSize(_ size: Int64, of path: String) {
    if paths[path] == nil, paths.count >= Self.mostPaths {
      restSize += size
    } else {
      paths[path, default: PathCounts()].size = size
    }
  }

  /// Forgets the paths that are followed no more, but not what was counted.
  mutating func keepPaths(where isFollowed: (String) -> Bool) {
    for (path, counts) in paths where !isFollowed(path) {
      rest.bytes += counts.bytes
      rest.lines += counts.lines
      paths[path] = nil
    }
  }

  /// Writes the metrics Alloy's users know, and ours, at `now` in `monotonicNanoseconds`.
  public func write(to batch: inout SeriesBatch, now: Int64) {
    let named = paths.sorted { $0.key < $1.key }
    batch.family("loki_source_file_read_bytes_total", .counter, help: "Bytes read.")
    for (path, counts) in named { batch.append("path", path, value: Double(counts.bytes)) }
    if rest.bytes > 0 { batch.append("path", "(others)", value: Double(rest.bytes)) }
    batch.family("loki_source_file_read_lines_total", .counter, help: "Lines read.")
    for (path, counts) in named { batch.append("path", path, value: Double(counts.lines)) }
    if rest.lines > 0 { batch.append("path", "(others)", value: Double(rest.lines)) }
    batch.family("loki_source_file_file_bytes_total", .gauge, help: "Bytes the files have.")
    for (path, counts) in named { batch.append("path", path, value: Double(counts.size)) }
    if restSize > 0 { batch.append("path", "(others)", value: Double(restSize)) }
    batch.family("loki_source_file_files_active_total", .gauge, help: "Files that are followed.")
    batch.append(Double(filesActive))
    writeOwn(to: &batch, now: now)
  }

  private func writeOwn(to batch: inout SeriesBatch, now: Int64) {
    batch.family("spoke_source_lines_cut_total", .counter, help: "Lines cut because they were too long.")
    batch.append(Double(linesCut))
    batch.family("spoke_source_invalid_utf8_total", .counter, help: "Lines in which wrong characters were replaced.")
    batch.append(Double(linesRepaired))
    batch.family("spoke_source_nul_bytes_total", .counter, help: "NUL bytes left out.")
    batch.append(Double(bytesOfNUL))
    batch.family("spoke_source_truncated_total", .counter, help: "Files that began anew under their inode.")
    batch.append(Double(truncated))
    batch.family("spoke_source_lost_total", .counter, help: "Files that went before they were read to their end.")
    for loss in Reconciliation.Loss.allCases {
      batch.append("reason", loss.rawValue, value: Double(lost[loss] ?? 0))
    }
    batch.family(
      "spoke_source_archives_not_read", .gauge, help: "Archives among the files, which take a decompression block.")
    batch.append(Double(archivesNotRead))
    batch.family("spoke_source_paused", .gauge, help: "Whether nothing is read because nobody takes it.")
    batch.append(handingOnSince.map { now - $0 > 5_000_000_000 } == true ? 1 : 0)
    batch.family("spoke_source_lag_bytes", .gauge, help: "Bytes of the files not read yet.")
    batch.append(Double(lagBytes))
  }
}
