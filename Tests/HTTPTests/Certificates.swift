// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport

/// Certificates made for one test run: two authorities, and what the first has signed.
final class Certificates: Sendable {
  private let directory: TemporaryDirectory

  init() async throws {
    let directory = try TemporaryDirectory()
    self.directory = directory
    let script = """
      set -e; cd '\(directory.path)'
      key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
      authority() { key $1; openssl req -x509 -new -key $1.key -subj "/CN=$1" -days 30 -out $1.pem; }
      signed() {
        key $1; openssl req -new -key $1.key -subj "/CN=$1" -out $1.csr
        printf "subjectAltName=$2\\n" > $1.ext
        openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $3 -extfile $1.ext -out $1.pem
      }
      authority ca; authority other
      signed server 'DNS:localhost,IP:127.0.0.1' 30
      signed stranger 'DNS:elsewhere.example' 30
      signed expired 'DNS:localhost,IP:127.0.0.1' -1
      signed client 'DNS:client' 30
      """
    let path = directory.path("make.sh")
    try replaceFile(path, with: Array(script.utf8).span)
    let status = try await blocking { system("sh '\(path)' > '\(path).log' 2>&1") }
    guard status == 0 else {
      print(String(decoding: try readFile("\(path).log"), as: UTF8.self))
      throw SystemError("openssl", path, errno: 0)
    }
  }

  /// The path of `name`: `ca.pem`, `server.key`.
  func callAsFunction(_ name: String) -> String { directory.path(name) }
}
