// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import NodeMetrics

@Suite struct OSCollectorTests {
  @Test func `os-release is told, and read again when it changes`() throws {
    let fake = try FakeHost([
      "root/etc/os-release": """
      # A comment
      NAME="Example OS"
      ID=example
      ID_LIKE='debian other'
      VERSION_ID="20.04.3"
      PRETTY_NAME="A \\"quoted\\" \\n \\$name"

      SUPPORT_END=2028-02-29
      """
    ])
    var collector = OSCollector(host: fake.host)
    let first = try fake.collect(&collector)
    #expect(
      first == [
        #"node_os_info{id="example",id_like="debian other",name="Example OS",pretty_name="A \"quoted\" \\n $name",version_id="20.04.3"}"#:
          1,
        #"node_os_version{id="example",id_like="debian other",name="Example OS"}"#: 20.04,
        "node_os_support_end_timestamp_seconds": 1_835_395_200,
      ])
    #expect(try fake.collect(&collector) == first)
    try fake.write("root/etc/os-release", "ID=other\nVERSION_ID=rolling\n")
    #expect(try fake.collect(&collector) == [#"node_os_info{id="other",version_id="rolling"}"#: 1])
  }

  @Test func `the vendor's file serves where there is none in etc`() throws {
    let fake = try FakeHost(["root/usr/lib/os-release": "ID=a\n"])
    var collector = OSCollector(host: fake.host)
    #expect(try fake.collect(&collector) == [#"node_os_info{id="a"}"#: 1])
    try fake.write("root/etc/os-release", "ID=b\n")
    #expect(try fake.collect(&collector) == [#"node_os_info{id="b"}"#: 1])
  }

  @Test func `none at all is no data`() throws {
    let fake = try FakeHost()
    var collector = OSCollector(host: fake.host)
    #expect(throws: CollectorError.noData("os-release")) { try fake.collect(&collector) }
  }

  @Test(arguments: ["ID", "=x", "ID=\"a", "ID='a", "ID=a b", "ID=a\\"])
  func `a line of another form fails`(line: String) throws {
    let fake = try FakeHost(["root/etc/os-release": "NAME=x\n\(line)\n"])
    var collector = OSCollector(host: fake.host)
    #expect(throws: CollectorError.unexpectedContent(fake.directory.path("root/etc/os-release"))) {
      try fake.collect(&collector)
    }
  }

  @Test(arguments: [
    ("12", 12), ("20.04", 20.04), ("20.04.1", 20.04), ("3.", 3), ("rolling", 0), ("", 0), (".5", 0), ("007", 7),
  ])
  func `a version is the number its text begins with`(text: String, expected: Double) {
    #expect(leadingNumber(text) == expected)
  }

  @Test(
    arguments: [
      ("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2024-03-01", 1_709_251_200), ("2038-01-19", 2_147_472_000),
      ("1969-12-31", -86400), ("2024-13-01", nil), ("2024-1-01", nil), ("soon", nil), ("2024-01-00", nil),
    ] as [(String, Double?)])
  func `a day begins at midnight UTC`(date: String, expected: Double?) {
    #expect(secondsSince1970(date: date) == expected)
  }
}
