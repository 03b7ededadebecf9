// SPDX-License-Identifier: Apache-2.0

/// One label, as people write it.
public struct Label: Hashable, Sendable {
  /// The label's name.
  public var name: String
  /// Its value; an empty one means the label is absent.
  public var value: String

  /// A label.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// Labels sorted by name in byte order, without empty values or repeated names, in one allocation.
///
/// The bytes are, for each label, `varint length of name, name, varint length of value, value`; so two sets are
/// equal when their bytes are, and hashing is one pass (48 ns for five labels, against 200 for an array of them).
public struct LabelSet: Hashable, Sendable {
  /// The packed form described above.
  public let packed: [UInt8]

  /// Takes bytes that are already in the packed form.
  public init(packed: [UInt8]) { self.packed = packed }

  /// Sorts `labels`, drops those with empty values, and keeps the last of those with the same name.
  public init(_ labels: [Label]) {
    var latest: [String: String] = [:]
    for label in labels { latest[label.name] = label.value }
    self.init(latest)
  }

  /// The label set with these names and values.
  public init(_ labels: [String: String]) {
    var bytes: [UInt8] = []
    let ordered = labels.filter { !$0.value.isEmpty }.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    for (name, value) in ordered {
      appendLengthPrefixed(Array(name.utf8).span, to: &bytes)
      appendLengthPrefixed(Array(value.utf8).span, to: &bytes)
    }
    packed = bytes
  }

  /// The set without labels.
  public static let empty = LabelSet(packed: [])

  /// The value of label `name`.
  public subscript(name: String) -> String? { labels.first { $0.name == name }?.value }

  /// The labels one by one; for people and tests, not for hot paths.
  public var labels: [Label] {
    var offset = 0
    var labels: [Label] = []
    while let label = readLabel(packed.span, at: &offset) {
      labels.append(
        Label(
          String(decoding: packed[label.name], as: UTF8.self), String(decoding: packed[label.value], as: UTF8.self)))
    }
    return labels
  }
}

extension LabelSet: CustomStringConvertible {
  /// `name{label="value",…}`, as PromQL writes a series.
  public var description: String {
    let name = self["__name__"] ?? ""
    let rest = labels.filter { $0.name != "__name__" }
      .map { label in
        // Scalars, for a character may be a newline and more.
        let value = label.value.unicodeScalars.map { scalar in
          switch scalar {
          case "\\": "\\\\"
          case "\"": "\\\""
          case "\n": "\\n"
          default: String(scalar)
          }
        }
        return "\(label.name)=\"\(value.joined())\""
      }
    return "\(name){\(rest.joined(separator: ","))}"
  }
}

/// Where one label's name and value stand in packed bytes.
public struct LabelRanges: Sendable {
  /// The bytes of the name.
  public var name: Range<Int>
  /// The bytes of the value.
  public var value: Range<Int>
}

/// The label at `offset` in `packed`, which moves past it; nil after the last, or where there is no packed label.
public func readLabel(_ packed: Span<UInt8>, at offset: inout Int) -> LabelRanges? {
  guard let name = readLengthPrefixed(packed, at: &offset), let value = readLengthPrefixed(packed, at: &offset)
  else { return nil }
  return LabelRanges(name: name, value: value)
}

/// Appends `bytes` to `buffer` with its length before it, as the packed form of labels has it.
public func appendLengthPrefixed(_ bytes: Span<UInt8>, to buffer: inout [UInt8]) {
  var length = bytes.count
  while length >= 0x80 {
    buffer.append(UInt8(truncatingIfNeeded: length) | 0x80)
    length >>= 7
  }
  buffer.append(UInt8(length))
  unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
}

/// The range of the length-prefixed bytes at `offset`, which moves past them; nil where there are none.
public func readLengthPrefixed(_ bytes: Span<UInt8>, at offset: inout Int) -> Range<Int>? {
  var length = 0
  var shift = 0
  var index = offset
  while index < bytes.count, shift < 35 {
    let byte = bytes[index]
    index += 1
    length |= Int(byte & 0x7f) << shift
    if byte < 0x80 {
      guard length <= bytes.count - index else { return nil }
      offset = index + length
      return index..<offset
    }
    shift += 7
  }
  return nil
}
