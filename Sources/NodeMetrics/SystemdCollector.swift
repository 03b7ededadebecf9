// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import RE2
public import Telemetry

/// `node_systemd_*`: the state of systemd and its units, over D-Bus.
///
/// One connection is kept; a scrape sends one question for the states of all units and, all at once, one for each number
/// that is wanted of a unit. What does not change until systemd reloads its units is asked once.
public struct SystemdCollector: Collector {
  /// `systemd`.
  public static let name = "systemd"

  private let options: NodeOptions.Systemd
  private var connection: BusConnection?
  private var units: SystemdUnits
  private var manager = SystemdManager()

  private static let patience: Int64 = 5_000_000_000

  init(options: NodeOptions.Systemd) {
    self.options = options
    units = SystemdUnits(options: options)
  }

  /// Appends what systemd says; when it stops answering half way, what it has said.
  public mutating func collect(into batch: inout SeriesBatch, from host: Host) throws {
    let limit = limit(host)
    do {
      try askForStates(until: limit)
    } catch {
      // The bus, or systemd, may have been restarted since the last scrape: once more on a new connection.
      let wasOld = connection != nil
      connection = nil
      guard wasOld, monotonicNanoseconds() < limit else { throw error }
      try askForStates(until: limit)
    }
    var failure: (any Error)?
    do { try askForDetails(until: limit) } catch {
      connection = nil
      failure = error
    }
    manager.append(to: &batch)
    units.append(to: &batch)
    if let failure { throw failure }
  }

  /// A tenth of what is left of the scrape is kept for the collectors that follow.
  private func limit(_ host: Host) -> Int64 {
    let now = monotonicNanoseconds()
    let left = max(0, host.deadline.subtractingReportingOverflow(now).partialValue)
    return now + min(Self.patience, left / 10 * 9)
  }

  private mutating func askForStates(until limit: Int64) throws {
    let bus = try connect()
    let listUnits = BusConnection.Call(
      path: SystemdManager.path, interface: SystemdManager.interface, member: "ListUnits")
    let calls = [listUnits] + SystemdManager.changing
    var listed = false
    var loaded: UInt64?
    try bus.ask(calls, until: limit) { index, answer in
      switch index {
      case 0: listed = units.update(answer)
      case 1: manager.isRunning = answer.propertyText() == "running"
      default: loaded = answer.propertyNumber()
      }
    }
    guard listed else { throw CollectorError.failed("systemd does not list its units") }
    if manager.unitsLoaded(at: loaded) { units.forgetTypes() }
  }

  private mutating func askForDetails(until limit: Int64) throws {
    let bus = try connect()
    if !manager.isKnown {
      try bus.ask(SystemdManager.lasting, until: limit) { manager.update($0, $1) }
      manager.isKnown = true
    }
    let questions = units.questions()
    try bus.ask(questions.map(\.call), until: limit) { index, answer in units.update(questions[index], answer) }
  }

  private mutating func connect() throws -> BusConnection {
    if let connection { return connection }
    manager.isKnown = false
    let made = try makeConnection()
    connection = made
    return made
  }

  /// The system bus; where there is none, systemd's own socket, which only root may use.
  private func makeConnection() throws -> BusConnection {
    if let address = options.busAddress { return try BusConnection(address: address) }
    let address = environmentVariable("DBUS_SYSTEM_BUS_ADDRESS") ?? "unix:path=/run/dbus/system_bus_socket"
    do { return try BusConnection(address: address) } catch {
      guard let direct = try? BusConnection(address: "unix:path=/run/systemd/private", direct: true) else {
        throw error
      }
      return direct
    }
  }
}

/// What systemd says of itself.
private struct SystemdManager {
  static let path = "/org/freedesktop/systemd1"
  static let interface: StaticString = "org.freedesktop.systemd1.Manager"
  /// Asked each time: whether all is well, and when units were last loaded.
  static let changing = [
    BusConnection.Call.get("SystemState", of: interface, at: path),
    BusConnection.Call.get("UnitsLoadTimestampMonotonic", of: interface, at: path),
  ]
  /// Asked once until systemd loads its units again.
  static let lasting = [
    BusConnection.Call.get("Version", of: interface, at: path),
    BusConnection.Call.get("Virtualization", of: interface, at: path),
  ]

  var isRunning = false
  var isKnown = false
  private var version = ""
  private var virtualization = "unknown"
  private var loadedAt: UInt64?

  /// Takes the moment units were last loaded; whether that changed, or is not told and may have.
  mutating func unitsLoaded(at moment: UInt64?) -> Bool {
    defer { loadedAt = moment }
    guard moment == nil || moment != loadedAt else { return false }
    isKnown = false
    return true
  }

  mutating func update(_ index: Int, _ answer: BusMessage) {
    if index == 0 {
      version = answer.propertyText() ?? ""
    } else {
      let text = answer.propertyText()
      virtualization = text.map { $0.isEmpty ? "none" : $0 } ?? "unknown"
    }
  }

  func append(to batch: inout SeriesBatch) {
    batch.family("node_systemd_version", .gauge, help: "systemd's version as far as it is a number.")
    batch.append("version", version, value: versionNumber(version))
    batch.family("node_systemd_virtualization_info", .gauge, help: "Always 1; what systemd thinks it runs on.")
    batch.append("virtualization_type", virtualization, value: 1)
    batch.family("node_systemd_system_running", .gauge, help: "1 when the system is up and no unit has failed.")
    batch.append(isRunning ? 1 : 0)
  }
}

/// The first number of three digits or more, with a fraction: 252.39 of `252.39-1~deb12u1`; 0 where there is none.
func versionNumber(_ text: String) -> Double {
  let bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    let end = bytes[start...].firstIndex { $0 &- 0x30 >= 10 } ?? bytes.endIndex
    if end - start >= 3 { return leadingNumber(String(decoding: bytes[start...], as: UTF8.self)) }
    start = end + 1
  }
  return 0
}
