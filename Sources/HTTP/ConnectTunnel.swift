// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Asks a proxy for a tunnel, then makes room for what speaks through it. Lives on the event loop.
final class ConnectTunnel: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let mostBytes = 16 << 10

  private let request: [UInt8]
  private let proxy: String
  private let ready: FirstOutcome<Void>
  private let onTunnel: (any Channel) throws -> Void
  private var answer: [UInt8] = []

  /// A tunnel to `target` (host and port) through `proxy`; `onTunnel` adds the handlers that speak through it.
  init(
    target: String, headers: [Headers.Field], proxy: String, ready: FirstOutcome<Void>,
    onTunnel: @escaping (any Channel) throws -> Void
  ) {
    var text = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
    for field in headers { text += "\(field.name): \(field.value)\r\n" }
    request = Array((text + "\r\n").utf8)
    self.proxy = proxy
    self.ready = ready
    self.onTunnel = onTunnel
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    answer.append(contentsOf: unwrapInboundIn(data).readableBytesView)
    guard let end = endOfHead(answer) else {
      if answer.count > ConnectTunnel.mostBytes { fail("answers with an endless header", context) }
      return
    }
    let line = String(decoding: answer.prefix { $0 != 0x0d && $0 != 0x0a }, as: UTF8.self)
    guard line.hasPrefix("HTTP/1."), let (_, status) = split(line, at: " ") else { return fail("is no proxy", context) }
    guard status.hasPrefix("2") else { return fail("refuses the connection: \(status.prefix(200))", context) }
    // Whoever is behind the proxy waits for us to speak first.
    guard end == answer.count else { return fail("sends more than an answer", context) }
    do {
      try onTunnel(context.channel)
      context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    } catch { fail("\(error)", context) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail("closes the connection", context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail("\(error)", context) }

  private func fail(_ reason: String, _ context: ChannelHandlerContext) {
    ready.settle(.failure(.proxy(address: proxy, reason: reason)))
    context.close(promise: nil)
  }
}

/// Where the blank line that ends a head ends.
private func endOfHead(_ bytes: [UInt8]) -> Int? {
  guard bytes.count >= 4 else { return nil }
  return (0...(bytes.count - 4)).first { bytes[$0..<($0 + 4)].elementsEqual([0x0d, 0x0a, 0x0d, 0x0a]) }.map { $0 + 4 }
}
