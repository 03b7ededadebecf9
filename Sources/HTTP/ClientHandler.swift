// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOTLS
internal import Synchronization

/// One request on its way over a connection, and where its response goes.
struct Exchange: Sendable {
  var head: HTTPRequestHead
  var body: [UInt8]
  var bodyLimit: Int
  var truncating: Bool
  var outcome: FirstOutcome<ExchangeResult>
}

/// A response, and whether the connection can carry another request.
struct ExchangeResult: Sendable {
  var response: HTTPResponse
  var reusable: Bool
}

/// The client's end of a connection: one exchange at a time. Lives on the event loop.
final class ClientHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private static let mostInformationalResponses = 16
  /// What we read past a truncated body to keep the connection; a fresh one costs more than these bytes.
  private static let mostDiscardedBytes = 64 << 10

  private let peer: ClientPeer
  private let ready: FirstOutcome<Void>
  private let failure: ConnectionFailure
  private var exchange: Exchange?
  private var head: HTTPResponseHead?
  private var body: [UInt8] = []
  private var discarded = 0
  private var informationalResponses = 0

  /// A handler for a connection to `peer`, which settles `ready` when requests may be sent.
  init(peer: ClientPeer, ready: FirstOutcome<Void>, failure: ConnectionFailure) {
    self.peer = peer
    self.ready = ready
    self.failure = failure
  }

  /// Sends the exchange's request; its outcome will be settled, whatever happens.
  func start(_ exchange: Exchange, context: ChannelHandlerContext) {
    guard context.channel.isActive, self.exchange == nil else {
      exchange.outcome.settle(.failure(failure.beforeRequest(to: peer.address)))
      return
    }
    self.exchange = exchange
    context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
    if !exchange.body.isEmpty {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: exchange.body)))), promise: nil)
      self.exchange?.body = []
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelActive(context: ChannelHandlerContext) {
    if !peer.isTLS { ready.settle(.success(())) }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { ready.settle(.success(())) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let exchange else { return context.close(promise: nil) }
    switch unwrapInboundIn(data) {
    case .head(let head): receive(head, exchange, context)
    case .body(let bytes): receive(bytes, exchange, context)
    case .end: finish(reusable: head?.isKeepAlive == true, context)
    }
  }

  private func receive(_ head: HTTPResponseHead, _ exchange: Exchange, _ context: ChannelHandlerContext) {
    if head.status.code == 101 { return fail(malformed("switches protocols unasked"), context) }
    if (100..<200).contains(head.status.code) {
      informationalResponses += 1
      guard informationalResponses <= ClientHandler.mostInformationalResponses else {
        return fail(malformed("more than \(ClientHandler.mostInformationalResponses) interim responses"), context)
      }
      return
    }
    self.head = head
    let announced = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
    if announced > exchange.bodyLimit, !exchange.truncating, exchange.head.method != .HEAD {
      return fail(.bodyTooLarge(limit: exchange.bodyLimit), context)
    }
    body.reserveCapacity(min(announced, exchange.bodyLimit, 1 << 20))
  }

  private func receive(_ bytes: ByteBuffer, _ exchange: Exchange, _ context: ChannelHandlerContext) {
    let kept = min(bytes.readableBytes, exchange.bodyLimit - body.count)
    body.append(contentsOf: bytes.readableBytesView.prefix(kept))
    discarded += bytes.readableBytes - kept
    if discarded > 0, !exchange.truncating { return fail(.bodyTooLarge(limit: exchange.bodyLimit), context) }
    if discarded > ClientHandler.mostDiscardedBytes { finish(reusable: false, context) }
  }

  private func finish(reusable: Bool, _ context: ChannelHandlerContext) {
    guard let exchange, let head else { return fail(malformed("ends before it begins"), context) }
    let response = HTTPResponse(
      status: Int(head.status.code), reason: head.status.reasonPhrase,
      headers: Headers(head.headers.map { Headers.Field(name: $0.name, value: $0.value) }), body: body,
      bodyTruncated: discarded > 0, remoteAddress: context.remoteAddress.flatMap(addressText))
    forget()
    let wanted = exchange.outcome.settle(.success(ExchangeResult(response: response, reusable: reusable)))
    if !reusable || !wanted { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let reason = "connection closed"
    let error: HTTPError =
      peer.isTLS && !ready.isSettled ? .tls(host: peer.host, reason: reason) : closed(reason)
    fail(error, context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(translate(error, context), context)
  }

  private func fail(_ error: HTTPError, _ context: ChannelHandlerContext) {
    ready.settle(.failure(error))
    if case .tls = error { failure.note(error) }
    exchange?.outcome.settle(.failure(error))
    forget()
    context.close(promise: nil)
  }

  private func forget() {
    exchange = nil
    head = nil
    body = []
    discarded = 0
    informationalResponses = 0
  }

  private func malformed(_ reason: String) -> HTTPError { .malformedResponse(address: peer.address, reason: reason) }

  private func closed(_ reason: String) -> HTTPError {
    .closed(head == nil ? .beforeResponse : .inResponse, address: peer.address, reason: reason)
  }

  private func translate(_ error: any Error, _ context: ChannelHandlerContext) -> HTTPError {
    switch error {
    case let error as HTTPError: return error
    case HTTPParserError.invalidEOFState: return closed("connection closed")
    case HTTPParserError.headerOverflow: return malformed("header larger than \(responseHeadLimit) bytes")
    case let error as HTTPParserError: return malformed("not HTTP (\(error))")
    case let error as IOError: return closed(errorText(error.errnoCode))
    case NIOSSLError.uncleanShutdown: return closed("connection closed")
    default:
      if !peer.isTLS { return closed("\(error)") }
      let certificate = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self).peerCertificate
      return .tls(host: peer.host, reason: tlsReason(error, certificate: certificate))
    }
  }
}

/// What ended a connection between requests, when that is more than the peer having had enough: with TLS 1.3 a server
/// refuses a client's certificate only after the client took the handshake for done.
final class ConnectionFailure: Sendable {
  private let error = Mutex<HTTPError?>(nil)

  func note(_ error: HTTPError) { self.error.withLock { $0 = $0 ?? error } }

  /// What to say of a request that was not even sent.
  func beforeRequest(to address: String) -> HTTPError {
    error.withLock { $0 } ?? .closed(.beforeRequest, address: address, reason: "connection closed")
  }
}

/// Bytes of a response's status line and header fields.
let responseHeadLimit = 64 << 10

/// Whom a connection leads to, for messages.
struct ClientPeer: Sendable {
  var host: String
  var address: String
  var isTLS: Bool
}

/// `127.0.0.1:80`, `[::1]:80`.
func addressText(_ address: SocketAddress) -> String? {
  guard let ip = address.ipAddress, let port = address.port else { return nil }
  return ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)"
}

