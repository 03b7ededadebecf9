// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Synchronization

/// Sends requests, keeping connections open between them.
///
/// A request on a connection that was kept and turns out to be dead is repeated, once and on a fresh connection, when
/// nothing of it was sent or its method only reads. Other failures are the caller's to judge: `HTTPError.closed` says
/// how far it had got.
public final class HTTPClient: Sendable {
  private static let mostRedirects = 10

  private let options: ClientOptions
  private let network: Network
  private let proxy: ProxyChoice?
  private let pool: ConnectionPool
  private let connector: Connector
  // Keeps the shared TLS settings alive between connections; guarded by the mutex.
  private let tls = Mutex<NIOSSLContext?>(nil)

  /// A client. Certificates and keys in `options` are read now, to refuse bad ones, and again for each connection.
  public init(_ options: ClientOptions = ClientOptions(), on network: Network) throws(HTTPError) {
    self.options = options
    self.network = network
    let proxy = try options.proxy.map { (proxy) throws(HTTPError) in try ProxyChoice(proxy) }
    self.proxy = proxy
    try check(Headers(options.headers + (options.proxy?.connectHeaders ?? [])))
    pool = ConnectionPool(options)
    connector = Connector(
      network: network, connectTimeout: options.connectTimeout, serverName: options.tls.serverName,
      proxyHeaders: proxy?.connectHeaders ?? [])
    if options.tls.ca != nil || options.tls.certificate != nil || options.tls.key != nil { _ = try tlsContext() }
  }

  /// Sends `request` and waits for the whole response, `timeout` at most, redirects included.
  ///
  /// A body of more than `bodyLimit` bytes (after inflating) is refused with `.bodyTooLarge`, or cut when `truncating`.
  /// Cancelling the task closes the connection.
  public func send(
    _ request: HTTPRequest, timeout: Duration, bodyLimit: Int, truncating: Bool = false, acceptGzip: Bool = false
  ) async throws(HTTPError) -> HTTPResponse {
    let deadline = Deadline(after: timeout)
    var request = request
    var isForeign = false
    for _ in 0...HTTPClient.mostRedirects {
      let head = try requestHead(request, isForeign: isForeign, acceptGzip: acceptGzip)
      let response = try await exchange(
        request, head, bodyLimit: bodyLimit, truncating: truncating, acceptGzip: acceptGzip, by: deadline)
      guard let target = redirect(request, response) else {
        return try unpacked(response, limit: bodyLimit, truncating: truncating, acceptGzip: acceptGzip, request.url)
      }
      if Route(to: target, through: nil) != Route(to: request.url, through: nil) {
        isForeign = true
        for secret in ["Authorization", "Cookie", "Proxy-Authorization"] { request.headers[secret] = nil }
      }
      request.headers["Host"] = nil
      request.url = target
    }
    throw .tooManyRedirects(url: request.url.withoutUserInfo)
  }

  /// Closes the idle connections and refuses further requests; those in flight finish.
  public func close() async {
    // All at once: each may wait a second for its peer to say goodbye.
    let closing = pool.close().map { $0.channel.close() }
    for connection in closing { try? await connection.get() }
  }

  /// One request and its response, over a kept connection if there is one.
  private func exchange(
    _ request: HTTPRequest, _ head: HTTPRequestHead, bodyLimit: Int, truncating: Bool, acceptGzip: Bool,
    by deadline: Deadline
  ) async throws(HTTPError) -> HTTPResponse {
    func run(on connection: ClientConnection) async throws(HTTPError) -> HTTPResponse {
      // Compressed bytes may be a little longer than what they stand for; the limit proper comes after inflating.
      let limit = acceptGzip ? bodyLimit + 1024 : bodyLimit
      let exchange = Exchange(
        head: head, body: request.body, bodyLimit: limit, truncating: truncating, outcome: FirstOutcome())
      let result = try await connection.run(exchange, by: deadline)
      if result.reusable { pool.put(connection) }
      return result.response
    }
    if pool.isClosed || Task.isCancelled { throw .cancelled }
    let route = Route(to: request.url, through: proxy?.proxy(for: request.url))
    if let kept = pool.take(route) {
      do throws(HTTPError) { return try await run(on: kept) } catch {
        if error != .cancelled { pool.discard(route) }
        guard canRepeat(request, after: error) else { throw error }
      }
    }
    let context = request.url.scheme == .https ? try tlsContext() : nil
    let connection = try await connector.open(route, tls: context, by: deadline)
    connection.channel.closeFuture.whenComplete { [pool] _ in pool.remove(connection) }
    return try await run(on: connection)
  }

