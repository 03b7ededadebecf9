// SPDX-License-Identifier: Apache-2.0

import Delivery
import HTTP
import Hub
import Linux
import Testing

@Suite struct ProbeTests {
  /// Probes a server that answers pushes and everything else like this.
  func probe(push: ServerResponse, ready: ServerResponse, path: String = "/loki/api/v1/push") async throws -> Probe {
    let network = Network()
    let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, on: network) { request in
      if request.path.hasSuffix("/push"), request.method == "POST", request.body == [0] { return push }
      return request.path == "/prefix/ready" || request.path == "/ready" ? ready : ServerResponse(status: 404, text: "")
    }
    let probe = try await probe(port: server.port, path: path, on: network)
    await server.stop()
    await network.shutdown()
    return probe
  }

  func probe(port: Int, path: String = "/loki/api/v1/push", on network: Network) async throws -> Probe {
    let client = try HTTPClient(on: network)
    let url = HTTPURL(.http, host: "127.0.0.1", port: port, path: path)
    let probe = await client.probe(Endpoint(url: url, dialect: .loki, version: "1.2.3", timeout: .seconds(20)))
    await client.close()
    return probe
  }

  @Test(arguments: [
    (204, 200, "ready\n", true, "takes log pushes (204), ready", ""),
    (422, 200, "ready\n", true, "takes log pushes (422), ready", ""),
    (204, 404, "", true, "takes log pushes (204)", ""),
    (204, 401, "", true, "takes log pushes (204)", ""),
    (
      204, 503, "Ingester not ready: waiting for 15s after being ready\n", false,
      "takes log pushes (204), but is not ready: Ingester not ready: waiting for 15s after being ready",
      "a hub that was just started needs a minute; if it stays like this, its log says why"
    ),
    (
      401, 200, "ready", false, "answered 401: push",
      "check the endpoint's credentials (basic_auth, authorization, bearer_token_file) and tenant_id, and what they permit"
    ),
    (404, 200, "ready", false, "answered 404: push", "correct the path of the url (usually /loki/api/v1/push)"),
    (
      260, 200, "ready", false, "answered 260: push", "the hub's owner has blocked ingestion; lift the block there"
    ),
    (500, 503, "x", false, "answered 500: push", "the hub is overloaded or broken; its log says why"),
  ]) func `an endpoint for lines is judged by an empty push, and by what it says of itself`(
    push: Int, ready: Int, text: String, isGood: Bool, message: String, remedy: String
  ) async throws {
    let probe = try await probe(
      push: ServerResponse(status: push, text: push < 260 || push == 422 ? "" : "push"),
      ready: ServerResponse(status: ready, text: text))
    #expect(probe == Probe(isGood: isGood, message: message, remedy: remedy))
  }

  @Test func `readiness is asked for beside the push path, and not where that is unknown`() async throws {
    let ready = ServerResponse(status: 200, text: "ready")
    let push = ServerResponse(status: 204)
    #expect(
      try await probe(push: push, ready: ready, path: "/prefix/loki/api/v1/push").message
        == "takes log pushes (204), ready")
    #expect(try await probe(push: push, ready: ready, path: "/other/push").message == "takes log pushes (204)")
  }

  @Test func `the trial hub is found ready, and nothing is left there`() async throws {
    let network = Network()
    let hub = try await EmbeddedHub.start(on: network)
    let probe = try await probe(port: hub.port, on: network)
    #expect(probe == Probe(isGood: true, message: "takes log pushes (422), ready", remedy: ""))
    #expect(hub.streams().isEmpty && hub.snapshot().lines == 0)
    await hub.stop()
    await network.shutdown()
  }

  @Test func `where nobody listens, that is said`() async throws {
    let network = Network()
    let hub = try await EmbeddedHub.start(on: network)
    let port = hub.port
    await hub.stop()
    let probe = try await probe(port: port, on: network)
    #expect(!probe.isGood && probe.remedy.hasPrefix("nobody listens there"))
    await network.shutdown()
  }
}
