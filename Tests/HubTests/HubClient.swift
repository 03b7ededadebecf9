// SPDX-License-Identifier: Apache-2.0

import HTTP
import Hub
import Linux
import Telemetry
import Wire

/// A hub, and requests to it as literal as can be.
final class HubClient: Sendable {
  let network = Network()
  let hub: EmbeddedHub
  private let client: HTTPClient
  static let now = wallClockMilliseconds()

  init(_ options: HubOptions = HubOptions()) async throws {
    hub = try await EmbeddedHub.start(on: network, options: options)
    client = try HTTPClient(on: network)
  }

  func stop() async {
    await hub.stop()
    await client.close()
    await network.shutdown()
  }

  func send(
    _ method: String = "POST", _ path: String, headers: Headers = [:], body: [UInt8] = []
  ) async throws -> HTTPResponse {
    let url = HTTPURL(.http, host: "127.0.0.1", port: hub.port, path: path)
    return try await client.send(
      HTTPRequest(method, url, headers: headers, body: body), timeout: .seconds(20), bodyLimit: 1 << 20)
  }

  /// Writes `series`, encoded without regard to what is right; the status and the words of the answer.
  func write(_ series: [Series]) async throws -> (status: Int, text: String) {
    try await post("/api/v1/write", series.flatMap(\.encoded))
  }

  func post(_ path: String, _ message: [UInt8]) async throws -> (status: Int, text: String) {
    var body: [UInt8] = []
    Snappy.compress(message.span, into: &body)
    let headers: Headers = ["Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"]
    let response = try await send("POST", path, headers: headers, body: body)
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  func push(json: String) async throws -> (status: Int, text: String) {
    let response = try await send(
      "POST", "/loki/api/v1/push", headers: ["Content-Type": "application/json"], body: Array(json.utf8))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }
}

/// A series as it goes over the wire, right or wrong.
struct Series {
  var labels: [(String, String)]
  var samples: [(time: Int64, value: Double)]

  /// A series called `name` of samples at milliseconds from now.
  init(_ name: String, _ samples: (Int64, Double)...) {
    labels = [("__name__", name), ("job", "test")]
    self.samples = samples.map { (HubClient.now + $0.0, $0.1) }
  }

  init(labels: [(String, String)]) {
    self.labels = labels
    samples = [(HubClient.now, 1)]
  }

  var encoded: [UInt8] {
    var message: [UInt8] = []
    for (name, value) in labels {
      var label: [UInt8] = [0x0a]
      appendLengthPrefixed(Array(name.utf8).span, to: &label)
      label.append(0x12)
      appendLengthPrefixed(Array(value.utf8).span, to: &label)
      message.append(0x0a)
      appendLengthPrefixed(label.span, to: &message)
    }
    for sample in samples {
      var bytes: [UInt8] = [0x09]
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: sample.value.bitPattern >> shift))
      }
      bytes.append(0x10)
      var time = UInt64(bitPattern: sample.time)
      while time >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: time) | 0x80)
        time >>= 7
      }
      bytes.append(UInt8(time))
      message.append(0x12)
      appendLengthPrefixed(bytes.span, to: &message)
    }
    var field: [UInt8] = [0x0a]
    appendLengthPrefixed(message.span, to: &field)
    return field
  }
}
