// SPDX-License-Identifier: Apache-2.0

extension ServerRequest {
  /// Whether the request names this user and password (RFC 7617). Takes the same time for every wrong password.
  public func hasBasicCredentials(username: String, password: String) -> Bool {
    let expected = Array(basicCredentials(username, password).utf8)
    let given = Array((headers["Authorization"] ?? "").utf8)
    var difference = UInt8(expected.count == given.count ? 0 : 1)
    for index in expected.indices { difference |= expected[index] ^ (index < given.count ? given[index] : 0) }
    return difference == 0
  }
}
