// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import Synchronization
import TestSupport
import Testing

/// Debian's Prometheus in a directory and on a port of its own, which it keeps when it is stopped and started again.
final class PrometheusServer: Sendable {
  static let path = "/usr/bin/prometheus"
  static var isInstalled: Bool { fileKind(path) == .regular }

  /// A series of an answer, and its samples in order.
  struct Series: Equatable {
    var labels: [String: String]
    var samples: [Sample]
  }

  struct Sample: Hashable {
    var timestampMilliseconds: Int64
    var value: Double
  }

  let port: Int
  private let directory: TemporaryDirectory
  private let flags: [String]
  private let process = Mutex<ChildProcess?>(nil)

  /// Starts one and waits until it is ready.
  static func start(
    takesRemoteWrite: Bool = true, outOfOrderWindow: String = "0s"
  ) async throws -> PrometheusServer {
    let server = try PrometheusServer(takesRemoteWrite: takesRemoteWrite, outOfOrderWindow: outOfOrderWindow)
    try await server.start()
    return server
  }

  private init(takesRemoteWrite: Bool, outOfOrderWindow: String) throws {
    directory = try TemporaryDirectory()
    port = freeFixedPort()
    let configuration = "storage: {tsdb: {out_of_order_time_window: \(outOfOrderWindow)}}\n"
    try replaceFile(directory.path("prometheus.yml"), with: Array(configuration.utf8).span)
    flags =
      [
        "--config.file=\(directory.path("prometheus.yml"))", "--storage.tsdb.path=\(directory.path("data"))",
        "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
      ] + (takesRemoteWrite ? ["--web.enable-remote-write-receiver"] : [])
  }

  /// Where samples are written to.
  var writeURL: String { "http://127.0.0.1:\(port)/api/v1/write" }

  /// Starts it, with what it had stored before it was stopped.
  func start() async throws {
    let started = try ChildProcess([Self.path] + flags)
    process.withLock { $0 = started }
    let isReady = await comesAbout(within: .seconds(60)) {
      if started.hasEnded != nil { return true }
      return (try? await loopbackGet(port: port, "/-/ready").status) == 200
    }
    guard isReady, started.hasEnded == nil else {
      throw ProcessError(reason: "Prometheus does not start: \(started.errors)")
    }
  }

  /// Stops it in order, and waits until nobody listens any more.
  func stop() async {
    let stopping = process.withLock { process in
      defer { process = nil }
      return process
    }
    stopping?.signal(SIGTERM)
    #expect(await stopping?.waitForExit() == 0, "Prometheus does not stop: \(stopping?.errors ?? "")")
  }

  /// What it logs from the level of warnings on.
  var log: String { process.withLock { $0 }?.errors ?? "" }

  /// The answer to an instant query: a sample for each series of a vector, several for each of a range (`metric[5m]`).
  func query(_ expression: String) async throws -> [Series] {
    let response = try await loopbackGet(port: port, "/api/v1/query", query: [("query", expression)])
    guard response.status == 200, let data = JSON(response.body)?["data"] else {
      throw ProcessError(reason: "\(expression): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
    }
    if data["resultType"]?.string == "scalar" {
      return [Series(labels: [:], samples: samples(data["result"].map { [$0] }))]
    }
    return data["result"]?.array.map { item in
      Series(
        labels: item["metric"]?.object.compactMapValues(\.string) ?? [:],
        samples: samples(item["values"]?.array ?? item["value"].map { [$0] }))
    } ?? []
  }

  /// The value of the only series of an answer; nil when there is none, or more than one.
  func value(_ expression: String) async throws -> Double? {
    let series = try await query(expression)
    return series.count == 1 ? series[0].samples.last?.value : nil
  }

  /// `[[1700000000.123, "42"], …]`
  private func samples(_ pairs: [JSON]?) -> [Sample] {
    (pairs ?? []).compactMap { pair in
      guard pair.array.count == 2, let time = pair.array[0].number, let text = pair.array[1].string,
        let value = Double(text)
      else { return nil }
      return Sample(timestampMilliseconds: Int64((time * 1000).rounded()), value: value)
    }
  }
}
