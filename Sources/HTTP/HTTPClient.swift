// SPDX-License-Identifier: Apache-2.0

/// Sends requests, keeping connections open between them.
public final class HTTPClient: Sendable {
  /// A client; files named in `options` must be readable.
  public init(_ options: ClientOptions = ClientOptions(), on network: Network) throws(HTTPError) {}

  /// Sends `request` and waits for the whole response, `timeout` at most, redirects included.
  ///
  /// A body of more than `bodyLimit` bytes (after inflating) is refused with `.bodyTooLarge`, or cut when `truncating`.
  /// Cancelling the task closes the connection.
  public func send(
    _ request: HTTPRequest, timeout: Duration, bodyLimit: Int, truncating: Bool = false, acceptGzip: Bool = false
  ) async throws(HTTPError) -> HTTPResponse { throw .cancelled }

  /// Closes the idle connections and refuses further requests.
  public func close() async {}
}
