// SPDX-License-Identifier: Apache-2.0

import HTTP
import Synchronization

/// Something to scrape that knows how often it was: each page says `target_pages_total`, one more than the last.
final class ExpositionTarget: Sendable {
  private struct State {
    var pages = 0
    var isDown = false
    var last: [String: Int] = [:]
  }

  private let state: Counter
  private let server: HTTPServer

  /// Starts one; `page` is what it says besides.
  static func start(_ page: String = "") async throws -> ExpositionTarget { try await start { _ in page } }

  /// The same; `page` is told which one it is.
  static func start(page: @escaping @Sendable (Int) -> String) async throws -> ExpositionTarget {
    let state = Counter()
    let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: loopbackNetwork) { request in
      guard let number = state.next(for: request.queryValue("reader") ?? "") else { return .reset }
      return ServerResponse(
        text: """
          # TYPE target_pages_total counter
          target_pages_total \(number)
          # TYPE target_echo gauge
          target_echo{sign="minus"} -\(number)
          \(page(number))

          """)
    }
    return ExpositionTarget(state, server)
  }

  private init(_ state: Counter, _ server: HTTPServer) {
    self.state = state
    self.server = server
  }

  /// `host:port`.
  var address: String { "127.0.0.1:\(server.port)" }

  /// How many pages it has begun to give.
  var pages: Int { state.pages }

  /// The last page of each reader, as readers call themselves in the query: one that ended may not have finished it, and
  /// it may be given only after another has begun.
  var lastPages: Set<Int> { state.lastPages }

  /// Answers nobody any more, or does again.
  func setDown(_ down: Bool) { state.setDown(down) }

  func stop() async { await server.stop() }

  private final class Counter: Sendable {
    private let state = Mutex(State())

    var pages: Int { state.withLock { $0.pages } }

    func setDown(_ down: Bool) { state.withLock { $0.isDown = down } }

    var lastPages: Set<Int> { state.withLock { Set($0.last.values) } }

    func next(for reader: String) -> Int? {
      state.withLock { state in
        guard !state.isDown else { return nil }
        state.pages += 1
        state.last[reader] = state.pages
        return state.pages
      }
    }
  }
}
