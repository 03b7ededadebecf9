// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import NIOHTTP1

/// The server's end of a connection: one request at a time, in the order they came. Lives on the event loop.
final class ServerHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    /// Between requests, or in the middle of one that arrives.
    case receiving
    /// The handler is at work, or its response is being sent.
    case answering
    /// Never to be answered.
    case hanging
    /// Answered for good; what still comes is thrown away, so that closing does not destroy the answer on its way.
    case lingering
  }

  /// Parts of further requests that may wait behind the one being answered.
  private static let mostWaitingParts = 4096
  private static let lingerTime = Duration.seconds(1)

  private let connections: ServerConnections
  private let isTLS: Bool
  private var context: ChannelHandlerContext?
  private var state = State.receiving
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var waiting: CircularBuffer<HTTPServerRequestPart> = []
  private var waitingBytes = 0
  private var isWorkingOff = false
  private var timer: Scheduled<Void>?
  private var task: Task<Void, Never>?

  init(connections: ServerConnections, isTLS: Bool) {
    self.connections = connections
    self.isTLS = isTLS
  }

  private var limits: ServerLimits { connections.limits }

  // MARK: Connection

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    closeAfter(limits.requestTimeout)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    timer?.cancel()
    task?.cancel()
    connections.remove(self)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard case .receiving = state, let error = error as? HTTPParserError, error != .invalidEOFState else {
      return close()
    }
    refuse(error == .headerOverflow ? .requestHeaderFieldsTooLarge : .badRequest)
  }

  /// Closes the connection, now or when the request in flight has been answered.
  func closeWhenIdle() {
    switch state {
    case .receiving where head == nil, .hanging, .lingering: close()
    case .receiving, .answering: break
    }
  }

  /// Closes the connection.
  func close() { context?.close(promise: nil) }

  private func closeAfter(_ duration: Duration) {
    timer?.cancel()
    guard let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(deadline: Deadline(after: duration).moment) { bound.value.close() }
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .lingering = state { return }
    let part = unwrapInboundIn(data)
    waiting.append(part)
    if case .body(let bytes) = part { waitingBytes += bytes.readableBytes }
    // Reading stops while a request is answered, but what had been read already still comes.
    guard waiting.count <= ServerHandler.mostWaitingParts, waitingBytes <= limits.bodyBytes + (64 << 10) else {
      return close()
    }
    workOff()
  }

  /// Handles what has come, up to the end of a request.
  private func workOff() {
    // Answering at once, as a refusal does, would otherwise come back here from within.
    guard !isWorkingOff else { return }
    isWorkingOff = true
    defer { isWorkingOff = false }
    while case .receiving = state, let part = waiting.popFirst() {
      switch part {
      case .head(let head): receive(head)
      case .body(let bytes): receive(bytes)
      case .end: answer()
      }
    }
  }

  private func receive(_ head: HTTPRequestHead) {
    self.head = head
    closeAfter(limits.requestTimeout)
    let announced = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
    guard announced <= limits.bodyBytes else { return refuse(.payloadTooLarge) }
    body.reserveCapacity(min(announced, 1 << 20))
    guard let expected = head.headers.first(name: "Expect") else { return }
    guard equalIgnoringCase(expected, "100-continue") else { return refuse(.expectationFailed) }
    context?.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
  }

  private func receive(_ bytes: ByteBuffer) {
    waitingBytes -= bytes.readableBytes
    guard body.count + bytes.readableBytes <= limits.bodyBytes else { return refuse(.payloadTooLarge) }
    body.append(contentsOf: bytes.readableBytesView)
  }

  private func answer() {
    guard let context, let head else { return close() }
    guard
      let request = ServerRequest(head, body: body, remoteAddress: context.remoteAddress.flatMap(addressText), isTLS)
    else { return refuse(.badRequest) }
    body = []
    state = .answering
    timer?.cancel()
    setReading(false)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let loop = context.eventLoop
    task = Task { [handler = connections.handler] in
      let response = await handler(request)
      loop.execute { bound.value.send(response) }
    }
  }

  // MARK: Responses

  private func send(_ response: ServerResponse) {
    guard let context, let head, case .answering = state else { return }
    task = nil
    switch response.conduct {
    case .answer: break
    case .hang:
      state = .hanging
      return connections.isStopping ? close() : ()
    case .reset: return reset(context)
    }
    let asked = head.isKeepAlive && !head.headers.contains(name: "Upgrade") && !connections.isStopping
    let written = write(response, keepAlive: asked, withBody: head.method != .HEAD)
    // A client that does not take its answer is not waited for longer than one that does not ask.
    closeAfter(limits.idleTimeout)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    written.whenComplete { result in
      switch result {
      case .success: bound.value.sent(keepAlive: asked)
      case .failure: bound.value.close()
      }
    }
  }

  private func sent(keepAlive: Bool) {
    head = nil
    guard keepAlive, !connections.isStopping else { return linger() }
    state = .receiving
    workOff()
    if case .receiving = state { setReading(true) }
  }

  private func write(_ response: ServerResponse, keepAlive: Bool, withBody: Bool) -> EventLoopFuture<Void> {
    guard let context else { preconditionFailure("BUG: a response without a connection") }
    var response = response
    if (try? check(response.headers)) == nil || !(200...599).contains(response.status) {
      response = ServerResponse(status: 500, text: "The response cannot be put into words.\n")
    }
    let hasBody = response.status != 204 && response.status != 304
    response.headers["Transfer-Encoding"] = nil
    response.headers["Content-Length"] = hasBody ? String(response.body.count) : nil
    if !keepAlive { response.headers["Connection"] = "close" }
    let head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status),
      headers: HTTPHeaders(response.headers.fields.map { ($0.name, $0.value) }))
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if hasBody, withBody, !response.body.isEmpty {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    }
    let promise = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
    return promise.futureResult
  }

  /// Answers a request that we will not read to its end.
  private func refuse(_ status: HTTPResponseStatus) {
    guard let context else { return }
    state = .answering
    closeAfter(limits.requestTimeout)
    let text = "\(status.code) \(status.reasonPhrase)\n"
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    write(ServerResponse(status: Int(status.code), text: text), keepAlive: false, withBody: head?.method != .HEAD)
      .whenComplete { _ in bound.value.linger() }
  }

  /// Says that we are done and waits a moment for the client to have read it.
  private func linger() {
    guard let context else { return }
    state = .lingering
    waiting = []
    body = []
    setReading(true)
    closeAfter(ServerHandler.lingerTime)
    context.close(mode: .output, promise: nil)
  }

  private func reset(_ context: ChannelHandlerContext) {
    // With nothing to linger for, the kernel sends RST instead of FIN.
    (context.channel as? any SocketOptionProvider)?.setSoLinger(linger_t(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
    close()
  }

  private func setReading(_ on: Bool) { _ = try? context?.channel.syncOptions?.setOption(.autoRead, value: on) }
}

private typealias linger_t = Glibc.linger

extension ServerRequest {
  /// Nil when the request's target is not a path.
  fileprivate init?(_ head: HTTPRequestHead, body: [UInt8], remoteAddress: String?, _ isTLS: Bool) {
    var target = head.uri
    // As a proxy would be asked; servers must understand it too (RFC 9112, 3.2.2).
    if !target.hasPrefix("/"), let url = try? HTTPURL(parsing: target) { target = url.path }
    let (rawPath, rawQuery) = split(target, at: "?") ?? (target, "")
    guard rawPath.hasPrefix("/"), let path = percentDecoded(rawPath), let query = parseQuery(rawQuery) else {
      return nil
    }
    method = head.method.rawValue
    self.path = path
    self.query = query
    headers = Headers(head.headers.map { Headers.Field(name: $0.name, value: $0.value) })
    self.body = body
    self.remoteAddress = remoteAddress
    self.isTLS = isTLS
  }
}

/// The items of `a=1&b=two+words`; nil when one is badly encoded.
private func parseQuery(_ text: String) -> [(name: String, value: String)]? {
  var items: [(name: String, value: String)] = []
  for item in text.split(separator: "&") {
    let spaced = String(decoding: item.utf8.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
    let (name, value) = split(spaced, at: "=") ?? (spaced, "")
    guard let name = percentDecoded(name), let value = percentDecoded(value) else { return nil }
    items.append((name, value))
  }
  return items
}
