// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// The open connections of a server. Lives on the event loop.
final class ServerConnections {
  let limits: ServerLimits
  let handler: HTTPServer.Handler
  /// Whether connections are to close as soon as they have nothing to do.
  private(set) var isStopping = false
  private var open: [ObjectIdentifier: ServerHandler] = [:]
  private var drained: [EventLoopPromise<Void>] = []

  init(limits: ServerLimits, handler: @escaping HTTPServer.Handler) {
    self.limits = limits
    self.handler = handler
  }

  /// Prepares a connection; thrown errors close it.
  func add(_ channel: any Channel, tls: NIOSSLContext?) throws {
    guard open.count < limits.connections, !isStopping else { throw TooManyConnections() }
    var decoderLimits = NIOHTTPDecoderLimitConfiguration()
    decoderLimits.maxHeaderFieldSize = limits.headerBytes
    decoderLimits.maxHeaderListSize = limits.headerBytes
    let pipeline = channel.pipeline.syncOperations
    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
    try pipeline.addHandler(HTTPResponseEncoder())
    try pipeline.addHandler(
      ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoderLimits)))
    let handler = ServerHandler(connections: self, isTLS: tls != nil)
    try pipeline.addHandler(handler)
    open[ObjectIdentifier(handler)] = handler
  }

  func remove(_ handler: ServerHandler) {
    open[ObjectIdentifier(handler)] = nil
    if isStopping, open.isEmpty { succeedDrained() }
  }

  /// Closes each connection when it has nothing to do; done when there are none.
  func drain(on loop: any EventLoop) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    drained.append(promise)
    isStopping = true
    for handler in Array(open.values) { handler.closeWhenIdle() }
    if open.isEmpty { succeedDrained() }
    return promise.futureResult
  }

  /// Closes every connection now.
  func closeAll() {
    for handler in Array(open.values) { handler.close() }
  }

  private func succeedDrained() {
    let promises = drained
    drained = []
    for promise in promises { promise.succeed() }
  }
}

private struct TooManyConnections: Error {}
