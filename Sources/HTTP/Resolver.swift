// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import NIOCore
internal import Synchronization

/// Looks host names up, on threads that end when there is nothing left to look up.
///
/// Four at a time: a dead name server holds each lookup for many seconds, and must hold up neither the event loop nor,
/// soon, names that could be answered. Lookups nobody waits for any longer are skipped.
final class Resolver: Sendable {
  private struct Lookup: Sendable {
    var host: String
    var outcome: FirstOutcome<[String]>
  }

  private struct State {
    var waiting: [Lookup] = []
    var threads = 0
  }

  private static let mostThreads = 4
  private let state = Mutex(State())

  /// The addresses of `host`, in the order to try them; never empty.
  func addresses(of host: String, by deadline: Deadline, on loop: any EventLoop) async throws(HTTPError) -> [String] {
    if ipAddressBytes(host) != nil { return [host] }
    let outcome = FirstOutcome<[String]>()
    let needsThread = state.withLock { state in
      state.waiting.append(Lookup(host: host, outcome: outcome))
      guard state.threads < Resolver.mostThreads else { return false }
      state.threads += 1
      return true
    }
    if needsThread {
      Task { try? await BlockingThread(name: "resolve").run { self.work() } }
    }
    return try await outcome.value(by: deadline, in: .resolve, with: host, on: loop)
  }

  private func work() {
    while let lookup = next() {
      if lookup.outcome.isSettled { continue }
      lookup.outcome.settle(lookUp(lookup.host))
    }
  }

  private func next() -> Lookup? {
    state.withLock { state in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.threads -= 1
      return nil
    }
  }

  private func lookUp(_ host: String) -> Result<[String], HTTPError> {
    do throws(NameLookupError) {
      let addresses = try lookUpHost(host)
      return addresses.isEmpty ? .failure(.resolve(host: host, reason: "no address")) : .success(addresses)
    } catch { return .failure(.resolve(host: host, reason: error.reason)) }
  }
}
