// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Telemetry

/// `node_network_*_total` from `/proc/net/dev`, and the devices' addresses.
public struct NetDevCollector: Collector {
  /// `netdev`.
  public static let name = "netdev"

  private let filter: NameFilter
  private let addressInfo: Bool
  private var devices = NetDevices()

  init(options: NodeOptions.NetDev) {
    filter = NameFilter(include: options.deviceInclude, exclude: options.deviceExclude)
    addressInfo = options.addressInfo
  }

  /// Appends sixteen counters for each device that is wanted.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    let complete = try host.withProcFile("net/dev") { devices.read($0, wanted: filter) }
    devices.append(to: &batch)
    if addressInfo { try appendAddresses(wanted: filter, to: &batch) }
    guard complete else { throw CollectorError.unexpectedContent("net/dev") }
  }
}

/// The lines of `/proc/net/dev`.
struct NetDevices {
  private var names: [UInt8] = []
  private var rows: [(name: Range<Int>, columns: InlineArray<16, UInt64>)] = []

  /// Takes the lines `name: 16 numbers` that follow two of headings; false when one was of another form.
  mutating func read(_ bytes: Span<UInt8>, wanted filter: NameFilter) -> Bool {
    names.removeAll(keepingCapacity: true)
    rows.removeAll(keepingCapacity: true)
    var offset = 0
    guard nextLine(bytes, at: &offset) != nil, nextLine(bytes, at: &offset) != nil else { return false }
    var complete = true
    while let line = nextLine(bytes, at: &offset) {
      guard let (name, columns) = parse(bytes, line) else {
        complete = false
        continue
      }
      guard filter.wants(bytes.extracting(name)) else { continue }
      let start = names.count
      for index in name { names.append(bytes[index]) }
      rows.append((start..<names.count, columns))
    }
    return complete
  }

  /// The name ends at the last colon of the line, because names may contain one.
  private func parse(_ bytes: Span<UInt8>, _ line: Range<Int>) -> (Range<Int>, InlineArray<16, UInt64>)? {
    guard let colon = line.last(where: { bytes[$0] == 0x3a }) else { return nil }
    let name = trimmed(bytes, line.lowerBound..<colon)
    guard !name.isEmpty else { return nil }
    var columns = InlineArray<16, UInt64>(repeating: 0)
    var place = colon + 1
    for column in 0..<16 {
      guard let number = nextField(bytes, at: &place, before: line.upperBound).flatMap({ parseUnsigned(bytes, $0) })
      else { return nil }
      columns[column] = number
    }
    return (name, columns)
  }

  func append(to batch: inout SeriesBatch) {
    guard !rows.isEmpty else { return }
    for (column, family) in netDevFamilies.enumerated() {
      batch.family(family.name, .counter, help: family.help)
      for row in rows {
        batch.label("device", names.span.extracting(row.name))
        batch.append(Double(row.columns[column]))
      }
    }
  }
}

private let netDevFamilies: [(name: StaticString, help: StaticString)] = [
  ("node_network_receive_bytes_total", "Bytes a network device has received."),
  ("node_network_receive_packets_total", "Packets a network device has received."),
  ("node_network_receive_errs_total", "Packets received with errors."),
  ("node_network_receive_drop_total", "Packets received and thrown away."),
  ("node_network_receive_fifo_total", "Packets lost because the receive queue ran over."),
  ("node_network_receive_frame_total", "Packets received with a broken frame."),
  ("node_network_receive_compressed_total", "Compressed packets received."),
  ("node_network_receive_multicast_total", "Multicast packets received."),
  ("node_network_transmit_bytes_total", "Bytes a network device has sent."),
  ("node_network_transmit_packets_total", "Packets a network device has sent."),
  ("node_network_transmit_errs_total", "Packets that could not be sent for an error."),
  ("node_network_transmit_drop_total", "Packets thrown away instead of sent."),
  ("node_network_transmit_fifo_total", "Packets lost because the send queue ran over."),
  ("node_network_transmit_colls_total", "Collisions while sending."),
  ("node_network_transmit_carrier_total", "Packets not sent because the carrier was lost or the like."),
  ("node_network_transmit_compressed_total", "Compressed packets sent."),
]
