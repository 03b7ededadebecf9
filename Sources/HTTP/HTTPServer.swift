// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Answers requests on one address.
public final class HTTPServer: Sendable {
  /// Answers a request. Its task is cancelled when the client leaves, or the server stops and has waited long enough.
  public typealias Handler = @Sendable (ServerRequest) async -> ServerResponse

  /// The port it listens on.
  public let port: Int

  private let channel: any Channel
  private let connections: NIOLoopBound<ServerConnections>
  private let stopTimeout: Duration

  /// Starts to listen on `host` (an address, a name, or empty for all addresses) and `port` (0 for any free one).
  public static func start(
    host: String, port: Int, on network: Network, limits: ServerLimits = ServerLimits(), tls: ServerTLSOptions? = nil,
    handler: @escaping Handler
  ) async throws(ListenError) -> HTTPServer {
    let address = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    let context: NIOSSLContext?
    var addresses = ["::", "0.0.0.0"]
    do throws(HTTPError) {
      context = try tls.map { (tls) throws(HTTPError) in try makeServerContext(tls) }
    } catch {
      throw ListenError(address: address, reason: error.description, hint: "correct the server's tls settings")
    }
    do throws(HTTPError) {
      if !host.isEmpty {
        addresses = try await network.resolver.addresses(
          of: host, by: Deadline(after: .seconds(10)), on: network.loop)
      }
    } catch { throw ListenError(address: address, reason: error.description, hint: "") }

    let connections = try? await network.loop.submit {
      NIOLoopBound(ServerConnections(limits: limits, handler: handler), eventLoop: network.loop)
    }.get()
    guard let connections else { throw ListenError(address: address, reason: "the network is shut down", hint: "") }
    let bootstrap = serverBootstrap(network, connections, context)
    var last = ListenError(address: address, reason: "no address", hint: "")
    for ip in addresses {
      do {
        let channel = try await bootstrap.bind(to: SocketAddress(ipAddress: ip, port: port)).get()
        return HTTPServer(channel, connections, stopTimeout: limits.stopTimeout)
      } catch { last = listenError(address, error) }
    }
    throw last
  }

  private init(_ channel: any Channel, _ connections: NIOLoopBound<ServerConnections>, stopTimeout: Duration) {
    self.channel = channel
    self.connections = connections
    self.stopTimeout = stopTimeout
    port = channel.localAddress?.port ?? 0
  }

  /// Stops listening at once, lets requests in flight finish for as long as the limits say, and closes all connections.
  public func stop() async {
    try? await channel.close()
    let loop = channel.eventLoop
    let deadline = Deadline(after: stopTimeout)
    // Fails only when the network is shut down, and then there is nothing left to stop.
    try? await loop.flatSubmit { [connections] in
      let timer = loop.scheduleTask(deadline: deadline.moment) { connections.value.closeAll() }
      return connections.value.drain(on: loop).always { _ in timer.cancel() }
    }.get()
  }
}

private func serverBootstrap(
  _ network: Network, _ connections: NIOLoopBound<ServerConnections>, _ context: NIOSSLContext?
) -> ServerBootstrap {
  ServerBootstrap(group: network.loop)
    .serverChannelOption(.backlog, value: 128)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .serverChannelInitializer { channel in
      // Out of descriptors, accepting again at once would fail again at once.
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler()) }
    }
    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    .childChannelOption(.socketOption(.so_keepalive), value: 1)
    .childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try connections.value.add(channel, tls: context) }
    }
}

private func listenError(_ address: String, _ error: any Error) -> ListenError {
  guard let number = (error as? IOError)?.errnoCode else {
    return ListenError(address: address, reason: "\(error)", hint: "")
  }
  let hint =
    switch number {
    case EADDRINUSE: "another program has the port (\"ss -ltnp\" shows which); stop it or choose another port"
    case EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE; grant it or choose a higher port"
    case EADDRNOTAVAIL: "this host has no such address"
    default: ""
    }
  return ListenError(address: address, reason: errorText(number), hint: hint)
}
