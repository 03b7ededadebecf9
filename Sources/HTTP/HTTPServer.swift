// SPDX-License-Identifier: Apache-2.0

/// Answers requests on one address.
public final class HTTPServer: Sendable {
  /// Answers a request. Cancelled when the client leaves.
  public typealias Handler = @Sendable (ServerRequest) async -> ServerResponse

  /// The port it listens on.
  public let port: Int

  /// Starts to listen on `host` (a numeric address, a name, or empty for all) and `port` (0 for any free one).
  public static func start(
    host: String, port: Int, on network: Network, limits: ServerLimits = ServerLimits(), tls: ServerTLSOptions? = nil,
    handler: @escaping Handler
  ) async throws(ListenError) -> HTTPServer { HTTPServer(port: port) }

  private init(port: Int) { self.port = port }

  /// Stops listening at once, lets requests in flight finish, and closes all connections.
  public func stop() async {}
}
