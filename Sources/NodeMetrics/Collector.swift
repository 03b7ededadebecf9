// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// One source of node metrics, such as `/proc/meminfo`.
///
/// Collectors run one after the other on one thread and may keep state between scrapes.
public protocol Collector {
  /// The name people enable it by.
  static var name: String { get }

  /// Appends what the host says now to `batch`.
  ///
  /// What was appended before an error stays, so a collector that can go on past a bad item does, and throws at the end.
  mutating func collect(into batch: inout SeriesBatch, from host: Host) throws
}

/// Why a collector has nothing, or not all, to say.
public enum CollectorError: Error, Equatable, CustomStringConvertible {
  /// The host has no such thing; nothing is broken.
  case noData(String)
  /// The kernel wrote something we do not understand.
  case unexpectedContent(String)
  /// A service did not answer as it should.
  case failed(String)

  /// One line for the operator.
  public var description: String {
    switch self {
    case .noData(let what): "this host has no \(what)"
    case .unexpectedContent(let what): "unexpected content in \(what)"
    case .failed(let what): what
    }
  }
}
