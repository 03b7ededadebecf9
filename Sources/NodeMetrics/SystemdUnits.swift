// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
internal import RE2
internal import Telemetry

/// The units systemd listed last, and what was asked of those that are wanted.
struct SystemdUnits {
  /// What a unit is asked for.
  enum Property {
    case type, restarts, startTime, tasksCurrent, tasksMax, lastTrigger, accepted, connections, refused
  }

  /// A question to systemd about one unit.
  struct Question {
    var unit: Int
    var property: Property
    var call: BusConnection.Call
  }

  private struct Unit {
    let name: String
    let path: String
    let wanted: Bool
    var selected = false  // wanted and loaded
    var state = 5  // index into `states`; 5 for one that is not there
    var type: String?  // kept until systemd loads its units again
    var numbers: [Property: UInt64] = [:]
  }

  private let options: NodeOptions.Systemd
  private var units: [Unit] = []
  private var counts = [0, 0, 0, 0, 0]
  private var otherCounts: [String: Int] = [:]

  private static let states: [StaticString] = ["active", "activating", "deactivating", "inactive", "failed"]
  /// More units than any host has; beyond, they are counted but not exported one by one.
  private static let most = 50_000

  init(options: NodeOptions.Systemd) { self.options = options }

  /// Takes the answer to `ListUnits`; false when it is none.
  mutating func update(_ answer: BusMessage) -> Bool {
    let old = units
    var known: [String: Int]?  // made when the order is not that of the last time
    units.removeAll(keepingCapacity: true)
    counts = [0, 0, 0, 0, 0]
    otherCounts.removeAll(keepingCapacity: true)
    return answer.forEachUnit { entry in
      let state = count(entry)
      guard units.count < Self.most else { return }
      var place = units.count
      if unsafe place >= old.count || !isCalled(old[place].name, entry.name) {
        let index = known ?? Dictionary(old.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        known = index
        place = unsafe index[String(cString: entry.name)] ?? -1
      }
      var unit = unsafe place >= 0 ? old[place] : newUnit(String(cString: entry.name), String(cString: entry.path))
      unit.state = state
      unit.selected = unsafe unit.wanted && isCalled("loaded", entry.load)
      units.append(unit)
    }
  }

  private func newUnit(_ name: String, _ path: String) -> Unit {
    let wanted = (options.unitInclude?.matches(name) ?? true) && !(options.unitExclude?.matches(name) ?? false)
    return Unit(name: name, path: path, wanted: wanted)
  }

  private mutating func count(_ entry: BusMessage.Unit) -> Int {
    let state = Self.states.firstIndex { unsafe strcmp($0.utf8Start, entry.active) == 0 }
    if let state {
      counts[state] += 1
    } else if otherCounts.count < 64 {
      unsafe otherCounts[String(cString: entry.active), default: 0] += 1
    }
    return state ?? 5
  }

  private func isCalled(_ name: String, _ text: UnsafePointer<CChar>) -> Bool { unsafe strcmp(name, text) == 0 }

  /// Forgets what may have changed with the units' files.
  mutating func forgetTypes() {
    for index in units.indices { units[index].type = nil }
  }

  // MARK: Asking

  /// What is to be asked now.
  mutating func questions() -> [Question] {
    var questions: [Question] = []
    for index in units.indices where units[index].selected {
      units[index].numbers.removeAll(keepingCapacity: true)
      let unit = units[index]
      func ask(_ property: Property, _ name: StaticString, _ interface: StaticString) {
        let call = BusConnection.Call.get(name, of: interface, at: unit.path)
        questions.append(Question(unit: index, property: property, call: call))
      }
      if unit.name.hasSuffix(".service") {
        let interface: StaticString = "org.freedesktop.systemd1.Service"
        if unit.type == nil { ask(.type, "Type", interface) }
        if options.enableRestarts { ask(.restarts, "NRestarts", interface) }
        if options.taskMetrics {
          ask(.tasksCurrent, "TasksCurrent", interface)
          ask(.tasksMax, "TasksMax", interface)
        }
      } else if unit.name.hasSuffix(".mount") {
        if unit.type == nil { ask(.type, "Type", "org.freedesktop.systemd1.Mount") }
      } else if unit.name.hasSuffix(".timer") {
        ask(.lastTrigger, "LastTriggerUSec", "org.freedesktop.systemd1.Timer")
      } else if unit.name.hasSuffix(".socket") {
        ask(.accepted, "NAccepted", "org.freedesktop.systemd1.Socket")
        ask(.connections, "NConnections", "org.freedesktop.systemd1.Socket")
        ask(.refused, "NRefused", "org.freedesktop.systemd1.Socket")
      }
      if options.startTime, unit.state == 0 {
        ask(.startTime, "ActiveEnterTimestamp", "org.freedesktop.systemd1.Unit")
      }
    }
    return questions
  }

  /// Takes an answer; an error, as of a unit that is gone meanwhile, is no answer.
  mutating func update(_ question: Question, _ answer: BusMessage) {
    if question.property == .type {
      units[question.unit].type = answer.propertyText()
    } else {
      units[question.unit].numbers[question.property] = answer.propertyNumber()
    }
  }

  // MARK: Exporting

  func append(to batch: inout SeriesBatch) {
    appendCounts(to: &batch)
    batch.family("node_systemd_unit_state", .gauge, help: "1 for the state a unit is in, 0 for the others.")
    for unit in units where unit.selected {
      for state in 0..<5 {
        batch.label("name", unit.name)
        batch.label("state", Self.states[state])
        batch.label("type", unit.type ?? "")
        batch.append(unit.state == state ? 1 : 0)
      }
    }
    if options.enableRestarts {
      batch.family("node_systemd_service_restart_total", .counter, help: "Times systemd restarted a service.")
      append(.restarts, to: &batch)
    }
    if options.startTime {
      batch.family("node_systemd_unit_start_time_seconds", .gauge, help: "When a unit became active; 0 if it is not.")
      appendStartTimes(to: &batch)
    }
    if options.taskMetrics {
      batch.family("node_systemd_unit_tasks_current", .gauge, help: "Tasks a service has.")
      append(.tasksCurrent, to: &batch)
      batch.family("node_systemd_unit_tasks_max", .gauge, help: "Tasks a service may have.")
      append(.tasksMax, to: &batch)
    }
    batch.family("node_systemd_timer_last_trigger_seconds", .gauge, help: "When a timer last went off.")
    append(.lastTrigger, factor: 1e6, to: &batch)
    batch.family("node_systemd_socket_accepted_connections_total", .counter, help: "Connections a socket accepted.")
    append(.accepted, to: &batch)
    batch.family("node_systemd_socket_current_connections", .gauge, help: "Connections a socket has.")
    append(.connections, to: &batch)
    batch.family("node_systemd_socket_refused_connections_total", .gauge, help: "Connections a socket refused.")
    append(.refused, to: &batch)
  }

  private func appendCounts(to batch: inout SeriesBatch) {
    batch.family("node_systemd_units", .gauge, help: "Units in a state, those that are not exported included.")
    for (state, count) in zip(Self.states, counts) {
      batch.label("state", state)
      batch.append(Double(count))
    }
    for (state, count) in otherCounts { batch.append("state", state, value: Double(count)) }
  }

  /// Appends the property of all units that have it; 2^64-1 is systemd's word for none.
  private func append(_ property: Property, factor: Double = 1, to batch: inout SeriesBatch) {
    for unit in units where unit.selected {
      guard let number = unit.numbers[property], number != .max else { continue }
      batch.append("name", unit.name, value: Double(number) / factor)
    }
  }

  private func appendStartTimes(to batch: inout SeriesBatch) {
    for unit in units where unit.selected {
      guard unit.state != 0 || unit.numbers[.startTime] != nil else { continue }
      batch.append("name", unit.name, value: Double(unit.numbers[.startTime] ?? 0) / 1e6)
    }
  }
}
