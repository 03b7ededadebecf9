// SPDX-License-Identifier: Apache-2.0

internal import Queue
internal import Telemetry

/// How a source of an origin is called in a queue: lines reach a destination on several ways when ways part and meet
/// again, and each way has come as far as it has.
struct PositionKey: Hashable {
  var origin: String
  var route: String
  var name: [UInt8]

  var bytes: [UInt8] { Self.prefix(of: origin) + Array(route.utf8) + [separator] + name }

  static func prefix(of origin: String) -> [UInt8] { Array(origin.utf8) + [separator] }

  init(origin: String, route: String, name: [UInt8]) {
    self.origin = origin
    self.route = route
    self.name = name
  }

  /// Reads a key of `origin`.
  init?(_ bytes: [UInt8], origin: String) {
    let rest = bytes.dropFirst(origin.utf8.count + 1)
    guard let end = rest.firstIndex(of: separator) else { return nil }
    self.init(
      origin: origin, route: String(decoding: rest[..<end], as: UTF8.self), name: Array(rest[(end + 1)...]))
  }
}

private let separator = UInt8(ascii: "\n")

/// The origins a destination hears, and the ways they come by.
///
/// A way that is new takes over where the others stand: a `loki.process` put between does not make its sources begin
/// anew. A way nobody comes by any more is forgotten as soon as another has moved on, so that it is not taken up again,
/// outdated, when the configuration is changed back.
struct OriginRoutes {
  private struct Session {
    var number: UInt64
    var routes: Set<String> = []
  }

  private var asked: [String: Session] = [:]  // by origin
  private var stored: [String: Set<String>] = [:]  // those the queue had positions of then

  /// Whether the origin of `batch` has asked, by the way the batch came.
  func knows(_ batch: LogBatch) -> Bool {
    batch.origin.isEmpty || asked[batch.origin]?.routes.contains(Self.text(batch.route)) == true
  }

  /// Notes that `origin` begins, and answers where its sources stand by `route`; `stored` is what the queue has of it.
  mutating func ask(
    _ origin: String, _ route: [String], session: UInt64, stored positions: [[UInt8]: [UInt8]]
  ) -> [[UInt8]: [UInt8]] {
    let route = Self.text(route)
    if asked[origin]?.number != session { asked[origin] = Session(number: session) }
    asked[origin]?.routes.insert(route)
    var byRoute: [String: [[UInt8]: [UInt8]]] = [:]
    for (bytes, position) in positions {
      guard let key = PositionKey(bytes, origin: origin) else { continue }
      byRoute[key.route, default: [:]][key.name] = position
    }
    stored[origin] = Set(byRoute.keys)
    if let own = byRoute[route] { return own }
    return byRoute.sorted { $0.key < $1.key }.last?.value ?? [:]
  }

  /// What to write beside the entries of `batches`: where their sources stand, newest last, and what to forget.
  func positions(after batches: [LogBatch]) -> [SourcePosition] {
    var newest: [PositionKey: [UInt8]] = [:]
    for batch in batches where !batch.origin.isEmpty {
      let route = Self.text(batch.route)
      let outdated = stored[batch.origin, default: []].subtracting(asked[batch.origin]?.routes ?? [])
      for source in batch.sources {
        guard let position = source.position else { continue }
        newest[PositionKey(origin: batch.origin, route: route, name: source.name)] = position
        for route in outdated { newest[PositionKey(origin: batch.origin, route: route, name: source.name)] = [] }
      }
    }
    return newest.map { SourcePosition(source: $0.key.bytes, position: $0.value) }
  }

  private static func text(_ route: [String]) -> String { route.joined(separator: ",") }
}
