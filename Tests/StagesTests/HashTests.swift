// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Stages

/// Expectations are those of the standards, and of OpenSSL.
@Suite struct HashTests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (String(repeating: "a", count: 1_000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
  ])
  func `SHA-256 is that of FIPS 180-4`(_ text: String, _ digest: String) {
    #expect(String(decoding: hexadecimal(sha256(Array(text.utf8))), as: UTF8.self) == digest)
  }

  @Test(arguments: [
    ("", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
    ("abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    (String(repeating: "a", count: 135), "8094bb53c44cfb1e67b7c30447f9a1c33696d2463ecc1d9c92538913392843c9"),
    (String(repeating: "a", count: 136), "3fc5559f14db8e453a0a3091edbd2bc25e11528d81c66fa570a4efdcc2695ee1"),
    (String(repeating: "a", count: 1_000), "8f3934e6f7a15698fe0f396b95d8c4440929a8fa6eae140171c068b4549fbf81"),
  ])
  func `SHA3-256 is that of FIPS 202`(_ text: String, _ digest: String) {
    #expect(String(decoding: hexadecimal(sha3_256(Array(text.utf8))), as: UTF8.self) == digest)
  }
}
