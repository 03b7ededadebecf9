// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import HTTP
internal import Linux
internal import Runtime
internal import Syntax

/// What the `endpoint` blocks of all kinds of hubs have in common.
struct EndpointArguments {
  var name: String
  var url: HTTPURL?
  var timeout: Duration
  var headers: [Headers.Field]
  var client: ClientOptions
  /// For a hub with tenants, the one that is meant where nothing else is said.
  var tenant = ""

  init(_ block: BlockDecoder, version: String, timeout defaultTimeout: Duration, http2ByDefault: Bool) {
    name = block.optional("name", .string, default: "")
    url = block.required("url", .httpURL)
    if url == nil, block.has("url"), case .string("")? = block.source.attribute("url")?.value {
      block.error("url must not be empty", at: "url")
    }
    timeout = block.optional("remote_timeout", .duration, default: defaultTimeout)
    if timeout <= .zero { block.error("remote_timeout must be greater than 0", at: "remote_timeout") }
    headers = block.optional("headers", .map(of: .secret), default: [:]).sorted { $0.key < $1.key }
      .map { Headers.Field(name: $0.key, value: $0.value.revealed) }
    for field in headers where Endpoint.isReserved(field.name) {
      block.error(
        "headers must not set \(field.name)", at: "headers", hint: "the protocol and the credentials need it")
    }
    client = ClientOptions.decode(block, userAgent: "spoke/\(version)", http2ByDefault: http2ByDefault)
    if client.followRedirects, block.has("follow_redirects") {
      block.warning(
        "follow_redirects does nothing here: an endpoint that has moved is reported instead", at: "follow_redirects",
        hint: "write the url it has moved to")
    }
    client.followRedirects = false
  }

  /// The address, for an endpoint whose configuration had no mistake.
  var address: HTTPURL {
    guard let url else { preconditionFailure("BUG: an endpoint without url") }
    return url
  }

  /// The name for people.
  var displayName: String { name.isEmpty ? directoryName : name }

  /// The directory of its queue: stable as long as the destination is the same, whatever else changes about it.
  var directoryName: String {
    let identity = name + "\n" + (url?.withoutUserInfo ?? "") + (tenant.isEmpty ? "" : "\n" + tenant)
    let hash = crc32c(Array(identity.utf8).span)
    let digits = String(hash, radix: 16)
    let host = (url?.host ?? "").map { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" ? $0 : "_" }
    return
      "\(name.isEmpty ? String(host.prefix(40)) : sanitized(name))-\(String(repeating: "0", count: 8 - digits.count))\(digits)"
  }

  /// Asks each hub, once and without running, whether it takes what it would be sent.
  static func check(
    _ endpoints: [(EndpointArguments, Endpoint)], of id: String, _ services: Services, timeout: Duration
  ) async -> [Finding] {
    if endpoints.isEmpty {
      return [Finding(.warning, id, "there is no endpoint", remedy: "add an endpoint block with a url")]
    }
    var findings: [Finding] = []
    for (arguments, endpoint) in endpoints {
      findings.append(await arguments.check(id, services, endpoint, timeout: timeout))
    }
    return findings
  }

  private func check(
    _ id: String, _ services: Services, _ endpoint: Endpoint, timeout: Duration
  ) async -> Finding {
    var endpoint = endpoint
    endpoint.timeout = min(timeout, endpoint.timeout)
    do throws(HTTPError) {
      let client = try HTTPClient(self.client, on: services.network)
      let probe = await client.probe(endpoint)
      await client.close()
      return Finding(
        probe.isGood ? .ok : .failed, id, "\(address.withoutUserInfo): \(probe.message)", remedy: probe.remedy)
    } catch {
      return Finding(.failed, id, "\(address.withoutUserInfo): \(error)")
    }
  }
}

private func sanitized(_ name: String) -> String {
  String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" }.prefix(60))
}
