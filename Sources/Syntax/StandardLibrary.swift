// SPDX-License-Identifier: Apache-2.0

/// What `name` means in the standard library.
func standardLibraryValue(_ name: String, in scope: Scope) -> Value? {
  switch name {
  case "constants":
    .object([
      "hostname": .string(scope.constants.hostname), "os": .string(scope.constants.os),
      "arch": .string(scope.constants.arch), "version": .string(scope.constants.version),
    ])
  case "module_path": .string(scope.modulePath)
  default: StandardLibrary.names[name]
  }
}

/// Whether `name` begins a path into the standard library, so that a component called so would shadow it.
public func isStandardLibraryName(_ name: String) -> Bool {
  name == "constants" || name == "module_path" || StandardLibrary.names[name] != nil
}

/// The functions, as the tables in which the language finds them.
enum StandardLibrary {
  /// What stands at the top: namespaces, plain functions and the old names of functions.
  static let names: [String: Value] = {
    var names: [String: Value] = [:]
    for function in functions {
      let parts = function.name.split(separator: ".").map(String.init)
      guard parts.count == 2 else {
        names[function.name] = .function(function)
        continue
      }
      var fields: [String: Value] = [:]
      if case .object(let others)? = names[parts[0]] { fields = others }
      fields[parts[1]] = .function(function)
      names[parts[0]] = .object(fields)
    }
    for (old, new) in oldNames {
      guard let function = functions.first(where: { $0.name == new }) else {
        preconditionFailure("BUG: no function is called \(new)")
      }
      names[old] = .function(Function(new, deprecated: true, function.call))
    }
    return names
  }()

  /// The names at the top that are not deprecated.
  static let currentNames = ["constants", "module_path"] + names.keys.filter { oldNames[$0] == nil }

  /// Deprecated names and what they stand for.
  private static let oldNames = [
    "env": "sys.env", "nonsensitive": "convert.nonsensitive", "concat": "array.concat",
    "json_decode": "encoding.from_json", "yaml_decode": "encoding.from_yaml",
    "base64_decode": "encoding.from_base64", "format": "string.format", "join": "string.join",
    "replace": "string.replace", "split": "string.split", "to_lower": "string.to_lower", "to_upper": "string.to_upper",
    "trim": "string.trim", "trim_prefix": "string.trim_prefix", "trim_suffix": "string.trim_suffix",
    "trim_space": "string.trim_space",
  ]

  private static let functions: [Function] = [
    Function("sys.env") { values, scope throws(ConversionError) in
      .string(scope.environment(try Arguments(values, 1).string(0)) ?? "")
    },
    Function("convert.nonsensitive") { values, _ throws(ConversionError) in
      .string(try Arguments(values, 1).take(0, .secret).revealed)
    },
    Function("coalesce") { values, _ in values.first { !isZero($0) } ?? values.last ?? .null },
    Function("json_path") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 2)
      let document = try arguments.at(0) { text throws(ConversionError) in try parseJSON(text) }
      let path = try arguments.at(1) { text throws(ConversionError) in try JSONPath(text) }
      return try .array(path.matches(in: document))
    },
    Function("array.concat") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 0...)
      var all: [Value] = []
      for index in values.indices { all += try arguments.take(index, .list(of: .any)) }
      guard all.count <= 1_000_000 else { throw ConversionError("this makes more than a million elements") }
      return .array(all)
    },
    Function("array.combine_maps") { values, _ throws(ConversionError) in try combineMaps(Arguments(values, 3...4)) },
    Function("array.group_by") { values, _ throws(ConversionError) in try groupBy(Arguments(values, 3)) },
    Function("encoding.from_json") { values, _ throws(ConversionError) in
      try Arguments(values, 1).at(0) { text throws(ConversionError) in try parseJSON(text) }
    },
    Function("encoding.from_yaml") { values, _ throws(ConversionError) in
      try Arguments(values, 1).at(0) { text throws(ConversionError) in try parseYAML(text) }
    },
    Function("encoding.to_json") { values, _ throws(ConversionError) in
      let fields = try Arguments(values, 1).take(0, .map(of: .any))
      return .string(try writeJSON(.object(fields)))
    },
    text("encoding.from_base64") { text throws(ConversionError) in try decoded(text, .standard) },
    text("encoding.to_base64") { text in Base64.standard.encode(Array(text.utf8)) },
    text("encoding.from_URLbase64") { text throws(ConversionError) in try decoded(text, .url) },
    text("encoding.to_URLbase64") { text in Base64.url.encode(Array(text.utf8)) },
    text("encoding.url_encode") { text in urlEncoded(text) },
    text("encoding.url_decode") { text throws(ConversionError) in try urlDecoded(text) },
    Function("string.format") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 1...)
      for (index, value) in values.enumerated() where index > 0 { try refuseSecrets(value, .index(index)) }
      return .string(sprintf(try arguments.string(0), Array(values.dropFirst())))
    },
    Function("string.join") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 2)
      return .string(try joined(arguments.take(0, .list(of: .string)), arguments.string(1)))
    },
    Function("string.replace") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 3)
      return .string(try replaced(arguments.string(0), arguments.string(1), arguments.string(2)))
    },
    Function("string.split") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 2)
      return .array(split(try arguments.string(0), try arguments.string(1)).map { .string($0) })
    },
    text("string.to_lower") { text in mapped(text) { $0.properties.lowercaseMapping } },
    text("string.to_upper") { text in mapped(text) { $0.properties.uppercaseMapping } },
    text("string.trim_space") { text in trimmed(text) { $0.properties.isWhitespace } },
    Function("string.trim") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 2)
      let cutset = Set(try arguments.string(1).unicodeScalars)
      return .string(trimmed(try arguments.string(0)) { cutset.contains($0) })
    },
    Function("string.trim_prefix") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 2)
      let text = try arguments.string(0).utf8
      let prefix = try arguments.string(1).utf8
      return .string(text.starts(with: prefix) ? String(Substring(text.dropFirst(prefix.count))) : String(text))
    },
    Function("string.trim_suffix") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 2)
      let text = try arguments.string(0).utf8
      let suffix = try arguments.string(1).utf8
      let ends = text.suffix(suffix.count).elementsEqual(suffix)
      return .string(ends ? String(Substring(text.dropLast(suffix.count))) : String(text))
    },
    Function("file.path_join") { values, _ throws(ConversionError) in
      let arguments = try Arguments(values, 0...)
      var parts: [String] = []
      for index in values.indices { parts.append(try arguments.string(index)) }
      return .string(joinedPath(parts))
    },
  ]

  /// A function from one text to another.
  private static func text(
    _ name: String, _ transform: @escaping @Sendable (String) throws(ConversionError) -> String
  ) -> Function {
    Function(name) { values, _ throws(ConversionError) in
      try Arguments(values, 1).at(0) { text throws(ConversionError) in .string(try transform(text)) }
    }
  }
}

