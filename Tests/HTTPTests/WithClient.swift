// SPDX-License-Identifier: Apache-2.0

import HTTP

/// What `body` makes of a client, which is closed afterwards.
func withClient<Value: Sendable>(
  _ options: ClientOptions, on network: Network, _ body: (HTTPClient) async throws -> Value
) async throws -> Value {
  let client = try HTTPClient(options, on: network)
  do {
    let value = try await body(client)
    await client.close()
    return value
  } catch {
    await client.close()
    throw error
  }
}
