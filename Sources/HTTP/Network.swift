// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// The one thread on which all connections of the program live. The program makes one and passes it on.
public final class Network: Sendable {
  private let group: MultiThreadedEventLoopGroup
  /// The loop itself.
  let loop: any EventLoop
  /// Looks host names up.
  let resolver = Resolver()
  /// TLS settings shared by the clients that wrote the same.
  let contexts = TLSContexts()

  /// Starts the thread.
  public init() {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    loop = group.next()
  }

  /// Returns once the thread has come round.
  public func answer() async { try? await loop.submit {}.get() }

  /// Ends the thread; clients and servers on it must have been closed.
  public func shutdown() async {
    // Fails only when called twice, which does no harm.
    try? await group.shutdownGracefully()
  }
}
