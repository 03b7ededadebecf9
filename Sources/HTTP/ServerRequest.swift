// SPDX-License-Identifier: Apache-2.0

/// What a client asked of our server.
public struct ServerRequest: Sendable {
  /// The method, in capitals.
  public var method: String
  /// The path, decoded, without the query; always begins with `/`.
  public var path: String
  /// The query's items, decoded, in order.
  public var query: [(name: String, value: String)]
  /// The header fields.
  public var headers: Headers
  /// The body, whole.
  public var body: [UInt8]
  /// The numeric address and port of the client.
  public var remoteAddress: String?
  /// Whether it came over TLS.
  public var isTLS: Bool

  /// The first value of query item `name`.
  public func queryValue(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// What our server answers.
public struct ServerResponse: Sendable {
  enum Conduct: Sendable { case answer, reset, hang }

  /// The status code.
  public var status: Int
  /// Header fields beyond `Content-Length` and `Connection`.
  public var headers: Headers
  /// The body; left out when the request was `HEAD`.
  public var body: [UInt8]
  var conduct = Conduct.answer

  /// An answer.
  public init(status: Int = 200, headers: Headers = [:], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An answer in plain text.
  public init(status: Int = 200, text: String) {
    self.init(status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
  }

  /// No answer: the connection is reset. For servers that must be able to fail.
  public static var reset: ServerResponse { failing(.reset) }

  /// No answer, for as long as the client stays and the server runs.
  public static var hang: ServerResponse { failing(.hang) }

  private static func failing(_ conduct: Conduct) -> ServerResponse {
    var response = ServerResponse()
    response.conduct = conduct
    return response
  }
}