  private func tlsContext() throws(HTTPError) -> NIOSSLContext {
    let context = try network.contexts.context(for: options.tls)
    tls.withLock { $0 = context }
    return context
  }

  private func requestHead(
    _ request: HTTPRequest, isForeign: Bool, acceptGzip: Bool
  ) throws(HTTPError) -> HTTPRequestHead {
    let url = request.url
    let proxy = url.scheme == .http ? proxy?.proxy(for: url) : nil
    var headers: Headers = ["Host": url.authority, "User-Agent": options.userAgent]
    if acceptGzip { headers["Accept-Encoding"] = "gzip" }
    if !isForeign {
      for field in options.headers { headers[field.name] = field.value }
      if let user = url.userInfo { headers["Authorization"] = basicCredentials(user.username, user.password) }
      if let credentials = options.credentials { headers["Authorization"] = try credentials.headerValue() }
    }
    for field in proxy.map(proxyCredentials) ?? [] { headers[field.name] = field.value }
    for field in request.headers.fields { headers[field.name] = nil }
    headers.fields += request.headers.fields
    headers["Transfer-Encoding"] = nil
    let needsLength = !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method)
    headers["Content-Length"] = needsLength ? String(request.body.count) : nil
    guard !request.method.isEmpty, request.method.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5a }) else {
      throw .invalid("method \"\(request.method)\" is not a word in capitals")
    }
    try check(headers)
    return HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: request.method),
      uri: proxy == nil ? url.path : url.withoutUserInfo,
      headers: HTTPHeaders(headers.fields.map { ($0.name, $0.value) }))
  }
}

private func canRepeat(_ request: HTTPRequest, after error: HTTPError) -> Bool {
  switch error {
  case .closed(.beforeRequest, _, _): true
  case .closed(.beforeResponse, _, _): ["GET", "HEAD", "OPTIONS"].contains(request.method)
  default: false
  }
}

extension HTTPClient {
  /// Where a response sends us, when we are to go there.
  private func redirect(_ request: HTTPRequest, _ response: HTTPResponse) -> HTTPURL? {
    guard options.followRedirects, [301, 302, 303, 307, 308].contains(response.status),
      request.method == "GET" || request.method == "HEAD", let location = response.headers["Location"]
    else { return nil }
    return request.url.resolving(location: location)
  }
}

/// The response with its body inflated and within the limit.
private func unpacked(
  _ response: HTTPResponse, limit: Int, truncating: Bool, acceptGzip: Bool, _ url: HTTPURL
) throws(HTTPError) -> HTTPResponse {
  guard acceptGzip else { return response }
  var response = response
  if let encoding = response.headers["Content-Encoding"], equalIgnoringCase(encoding, "gzip"), !response.body.isEmpty {
    do throws(GunzipError) {
      let (body, more) = try gunzip(response.body, limit: limit, allowingPartial: response.bodyTruncated)
      response.body = body
      response.bodyTruncated = response.bodyTruncated || more
    } catch { throw .malformedResponse(address: url.address, reason: error.reason) }
    response.headers["Content-Encoding"] = nil
    response.headers["Content-Length"] = nil
  } else if response.body.count > limit {
    response.body.removeLast(response.body.count - limit)
    response.bodyTruncated = true
  }
  if response.bodyTruncated, !truncating { throw .bodyTooLarge(limit: limit) }
  return response
}
