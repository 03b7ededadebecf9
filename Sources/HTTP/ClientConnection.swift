// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// How to reach a server: what makes two requests able to share a connection.
struct Route: Hashable, Sendable {
  /// The server; the origin only.
  var scheme: HTTPURL.Scheme
  var host: String
  var port: Int
  /// The proxy in between.
  var proxy: HTTPURL?

  init(to url: HTTPURL, through proxy: HTTPURL?) {
    scheme = url.scheme
    host = url.host
    port = url.port
    self.proxy = proxy
  }

  var address: String { HTTPURL(scheme, host: host, port: port).address }
}

/// An open connection to a server.
struct ClientConnection: Sendable {
  let channel: any Channel
  let route: Route
  let failure: ConnectionFailure

  /// Sends a request and waits for its response; without one, the connection is closed.
  func run(_ exchange: Exchange, by deadline: Deadline) async throws(HTTPError) -> ExchangeResult {
    channel.eventLoop.execute {
      do {
        let context = try channel.pipeline.syncOperations.context(handlerType: ClientHandler.self)
        (context.handler as? ClientHandler)?.start(exchange, context: context)
      } catch {
        // Its handlers are gone: it has closed.
        exchange.outcome.settle(.failure(failure.beforeRequest(to: route.address)))
      }
    }
    do throws(HTTPError) {
      return try await exchange.outcome.value(
        by: deadline, in: .response, with: route.address, on: channel.eventLoop)
    } catch {
      close()
      throw error
    }
  }

  func close() { channel.close(promise: nil) }
}

/// What opening connections takes.
struct Connector: Sendable {
  var network: Network
  var connectTimeout: Duration
  var serverName: String
  var proxyHeaders: [Headers.Field]

  /// A connection along `route`, with every address of its host (or proxy) tried in turn.
  func open(
    _ route: Route, tls: NIOSSLContext?, by deadline: Deadline
  ) async throws(HTTPError) -> ClientConnection {
    let host = route.proxy?.host ?? route.host
    let patience = deadline.butAtMost(connectTimeout)
    let addresses = try await network.resolver.addresses(of: host, by: patience, on: network.loop)
    var last = HTTPError.resolve(host: host, reason: "no address")
    for (index, ip) in addresses.enumerated() {
      // A share for each address that is left: one that swallows packets must not use up the time of the next.
      let share = patience.butAtMost(patience.remaining / (addresses.count - index))
      do throws(HTTPError) {
        return try await open(route, at: ip, tls: tls, connectBy: share, by: deadline)
      } catch {
        last = error
        if case .connect = error { continue }
        if case .timeout(.connect, _) = error, index + 1 < addresses.count { continue }
        throw error
      }
    }
    throw last
  }

  private func open(
    _ route: Route, at ip: String, tls: NIOSSLContext?, connectBy: Deadline, by deadline: Deadline
  ) async throws(HTTPError) -> ClientConnection {
    let address: SocketAddress
    do { address = try SocketAddress(ipAddress: ip, port: route.proxy?.port ?? route.port) } catch {
      throw .resolve(host: route.host, reason: "\(ip) is not an address")
    }
    let text = addressText(address) ?? ip
    let ready = FirstOutcome<Void>()
    let failure = ConnectionFailure()
    let connected = FirstOutcome<any Channel>()
    bootstrap(route, tls: tls, ready: ready, failure: failure).connect(to: address).whenComplete { result in
      switch result {
      case .success(let channel):
        if !connected.settle(.success(channel)) { channel.close(promise: nil) }
      case .failure(let error): connected.settle(.failure(.connect(address: text, reason: connectReason(error))))
      }
    }
    let channel = try await connected.value(by: connectBy, in: .connect, with: text, on: network.loop)
    let connection = ClientConnection(channel: channel, route: route, failure: failure)
    do throws(HTTPError) {
      try await ready.value(
        by: deadline.butAtMost(connectTimeout), in: tls == nil ? .connect : .handshake, with: route.address,
        on: network.loop)
    } catch {
      connection.close()
      throw error
    }
    return connection
  }

  private func bootstrap(
    _ route: Route, tls: NIOSSLContext?, ready: FirstOutcome<Void>, failure: ConnectionFailure
  ) -> ClientBootstrap {
    let peer = ClientPeer(host: route.host, address: route.address, isTLS: tls != nil)
    let tunnel = route.proxy.flatMap { proxy in route.scheme == .https ? proxy : nil }
    return ClientBootstrap(group: network.loop)
      // Ours ends the wait; this one only makes sure that an abandoned attempt ends too.
      .connectTimeout(TimeAmount(connectTimeout + .seconds(1)))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 30)
      .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 10)
      .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
      .channelOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: 20_000)
      .channelInitializer { [serverName, proxyHeaders] channel in
        channel.eventLoop.makeCompletedFuture {
          let install = { (channel: any Channel) in
            try addHandlers(
              to: channel, ClientHandler(peer: peer, ready: ready, failure: failure), tls: tls,
              name: serverName.isEmpty ? peer.host : serverName)
          }
          guard let tunnel else { return try install(channel) }
          try channel.pipeline.syncOperations.addHandler(
            ConnectTunnel(
              target: route.address, headers: proxyHeaders + proxyCredentials(tunnel), proxy: tunnel.address,
              ready: ready, onTunnel: install))
        }
      }
  }
}

/// `Proxy-Authorization` from the user name in a proxy's URL.
func proxyCredentials(_ proxy: HTTPURL) -> [Headers.Field] {
  guard let user = proxy.userInfo else { return [] }
  return [Headers.Field(name: "Proxy-Authorization", value: basicCredentials(user.username, user.password))]
}

private func addHandlers(
  to channel: any Channel, _ handler: ClientHandler, tls: NIOSSLContext?, name: String
) throws {
  let pipeline = channel.pipeline.syncOperations
  if let tls {
    // Addresses cannot be asked for by name; the certificate must then name the address we are connected to.
    try pipeline.addHandler(
      NIOSSLClientHandler(context: tls, serverHostname: ipAddressBytes(name) == nil ? name : nil))
  }
  var limits = NIOHTTPDecoderLimitConfiguration()
  limits.maxHeaderFieldSize = responseHeadLimit
  limits.maxHeaderListSize = responseHeadLimit
  try pipeline.addHandler(HTTPRequestEncoder())
  try pipeline.addHandler(
    ByteToMessageHandler(
      HTTPResponseDecoder(informationalResponseStrategy: .forward, limitConfiguration: limits)))
  try pipeline.addHandler(handler)
}

private func connectReason(_ error: any Error) -> String {
  switch error {
  case let error as IOError: errorText(error.errnoCode)
  case ChannelError.connectTimeout: errorText(ETIMEDOUT)
  default: "\(error)"
  }
}
