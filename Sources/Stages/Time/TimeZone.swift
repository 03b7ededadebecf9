// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The clock of a place through the years, from the system's time zone database.
public final class TimeZone: Sendable {
  /// How a clock goes for a while.
  struct Offset: Sendable, Equatable {
    /// Seconds east of UTC.
    var seconds: Int
    var isDaylightSaving: Bool
    /// Such as `CET`.
    var abbreviation: [UInt8]
  }

  /// What holds from one moment to another, in seconds since 1970.
  struct Span {
    var offset: Offset
    var range: Range<Int64>
  }

  /// UTC.
  public static let utc = TimeZone(
    offsets: [Offset(seconds: 0, isDaylightSaving: false, abbreviation: Array("UTC".utf8))], transitions: [], rule: nil)

  let offsets: [Offset]
  let transitions: [(at: Int64, offset: Int)]
  let rule: ZoneRule?

  init(offsets: [Offset], transitions: [(at: Int64, offset: Int)], rule: ZoneRule?) {
    self.offsets = offsets
    self.transitions = transitions
    self.rule = rule
  }

  /// The zone called `name`, such as `Europe/Berlin`.
  ///
  /// - Throws: ``TimeZoneError`` when there is none, or none of the shape we know.
  public static func named(_ name: String, in directory: String = "/usr/share/zoneinfo") throws(TimeZoneError)
    -> TimeZone
  {
    if name.isEmpty || name == "UTC" { return .utc }
    if name == "Local" { return local }
    let isName = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "/_+-".utf8.contains(byte)
      }
    }
    guard isName, !name.hasPrefix("/"), !name.hasSuffix("/"), name.utf8.count < 256 else {
      throw TimeZoneError(name: name, reason: "unknown time zone")
    }
    return try read("\(directory)/\(name)", name: name)
  }

  /// The machine's zone: that of `TZ`, else `/etc/localtime`, else UTC.
  static let local: TimeZone = {
    if let name = environmentVariable("TZ") {
      let plain = name.hasPrefix(":") ? String(name.dropFirst()) : name
      return (try? named(plain)) ?? .utc
    }
    return (try? read("/etc/localtime", name: "Local")) ?? .utc
  }()

  private static func read(_ path: String, name: String) throws(TimeZoneError) -> TimeZone {
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try readFile(path, limit: 256 << 10) } catch {
      throw TimeZoneError(name: name, reason: "unknown time zone (\(error))")
    }
    guard let zone = parseZoneFile(bytes) else {
      throw TimeZoneError(name: name, reason: "\(path) is no time zone file")
    }
    return zone
  }

  /// What holds at a moment.
  func lookup(_ seconds: Int64) -> Span {
    guard let first = transitions.first else { return ruled(seconds, after: .min, otherwise: offsets[0]) }
    // The first offset of a file is the one that holds before all transitions.
    if seconds < first.at { return Span(offset: offsets[0], range: .min..<first.at) }
    var (low, high) = (0, transitions.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if transitions[middle].at <= seconds { low = middle } else { high = middle }
    }
    let offset = offsets[transitions[low].offset]
    guard low + 1 < transitions.count else { return ruled(seconds, after: transitions[low].at, otherwise: offset) }
    return Span(offset: offset, range: transitions[low].at..<transitions[low + 1].at)
  }

  private func ruled(_ seconds: Int64, after start: Int64, otherwise offset: Offset) -> Span {
    guard let rule else { return Span(offset: offset, range: start..<Int64.max) }
    var span = rule.lookup(seconds)
    if span.range.lowerBound < start { span.range = start..<span.range.upperBound }
    return span
  }

  /// The moment at which the clock here shows `civil`. In the hour that comes twice, or never, Go's choice.
  func seconds(of civil: CivilTime) -> Int64 {
    let shown = civil.seconds
    let guess = lookup(shown)
    var offset = guess.offset.seconds
    if offset != 0 {
      let moment = shown - Int64(offset)
      if !guess.range.contains(moment) { offset = lookup(moment).offset.seconds }
    }
    return shown - Int64(offset)
  }

  /// How far east of UTC `abbreviation` means here, at a time the clock shows as `shown`; nil when nobody here says so.
  func offset(named abbreviation: some Collection<UInt8>, shown: Int64) -> Int? {
    var known = offsets
    if let rule { known += rule.offsets }
    let named = known.filter { $0.abbreviation.elementsEqual(abbreviation) }
    let inEffect = named.first { lookup(shown - Int64($0.seconds)).offset.abbreviation.elementsEqual(abbreviation) }
    return (inEffect ?? named.first)?.seconds
  }
}

/// A time zone that is not there.
public struct TimeZoneError: Error, Equatable, CustomStringConvertible {
  /// As it was asked for.
  public var name: String
  /// What went wrong.
  public var reason: String

  /// One line for the operator.
  public var description: String { "\"\(name)\": \(reason)" }
}
