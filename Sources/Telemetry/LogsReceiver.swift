// SPDX-License-Identifier: Apache-2.0

/// Where batches of log entries go: a pipeline of stages, a destination.
public protocol LogsReceiver: AnyObject, Sendable {
  /// Takes a batch; returns once all of it is accounted for or held back with its position, which is backpressure.
  ///
  /// Throws ``UnknownOrigin`` when the origin has not asked this receiver for positions. After any error the origin asks
  /// again and reads again from there, for parts of the batch may have been taken.
  func receive(_ batch: LogBatch) async throws

  /// Where each destination behind this receiver had got to with the sources of `origin`, which is about to begin: the
  /// receiver forgets what it holds back of it.
  ///
  /// `route` is that of the batches that will follow; `session` is new each time the origin begins, and the same on all
  /// its ways.
  func positions(of origin: String, route: [String], session: UInt64) async throws -> [LogDestination]
}

extension LogsReceiver {
  /// Asks as an origin that begins.
  public func positions(of origin: String) async throws -> [LogDestination] {
    try await positions(of: origin, route: [], session: .random(in: 0 ... .max))
  }
}

/// What one destination knows of an origin.
public struct LogDestination: Sendable, Equatable {
  /// What `LogBatch.audience` calls it; differs by route.
  public var id: String
  /// The positions of the origin's sources, by name. Empty when the destination is new to the origin.
  public var positions: [[UInt8]: [UInt8]]

  /// A destination.
  public init(id: String, positions: [[UInt8]: [UInt8]] = [:]) {
    self.id = id
    self.positions = positions
  }
}

/// A receiver was made anew, or is new on the way, and cannot know what it lacks.
public struct UnknownOrigin: Error, Equatable, CustomStringConvertible {
  /// The origin that has to ask for positions.
  public var origin: String

  /// Of `origin`.
  public init(origin: String) { self.origin = origin }

  /// One line for the operator.
  public var description: String { "\(origin) has to say first where it stands" }
}
