// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import RE2
public import Telemetry

/// `node_vmstat_*`: chosen fields of `/proc/vmstat`.
public struct VMStatCollector: Collector {
  /// `vmstat`.
  public static let name = "vmstat"

  private let fields: Pattern?
  private var family: [UInt8] = []  // the family's name, put together here

  init(options: NodeOptions.VMStat) { fields = options.fields }

  /// Appends every field whose name is wanted.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    try host.withProcFile("vmstat") { try append($0, to: &batch) }
  }

  /// Appends lines `name number`.
  mutating func append(_ bytes: Span<UInt8>, to batch: inout SeriesBatch) throws {
    let help: StaticString = "The field of /proc/vmstat that the name ends in."
    var offset = 0
    while let line = nextLine(bytes, at: &offset) {
      var place = line.lowerBound
      guard let name = nextField(bytes, at: &place, before: line.upperBound),
        let number = nextField(bytes, at: &place, before: line.upperBound).flatMap({ parseDecimal(bytes, $0) })
      else { throw CollectorError.unexpectedContent("vmstat") }
      if let fields, !fields.matches(bytes.extracting(name)) { continue }
      family.removeAll(keepingCapacity: true)
      family.append(contentsOf: "node_vmstat_".utf8)
      for index in name { family.append(bytes[index]) }
      help.withUTF8Buffer { batch.family(family.span, .unknown, help: unsafe $0.span) }
      batch.append(number)
    }
  }
}
