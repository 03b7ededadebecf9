// SPDX-License-Identifier: Apache-2.0

public import Linux

/// Why a request got no (whole) response. Each describes itself in one line that names the peer and the reason.
public enum HTTPError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where the time ran out.
  public enum Phase: String, Sendable {
    /// Looking the name up.
    case resolve
    /// Connecting, to the peer or its proxy.
    case connect
    /// Agreeing on keys and checking certificates.
    case handshake = "TLS handshake with"
    /// Sending the request and waiting for the end of the response.
    case response = "response from"
  }

  /// How far a connection had got that the peer closed.
  public enum Progress: Sendable {
    /// Nothing of the request was sent: always safe to repeat.
    case beforeRequest
    /// Not a byte of the response was seen: the peer may or may not have done what was asked.
    case beforeResponse
    /// The response was cut short.
    case inResponse
  }

  /// The request or the client's options cannot be used as they are.
  case invalid(String)
  /// A file of the client's options (password, certificate, …) cannot be read.
  case file(SystemError)
  /// The host's name has no address, or it could not be learnt.
  case resolve(host: String, reason: String)
  /// No connection to the address.
  case connect(address: String, reason: String)
  /// The TLS handshake failed.
  case tls(host: String, reason: String)
  /// The proxy would not make the connection.
  case proxy(address: String, reason: String)
  /// It took too long.
  case timeout(Phase, address: String)
  /// The peer closed or reset the connection.
  case closed(Progress, address: String, reason: String)
  /// What came back is not HTTP, or more of it than we accept.
  case malformedResponse(address: String, reason: String)
  /// The body is larger than the caller accepts.
  case bodyTooLarge(limit: Int)
  /// Each redirect led to another.
  case tooManyRedirects(url: String)
  /// The calling task was cancelled, or the client closed.
  case cancelled

  /// One line for the operator.
  public var description: String {
    switch self {
    case .invalid(let reason): reason
    case .file(let error): error.description
    case .resolve(let host, let reason): "resolve \(host): \(reason)"
    case .connect(let address, let reason): "connect \(address): \(reason)"
    case .tls(let host, let reason): "TLS with \(host): \(reason)"
    case .proxy(let address, let reason): "proxy \(address): \(reason)"
    case .timeout(let phase, let address): "\(phase.rawValue) \(address): timed out"
    case .closed(.beforeRequest, let address, let reason): "send to \(address): \(reason)"
    case .closed(.beforeResponse, let address, let reason): "response from \(address): \(reason) before any of it came"
    case .closed(.inResponse, let address, let reason): "response from \(address): \(reason) in the middle of it"
    case .malformedResponse(let address, let reason): "response from \(address): \(reason)"
    case .bodyTooLarge(let limit): "response body larger than \(limit) bytes"
    case .tooManyRedirects(let url): "\(url): too many redirects"
    case .cancelled: "cancelled"
    }
  }
}
