// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Linux
import TestSupport
import Testing

@Suite struct GunzipTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func gzipped(_ command: String) async throws -> [UInt8] {
    let path = directory.path("data.gz")
    #expect(try await blocking { system("( \(command) ) > '\(path)'") } == 0)
    return try readFile(path)
  }

  @Test func `what was compressed comes back`() async throws {
    let data = try await gzipped("seq 1 100000 | gzip")
    let (bytes, truncated) = try gunzip(data, limit: 1 << 20)
    #expect(String(decoding: bytes.suffix(13), as: UTF8.self) == "99999\n100000\n")
    #expect(bytes.count == 588_895)
    #expect(!truncated)
  }

  @Test func `members written one after the other are one text`() async throws {
    let data = try await gzipped("printf one | gzip; printf two | gzip")
    #expect(String(decoding: try gunzip(data, limit: 100).bytes, as: UTF8.self) == "onetwo")
  }

  @Test func `a bomb is cut at the limit`() async throws {
    let data = try await gzipped("head -c 200000000 /dev/zero | gzip -1")
    let (bytes, truncated) = try gunzip(data, limit: 100_000)
    #expect(bytes.count == 100_000)
    #expect(truncated)
  }

  @Test func `a text that just fits is whole`() async throws {
    let data = try await gzipped("printf 12345 | gzip")
    #expect(try gunzip(data, limit: 5) == (Array("12345".utf8), false))
    #expect(try gunzip(data, limit: 4) == (Array("1234".utf8), true))
    #expect(try gunzip(data, limit: 0) == ([], true))
  }

  @Test func `torn and damaged data is refused`() async throws {
    var data = try await gzipped("seq 1 1000 | gzip")
    let error = #expect(throws: GunzipError.self) { try gunzip(Array(data.dropLast(4)), limit: 1 << 20) }
    #expect(error?.reason == "gzip data ends too early")
    data[data.count / 2] ^= 0x55
    #expect(throws: GunzipError.self) { try gunzip(data, limit: 1 << 20) }
    #expect(throws: GunzipError.self) { try gunzip(Array("plain text".utf8), limit: 1 << 20) }
    #expect(throws: GunzipError.self) { try gunzip([], limit: 1 << 20) }
  }
}
