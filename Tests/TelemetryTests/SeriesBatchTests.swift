// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@Suite struct SeriesBatchTests {
  @Test func `labels are sorted by name in byte order, whatever order they came in`() {
    var batch = SeriesBatch()
    batch.family("node_cpu_seconds_total", .counter, help: "Seconds per mode.")
    batch.label("mode", "idle")
    batch.label("cpu", "0")
    batch.label("Zone", "a")
    batch.append(1.5)
    #expect(batch.labels(at: 0).labels.map(\.name) == ["Zone", "__name__", "cpu", "mode"])
    #expect(
      batch.labels(at: 0)
        == LabelSet([
          Label("__name__", "node_cpu_seconds_total"), Label("cpu", "0"), Label("mode", "idle"), Label("Zone", "a"),
        ]))
    #expect(batch.rows[0].valueBits == 1.5.bitPattern)
  }

  @Test func `an empty value is no label, and the later of two alike counts`() {
    var batch = SeriesBatch()
    batch.family("x", .gauge, help: "")
    batch.label("a", "1")
    batch.label("b", "")
    batch.label("a", "2")
    batch.append(0)
    #expect(batch.labels(at: 0).description == "x{a=\"2\"}")
  }

  @Test func `families know their rows`() {
    var batch = SeriesBatch()
    batch.family("one", .gauge, help: "First.")
    batch.append(1)
    batch.append("device", "vda", value: 2)
    batch.family(MetricFamily(name: "two", type: .counter, help: "Second.", unit: "seconds"))
    batch.append(3, suffix: "_total")
    #expect(batch.families.map(\.rows) == [0..<2, 2..<3])
    #expect(
      batch.familyDescription(at: 1) == MetricFamily(name: "two", type: .counter, help: "Second.", unit: "seconds"))
    #expect(batch.labels(at: 2)["__name__"] == "two_total")
  }

  @Test func `what a failed source wrote can be taken back`() {
    var batch = SeriesBatch()
    batch.family("one", .gauge, help: "")
    batch.append(1)
    let before = batch.count
    batch.append("a", "b", value: 2)
    batch.family("two", .gauge, help: "")
    batch.append(3)
    batch.truncate(toRows: before)
    #expect(batch.count == 1)
    #expect(batch.families.count == 1 && batch.families[0].rows == 0..<1)
    batch.append(4)
    #expect(batch.labels(at: 1).description == "one{}")
  }

  @Test func `labels longer than a varint byte survive packing`() {
    let long = String(repeating: "v", count: 300)
    #expect(LabelSet(["name": long])["name"] == long)
  }
}
