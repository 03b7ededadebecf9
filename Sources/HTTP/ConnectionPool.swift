// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// The connections of a client that wait for their next request, the latest used first.
final class ConnectionPool: Sendable {
  fileprivate struct Idle: Sendable {
    var connection: ClientConnection
    var expiry: Scheduled<Void>
  }

  fileprivate struct State: Sendable {
    var idle: [Route: [Idle]] = [:]
    var count = 0
    var isClosed = false
  }

  private let state = Mutex(State())
  private let perRoute: Int
  private let inAll: Int
  private let idleTimeout: Duration

  init(_ options: ClientOptions) {
    perRoute = options.maxIdleConnectionsPerHost
    inAll = options.maxIdleConnections
    idleTimeout = options.idleTimeout
  }

  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// A connection along `route` that is open as far as we know.
  func take(_ route: Route) -> ClientConnection? {
    while let idle = state.withLock({ $0.removeLast(of: route) }) {
      idle.expiry.cancel()
      if idle.connection.channel.isActive { return idle.connection }
    }
    return nil
  }

  /// Keeps `connection` for later, or closes it when there are enough.
  func put(_ connection: ClientConnection) {
    let expiry = connection.channel.eventLoop.scheduleTask(deadline: Deadline(after: idleTimeout).moment) {
      connection.close()
    }
    let kept = state.withLock { state in
      guard !state.isClosed, state.count < inAll, state.idle[connection.route, default: []].count < perRoute else {
        return false
      }
      state.idle[connection.route, default: []].append(Idle(connection: connection, expiry: expiry))
      state.count += 1
      return true
    }
    guard kept else {
      expiry.cancel()
      return connection.close()
    }
    // Closed in the meantime, its closing found nothing to remove.
    if !connection.channel.isActive { remove(connection) }
  }

  /// Forgets `connection`, which has closed.
  func remove(_ connection: ClientConnection) {
    let idle = state.withLock { state -> Idle? in
      guard
        let index = state.idle[connection.route]?.firstIndex(where: { $0.connection.channel === connection.channel })
      else { return nil }
      return state.remove(at: index, of: connection.route)
    }
    idle?.expiry.cancel()
  }

  /// Closes what is kept for `route`: where one connection has died silently, the others will have too.
  func discard(_ route: Route) {
    while let connection = take(route) { connection.close() }
  }

  /// Keeps no more connections, and gives out what it kept.
  func close() -> [ClientConnection] {
    let idle = state.withLock { state in
      defer { state = State(isClosed: true) }
      return state.idle.values.flatMap { $0 }
    }
    for entry in idle { entry.expiry.cancel() }
    return idle.map(\.connection)
  }
}

extension ConnectionPool.State {
  fileprivate mutating func removeLast(of route: Route) -> ConnectionPool.Idle? {
    guard let last = idle[route]?.indices.last else { return nil }
    return remove(at: last, of: route)
  }

  fileprivate mutating func remove(at index: Int, of route: Route) -> ConnectionPool.Idle? {
    let removed = idle[route]?.remove(at: index)
    if idle[route]?.isEmpty == true { idle[route] = nil }
    count -= 1
    return removed
  }
}
