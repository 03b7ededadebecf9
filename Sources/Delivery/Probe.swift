// SPDX-License-Identifier: Apache-2.0

public import HTTP
internal import Linux

/// Whether an endpoint would take what it is sent.
public struct Probe: Sendable, Equatable {
  /// Whether it would.
  public var isGood: Bool
  /// What it answered, or why there was no answer.
  public var message: String
  /// What to do about it; empty when all is well.
  public var remedy: String
}

extension HTTPClient {
  /// Sends `endpoint` a valid request with nothing in it, once.
  public func probe(_ endpoint: Endpoint) async -> Probe {
    do throws(HTTPError) {
      let response = try await send(
        endpoint.request(compressed([]), attempt: 0), timeout: endpoint.timeout, bodyLimit: errorBodyLimit,
        truncating: true)
      return judged(response, endpoint.dialect)
    } catch {
      return Probe(isGood: false, message: "\(error)", remedy: remedy(for: error))
    }
  }
}

private func judged(_ response: HTTPResponse, _ dialect: RetryPolicy.Dialect) -> Probe {
  let text = errorText(body: response.body)
  let answer = text.isEmpty ? "answered \(response.status)" : "answered \(response.status): \(text)"
  switch response.status {
  case 260: return Probe(isGood: false, message: answer, remedy: RetryPolicy.remedy(for: 260, dialect))
  case 200..<300 where isWebPage(response):
    return Probe(
      isGood: false, message: "answered \(response.status) with text/html",
      remedy: RetryPolicy.remedy(for: response.status, dialect))
  case 200..<300: return Probe(isGood: true, message: "takes \(dialect.noun) (\(response.status))", remedy: "")
  case 429, 500...:
    return Probe(isGood: false, message: answer, remedy: "the hub is overloaded or broken; its log says why")
  default: return Probe(isGood: false, message: answer, remedy: RetryPolicy.remedy(for: response.status, dialect))
  }
}

extension RetryPolicy.Dialect {
  fileprivate var noun: String { self == .remoteWrite ? "remote write" : "log pushes" }
}

private func remedy(for error: HTTPError) -> String {
  switch error {
  case .resolve: "check the name in the url, and this host's DNS"
  case .connect(_, let reason) where reason.contains("refused"):
    "nobody listens there: start the hub, or correct the host and port of the url"
  case .connect: "check the address, and that this host is on the hub's network"
  case .tls: "check tls_config (ca_file, server_name) and the hub's certificate; http:// speaks no TLS"
  case .proxy: "check proxy_url"
  case .timeout: "check that this host reaches the hub: routes, firewall, tailnet"
  case .file: "check the path and who may read it"
  default: "check that the endpoint's url leads to the receiver"
  }
}
