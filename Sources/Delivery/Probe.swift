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

  /// A judgement.
  public init(isGood: Bool, message: String, remedy: String) {
    self.isGood = isGood
    self.message = message
    self.remedy = remedy
  }
}

extension HTTPClient {
  /// Sends `endpoint` a valid request with nothing in it, once; asks Loki also whether it is ready. Nothing is left
  /// behind there.
  public func probe(_ endpoint: Endpoint) async -> Probe {
    do throws(HTTPError) {
      let response = try await send(
        endpoint.request(compressed([])), timeout: endpoint.timeout, bodyLimit: errorBodyLimit, truncating: true)
      let probe = judged(response, endpoint.dialect)
      guard probe.isGood, let readiness = endpoint.readinessRequest else { return probe }
      // Whatever stands before Loki need not pass this on.
      let answer = try? await send(
        readiness, timeout: endpoint.timeout, bodyLimit: errorBodyLimit, truncating: true)
      return answer.map { judged(readiness: $0, probe) } ?? probe
    } catch {
      return Probe(isGood: false, message: "\(error)", remedy: remedy(for: error))
    }
  }
}

extension Endpoint {
  /// Asks the Loki whose push path the url ends in whether it is ready; nil where it ends in something else.
  fileprivate var readinessRequest: HTTPRequest? {
    let suffix = "/loki/api/v1/push"
    guard dialect == .loki, url.path.hasSuffix(suffix) else { return nil }
    var url = self.url
    url.path = url.path.dropLast(suffix.count) + "/ready"
    return HTTPRequest("GET", url, headers: request([]).headers.withoutContent)
  }
}

extension Headers {
  fileprivate var withoutContent: Headers { Headers(fields.filter { !$0.name.lowercased().hasPrefix("content-") }) }
}

private func judged(readiness response: HTTPResponse, _ probe: Probe) -> Probe {
  switch response.status {
  case 200 where !isWebPage(response):
    return Probe(isGood: true, message: "\(probe.message), ready", remedy: "")
  case 503:
    return Probe(
      isGood: false, message: "\(probe.message), but is not ready: \(errorText(body: response.body))",
      remedy: "a hub that was just started needs a minute; if it stays like this, its log says why")
  default: return probe
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
  case 422 where dialect == .loki:  // Loki takes pushes, but not one without streams
    return Probe(isGood: true, message: "takes \(dialect.noun) (422)", remedy: "")
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
