// SPDX-License-Identifier: Apache-2.0

internal import CYAML

/// The value of the first document in `text`, as YAML 1.2 with the merge keys and number forms of Go's decoder.
func parseYAML(_ text: String) throws(ConversionError) -> Value {
  let parser = YAMLEvents(Array(text.utf8))
  var reader = YAMLReader(events: parser)
  return try reader.readDocument()
}

private enum YAMLEvent {
  case stop
  case documentStart
  case alias(String)
  case scalar(text: String, anchor: String?, tag: String?, isPlain: Bool)
  case sequenceStart(anchor: String?)
  case mappingStart(anchor: String?)
  case end
}

/// libyaml's parser and the text it reads, both freed with this object.
@safe private final class YAMLEvents {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private let text: UnsafeMutableBufferPointer<UInt8>

  init(_ bytes: [UInt8]) {
    unsafe text = .allocate(capacity: max(1, bytes.count))
    unsafe _ = text.initialize(from: bytes)
    unsafe yaml_parser_initialize(parser)
    unsafe yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe text.deallocate()
  }

  func next() throws(ConversionError) -> YAMLEvent {
    while true {
      var event = unsafe yaml_event_t()
      guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
      defer { unsafe yaml_event_delete(&event) }
      switch unsafe event.type {
      case YAML_DOCUMENT_START_EVENT: return .documentStart
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return .stop
      case YAML_ALIAS_EVENT: return .alias(unsafe string(event.data.alias.anchor) ?? "")
      case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: unsafe string(event.data.sequence_start.anchor))
      case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: unsafe string(event.data.mapping_start.anchor))
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
      case YAML_SCALAR_EVENT:
        let scalar = unsafe event.data.scalar
        let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return .scalar(
          text: unsafe String(decoding: bytes, as: UTF8.self), anchor: unsafe string(scalar.anchor),
          tag: unsafe string(scalar.tag), isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE)
      default: continue
      }
    }
  }

  private func string(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    unsafe bytes.map { unsafe String(cString: $0) }
  }

  private func failure() -> ConversionError {
    let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "cannot be read"
    let mark = unsafe parser.pointee.problem_mark
    return ConversionError("invalid YAML at line \(mark.line + 1): \(problem)")
  }
}

/// Builds the value from events.
private struct YAMLReader {
  let events: YAMLEvents
  private var anchors: [String: (value: Value, size: Int)] = [:]
  private var depth = 0
  /// Nodes so far, those of aliases counted each time they are used.
  private var size = 0

  init(events: YAMLEvents) { self.events = events }

  /// More nodes than this can only be aliases of aliases meant to fill memory.
  private static let largest = 200_000

  mutating func readDocument() throws(ConversionError) -> Value {
    while true {
      switch try events.next() {
      case .stop: return .null
      case .documentStart: continue
      case let event: return try read(event)
      }
    }
  }

  private mutating func read(_ event: YAMLEvent) throws(ConversionError) -> Value {
    size += 1
    let sizeBefore = size
    let value: Value
    var name: String?
    switch event {
    case .scalar(let text, let anchor, let tag, let isPlain):
      name = anchor
      value = try scalar(text, tag, isPlain)
    case .sequenceStart(let anchor):
      name = anchor
      value = try readSequence()
    case .mappingStart(let anchor):
      name = anchor
      value = try readMapping()
    case .alias(let anchor):
      guard let known = anchors[anchor] else { throw ConversionError("unknown YAML anchor \(quoted(anchor))") }
      size += known.size
      value = known.value
    case .stop, .documentStart, .end: throw ConversionError("invalid YAML: a value is missing")
    }
    guard size <= Self.largest else { throw ConversionError("the YAML has more than \(Self.largest) values") }
    if let name { anchors[name] = (value, size - sizeBefore) }
    return value
  }

  private mutating func readSequence() throws(ConversionError) -> Value {
    try enter()
    defer { depth -= 1 }
    var elements: [Value] = []
    while true {
      let event = try events.next()
      if case .end = event { return .array(elements) }
      elements.append(try read(event))
    }
  }

