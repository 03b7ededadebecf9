// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import TestSupport
import Testing

/// The real Prometheus of this machine with its receiver on, in a directory of its own, until the test lets go of it.
final class PrometheusProcess {
  static let path = "/usr/bin/prometheus"
  static var isInstalled: Bool { fileKind(path) == .regular }

  let port: Int
  private let directory: TemporaryDirectory
  private let process: pid_t

  /// Starts one on a port that nothing else is likely to want, and waits until it is ready.
  init(_ client: HTTPClient, outOfOrderWindow: String = "0s") async throws {
    directory = try TemporaryDirectory()
    let config = "storage: {tsdb: {out_of_order_time_window: \(outOfOrderWindow)}}\n"
    try replaceFile(directory.path("prometheus.yml"), with: Array(config.utf8).span)
    port = Int.random(in: 20_000..<30_000)  // below the ports the kernel gives to others
    process = try Self.spawn([
      Self.path, "--config.file=\(directory.path("prometheus.yml"))", "--storage.tsdb.path=\(directory.path("data"))",
      "--web.listen-address=127.0.0.1:\(port)", "--web.enable-remote-write-receiver", "--log.level=error",
    ])
    let ready = HTTPRequest("GET", HTTPURL(.http, host: "127.0.0.1", port: port, path: "/-/ready"))
    await eventually("Prometheus is ready") {
      (try? await client.send(ready, timeout: .seconds(5), bodyLimit: 1 << 10))?.status == 200
    }
  }

  deinit {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }

  /// The value of an instant query with one result; nil without any.
  func query(_ expression: String, _ client: HTTPClient) async throws -> Double? {
    let url = HTTPURL(.http, host: "127.0.0.1", port: port, path: "/api/v1/query?query=\(expression)")
    let response = try await client.send(HTTPRequest("GET", url), timeout: .seconds(20), bodyLimit: 1 << 20)
    // …"value":[1700000000.123,"42"]}…
    let parts = String(decoding: response.body, as: UTF8.self).split(separator: "\"")
    return parts.firstIndex(of: "value").flatMap { parts.indices.contains($0 + 2) ? Double(parts[$0 + 2]) : nil }
  }

  private static func spawn(_ words: [String]) throws -> pid_t {
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    keepDescriptorsFromChildren()
    let result = posix_spawn(&process, path, nil, nil, arguments, environ)
    guard result == 0 else { throw SystemError("posix_spawn", path, errno: result) }
    return process
  }
}