private func isZero(_ value: Value) -> Bool {
  switch value {
  case .null, .bool(false), .int(0), .uint(0), .float(0): true
  case .string(let text): text.isEmpty
  case .secret(let secret): secret.revealed.isEmpty
  case .array(let elements): elements.isEmpty
  case .object(let fields): fields.isEmpty
  default: false
  }
}

private func refuseSecrets(_ value: Value, _ step: ConversionError.Step) throws(ConversionError) {
  do throws(ConversionError) {
    switch value {
    case .secret: _ = try ValueType<String>.string(value)
    case .array(let elements):
      for (index, element) in elements.enumerated() { try refuseSecrets(element, .index(index)) }
    case .object(let fields):
      for (key, field) in fields { try refuseSecrets(field, .key(key)) }
    default: break
    }
  } catch {
    throw error.inside(step)
  }
}

private func combineMaps(_ arguments: Arguments) throws(ConversionError) -> Value {
  let left = try arguments.take(0, .list(of: .map(of: .any)))
  let right = try arguments.take(1, .list(of: .map(of: .any)))
  let keys = try arguments.take(2, .list(of: .string))
  let passthrough = arguments.count > 3 ? try arguments.take(3, .bool) : false
  guard !keys.isEmpty else { throw ConversionError("the list of keys must not be empty", path: [.index(2)]) }
  var result: [Value] = []
  for item in left {
    let matches = right.filter { other in
      keys.allSatisfy { key in item[key].flatMap { value in other[key].map { equal(value, $0) } } ?? false }
    }
    for match in matches { result.append(.object(item.merging(match) { $1 })) }
    if matches.isEmpty, passthrough { result.append(.object(item)) }
    guard result.count <= 1_000_000 else { throw ConversionError("this makes more than a million maps") }
  }
  return .array(result)
}

private func groupBy(_ arguments: Arguments) throws(ConversionError) -> Value {
  let list = try arguments.take(0, .list(of: .map(of: .any)))
  let key = try arguments.string(1)
  let dropMissing = try arguments.take(2, .bool)
  var order: [String] = []
  var groups: [String: [Value]] = [:]
  for item in list {
    if item[key] == nil, dropMissing { continue }
    let value = sprintf("%v", [item[key] ?? .string("")])
    if groups[value] == nil { order.append(value) }
    groups[value, default: []].append(.object(item))
  }
  return .array(order.map { .object([key: .string($0), "items": .array(groups[$0] ?? [])]) })
}

private func decoded(_ text: String, _ alphabet: Base64) throws(ConversionError) -> String {
  let bytes = try alphabet.decode(text)
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw ConversionError("the decoded bytes are not UTF-8 text")
  }
  return text
}