  private mutating func readMapping() throws(ConversionError) -> Value {
    try enter()
    defer { depth -= 1 }
    var fields: [String: Value] = [:]
    var merged: [String: Value] = [:]
    while true {
      let event = try events.next()
      if case .end = event { return .object(fields.merging(merged) { own, _ in own }) }
      if case .scalar("<<", _, nil, true) = event {
        merged.merge(try mergedFields(read(events.next()))) { first, _ in first }
        continue
      }
      let key = try keyText(event)
      fields[key] = try read(events.next())
    }
  }

  private mutating func keyText(_ event: YAMLEvent) throws(ConversionError) -> String {
    if case .scalar(let text, nil, _, _) = event { return text }
    let key = try read(event)
    switch key {
    case .array, .object: throw ConversionError("a YAML key must be plain text")
    case .string(let text): return text
    default: return key.description
    }
  }

  private func mergedFields(_ value: Value) throws(ConversionError) -> [String: Value] {
    switch value {
    case .object(let fields): return fields
    case .array(let parts):
      var all: [String: Value] = [:]
      for part in parts { all.merge(try mergedFields(part)) { first, _ in first } }
      return all
    default: throw ConversionError("a YAML map merge requires a map or a list of maps")
    }
  }

  private mutating func enter() throws(ConversionError) {
    depth += 1
    guard depth <= nestingLimit else { throw ConversionError("the YAML nests more than \(nestingLimit) levels deep") }
  }
}

private func scalar(_ text: String, _ tag: String?, _ isPlain: Bool) throws(ConversionError) -> Value {
  let plain = resolved(text)
  switch tag {
  case nil: return isPlain ? plain : .string(text)
  case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null":
    if tag == "tag:yaml.org,2002:float", let number = plain.number { return .float(number.asDouble) }
    guard plain != .string(text) else { throw ConversionError("cannot decode YAML \(quoted(text)) as \(tag ?? "")") }
    return plain
  case "tag:yaml.org,2002:binary": return .string(String(decoding: try Base64.standard.decode(text), as: UTF8.self))
  default: return .string(text)
  }
}

/// What an untagged plain scalar is.
private func resolved(_ text: String) -> Value {
  switch text {
  case "", "~", "null", "Null", "NULL": return .null
  case "true", "True", "TRUE": return .bool(true)
  case "false", "False", "FALSE": return .bool(false)
  case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .float(.infinity)
  case "-.inf", "-.Inf", "-.INF": return .float(-.infinity)
  case ".nan", ".NaN", ".NAN": return .float(.nan)
  default: break
  }
  guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return .string(text) }
  let digits = text.filter { $0 != "_" }
  return wholeNumber(digits) ?? decimalNumber(digits) ?? .string(text)
}

private func wholeNumber(_ text: String) -> Value? {
  let negative = text.hasPrefix("-")
  var rest = Substring(text)
  if negative || text.hasPrefix("+") { rest.removeFirst() }
  guard rest.first?.isASCII == true, rest.first?.isNumber == true else { return nil }
  var radix = 10
  for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] where rest.hasPrefix(prefix) {
    radix = base
    rest = rest.dropFirst(2)
  }
  if radix == 10, rest.count > 1, rest.hasPrefix("0") {
    radix = 8
    rest = rest.dropFirst()
  }
  if let int = Int64((negative ? "-" : "") + rest, radix: radix) { return .int(int) }
  return negative ? nil : UInt64(rest, radix: radix).map { .uint($0) }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
private func decimalNumber(_ text: String) -> Value? {
  let negative = text.hasPrefix("-")
  let magnitude = negative || text.hasPrefix("+") ? String(text.dropFirst()) : text
  guard let first = magnitude.utf8.first, ".0123456789".utf8.contains(first) else { return nil }
  return decimal(magnitude).map { .float(negative ? -$0 : $0) }
}
