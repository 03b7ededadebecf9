// SPDX-License-Identifier: Apache-2.0

/// A value in a template; text is bytes, for lines need not be UTF-8.
enum TemplateValue: Sendable {
  /// A key that is not there, or JSON's null.
  case missing
  case string([UInt8])
  case int(Int)
  case float(Double)
  case bool(Bool)
  case list([TemplateValue])
  /// Sorted by key.
  case map([(key: [UInt8], value: TemplateValue)])
  /// Nanoseconds since 1970, and whose clock shows it.
  case time(Int64, TimeZone)

  static func string(_ text: String) -> TemplateValue { .string(Array(text.utf8)) }

  /// Whether `if` takes it for true: what is not zero and not empty.
  var isTrue: Bool {
    switch self {
    case .missing: false
    case .string(let bytes): !bytes.isEmpty
    case .int(let number): number != 0
    case .float(let number): number != 0
    case .bool(let bool): bool
    case .list(let values): !values.isEmpty
    case .map(let pairs): !pairs.isEmpty
    case .time: true
    }
  }

  /// What Go would call it.
  var typeName: String {
    switch self {
    case .missing: "nil"
    case .string: "string"
    case .int: "int"
    case .float: "float64"
    case .bool: "bool"
    case .list: "list"
    case .map: "map"
    case .time: "time"
    }
  }

  /// Its text, as `print` shows it.
  var text: [UInt8] {
    var output: [UInt8] = []
    append(to: &output)
    return output
  }

  /// Appends its text, as `%v` of Go's fmt has it.
  func append(to output: inout [UInt8]) {
    switch self {
    case .missing: output.append(contentsOf: "<nil>".utf8)
    case .string(let bytes): output.append(contentsOf: bytes)
    case .int(let number): output.append(contentsOf: String(number).utf8)
    case .float(let number): appendGeneralDecimal(number, to: &output)
    case .bool(let bool): output.append(contentsOf: (bool ? "true" : "false").utf8)
    case .list(let values):
      output.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { output.append(0x20) }
        value.append(to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .map(let pairs):
      output.append(contentsOf: "map[".utf8)
      for (index, pair) in pairs.enumerated() {
        if index > 0 { output.append(0x20) }
        output.append(contentsOf: pair.key)
        output.append(UInt8(ascii: ":"))
        pair.value.append(to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .time(let moment, let zone):
      TimeLayout("2006-01-02 15:04:05.999999999 -0700 MST").append(moment, zone, to: &output)
    }
  }

  /// The value under `key`.
  func member(_ key: [UInt8]) -> TemplateValue? {
    guard case .map(let pairs) = self else { return nil }
    return pairs.first { $0.key == key }?.value
  }

  /// Roughly what it takes in memory.
  var size: Int {
    switch self {
    case .string(let bytes): bytes.count
    case .list(let values): values.reduce(0) { $0 + 16 + $1.size }
    case .map(let pairs): pairs.reduce(0) { $0 + 32 + $1.key.count + $1.value.size }
    default: 0
    }
  }

  // MARK: JSON

  /// What JSON text means: numbers are floats.
  init(json value: JSONScanner.Value, in text: Span<UInt8>) {
    var content: [UInt8] = []
    switch value.kind {
    case .null: self = .missing
    case .bool: self = .bool(text[value.range.lowerBound] == UInt8(ascii: "t"))
    case .number: self = .float(jsonNumber(text, value.range))
    case .string:
      _ = appendUnescaped(text, stringContent(value.range), to: &content)
      self = .string(content)
    case .array:
      var values: [TemplateValue] = []
      var elements = JSONMembers(of: value)
      while let element = elements.next(text) { values.append(TemplateValue(json: element.value, in: text)) }
      self = .list(values)
    case .object:
      var values: [[UInt8]: TemplateValue] = [:]
      var members = JSONMembers(of: value)
      while let member = members.next(text) {
        content.removeAll()
        _ = appendUnescaped(text, member.key, to: &content)
        values[content] = TemplateValue(json: member.value, in: text)
      }
      self = .map(values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { (key: $0.key, value: $0.value) })
    }
  }

  /// Appends it as JSON.
  func appendJSON(to output: inout [UInt8]) {
    switch self {
    case .missing: output.append(contentsOf: "null".utf8)
    case .string(let bytes): appendQuoted(bytes, to: &output)
    case .float(let number): appendJSONNumber(number, to: &output)
    case .int, .bool: append(to: &output)
    case .time(let moment, let zone):
      output.append(UInt8(ascii: "\""))
      TimeLayout("2006-01-02T15:04:05.999999999Z07:00").append(moment, zone, to: &output)
      output.append(UInt8(ascii: "\""))
    case .list(let values):
      output.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        value.appendJSON(to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .map(let pairs):
      output.append(UInt8(ascii: "{"))
      for (index, pair) in pairs.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        appendQuoted(pair.key, to: &output)
        output.append(UInt8(ascii: ":"))
        pair.value.appendJSON(to: &output)
      }
      output.append(UInt8(ascii: "}"))
    }
  }
}
