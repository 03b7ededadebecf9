// SPDX-License-Identifier: Apache-2.0

/// The members of a JSON object, or the elements of an array, one after the other.
///
/// What has been gone over is well-formed; whether the rest is, shows at the end: see ``isComplete``.
struct JSONMembers {
  /// One of them.
  struct Member {
    /// What stands between the quotes of the key; empty in arrays.
    var key: Range<Int>
    var value: JSONScanner.Value
  }

  /// Whether all were read and the closing bracket was met.
  private(set) var isComplete = false
  /// What follows the closing bracket.
  var offset: Int { scanner.offset }
  private var scanner: JSONScanner
  private let isObject: Bool
  private var isFirst = true
  private var endsInComma = false

  /// Of the object or array in `range`.
  init(of value: JSONScanner.Value) {
    isObject = value.kind == .object
    scanner = JSONScanner((value.range.lowerBound + 1)..<value.range.upperBound)
  }

  /// Of an object that may begin in `range`; nil where something else does.
  init?(objectIn range: Range<Int>, of text: Span<UInt8>) {
    isObject = true
    scanner = JSONScanner(range)
    guard scanner.take(UInt8(ascii: "{"), text) else { return nil }
  }

  mutating func next(_ text: Span<UInt8>) -> Member? {
    if scanner.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"), text) {
      isComplete = isFirst || !endsInComma
      return nil
    }
    guard isFirst || endsInComma else { return nil }
    isFirst = false
    endsInComma = false
    var key = 0..<0
    if isObject {
      scanner.skipBlanks(text)
      let start = scanner.offset
      guard scanner.skipString(text) else { return nil }
      key = (start + 1)..<(scanner.offset - 1)
      guard scanner.take(UInt8(ascii: ":"), text) else { return nil }
    }
    guard let value = scanner.value(text) else { return nil }
    endsInComma = scanner.take(UInt8(ascii: ","), text)
    return Member(key: key, value: value)
  }
}
