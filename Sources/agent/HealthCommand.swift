// SPDX-License-Identifier: Apache-2.0

import Flags
import HTTP
import Linux

/// `agent health`.
struct HealthCommand {
  private let address: String
  private let timeout: Int

  init(_ invocation: Invocation) {
    address = invocation.value("server.http.listen-addr") ?? Standard.listenAddress
    timeout = invocation.value("timeout").flatMap { Int($0) } ?? 3
  }

  func perform() async -> Int32 {
    guard let (host, port) = splitAddress(address) else {
      printError(
        "Error: --server.http.listen-addr=\(address) is not HOST:PORT\n  for example \(Standard.listenAddress)")
      return 2
    }
    // No host means every address of this one.
    let url = HTTPURL(.http, host: host.isEmpty ? "127.0.0.1" : host, port: port, path: "/-/ready")
    let limit = Duration.seconds(timeout)
    do throws(HTTPError) {
      let client = try HTTPClient(
        ClientOptions(connectTimeout: limit, followRedirects: false, userAgent: "Spoke/\(agentVersion)"), on: Network())
      let response = try await client.send(HTTPRequest("GET", url), timeout: limit, bodyLimit: 4096, truncating: true)
      await client.close()
      return judge(response)
    } catch {
      printError(
        """
        Error: the agent does not answer: \(error)
          it is asked over plain HTTP where "agent run" was told to listen, with the same --server.http.listen-addr
        """)
      return 1
    }
  }

  private func judge(_ response: HTTPResponse) -> Int32 {
    let text = String(decoding: response.body, as: UTF8.self).prefix { $0 != "\n" }
    switch response.status {
    case 200:
      print(text)
      return 0
    case 401:
      printError(
        """
        Error: \(address) wants a password for /-/ready
          leave that path out in the auth.filter block of the http block: paths = ["/metrics", "/-/reload"]
        """)
    default: printError("Error: \(address) answers \(response.status): \(text)")
    }
    return 1
  }
}