/// What went wrong in a handshake, in an operator's words.
private func tlsReason(_ error: any Error, certificate: NIOSSLCertificate?) -> String {
  let text = "\(error)"
  if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname || text.contains("ValidateHostname") {
    return "certificate is for another host; set server_name if that is meant"
  }
  if case NIOSSLError.unableToValidateCertificate = error {
    return "certificate is for another host; set server_name if that is meant"
  }
  guard text.contains("CERTIFICATE_VERIFY_FAILED") else { return boringSSLReason(text) }
  let now = time_t(wallClockNanoseconds() / 1_000_000_000)
  guard let certificate else { return "certificate not trusted; it may have expired or lack a known authority" }
  if certificate.notValidAfter < now { return "certificate has expired" }
  if certificate.notValidBefore > now { return "certificate is not valid yet; check this host's clock" }
  return "certificate is signed by an unknown authority; set ca_file to trust it"
}

/// `SSLV3_ALERT_BAD_CERTIFICATE` out of `…error:10000412:SSL routines:OPENSSL_internal:SSLV3_ALERT_BAD_CERTIFICATE at…`.
private func boringSSLReason(_ text: String) -> String {
  guard let (_, rest) = split(text, at: "OPENSSL_internal:") else { return text }
  let words = rest.prefix { $0 == "_" || $0.isLetter || $0.isNumber }
  return words.lowercased().split(separator: "_").joined(separator: " ")
}
