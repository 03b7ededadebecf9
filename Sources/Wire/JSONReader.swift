// SPDX-License-Identifier: Apache-2.0

/// Reads JSON piece by piece, as RFC 8259 has it and nothing else; no tree is built, so memory is what the caller keeps.
struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  private let depthLimit: Int

  init(_ bytes: [UInt8], depthLimit: Int = 32) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  /// Reads an object; `member` is given each key and must read its value.
  mutating func object(_ member: (inout JSONReader, [UInt8]) throws(WireError) -> Void) throws(WireError) {
    try open("{")
    if take("}") { return close() }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
    close()
  }

  /// Reads an array; `element` is given each index and must read the value there.
  mutating func array(_ element: (inout JSONReader, Int) throws(WireError) -> Void) throws(WireError) {
    try open("[")
    if take("]") { return close() }
    var index = 0
    repeat {
      try element(&self, index)
      index += 1
    } while take(",")
    try expect("]")
    close()
  }

  /// Reads a string. Half a surrogate pair becomes U+FFFD.
  mutating func string() throws(WireError) -> [UInt8] {
    try expect("\"")
    var value: [UInt8] = []
    while position < bytes.count {
      let run = position
      while position < bytes.count, isPlain(bytes[position]) { position += 1 }
      value += bytes[run..<position]
      guard position < bytes.count else { break }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return value
      case UInt8(ascii: "\\"): try unescape(into: &value)
      default: throw error("a bare control character in a string")
      }
    }
    throw error("a string does not end")
  }

  /// Reads a value of any kind and forgets it.
  mutating func skip() throws(WireError) {
    skipSpace()
    guard position < bytes.count else { throw error("expected a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): try object { reader, _ throws(WireError) in try reader.skip() }
    case UInt8(ascii: "["): try array { reader, _ throws(WireError) in try reader.skip() }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try number()
    }
  }

  /// Checks that nothing follows.
  mutating func finish() throws(WireError) {
    skipSpace()
    guard position == bytes.count else { throw error("something follows the end") }
  }

  func error(_ reason: String) -> WireError {
    .malformed(what: "JSON", reason: "\(reason) (at byte \(position))")
  }

  // MARK: Pieces

  private mutating func open(_ bracket: Unicode.Scalar) throws(WireError) {
    try expect(bracket)
    depth += 1
    guard depth <= depthLimit else { throw error("nested more than \(depthLimit) deep") }
  }

  private mutating func close() { depth -= 1 }

  private func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func unescape(into value: inout [UInt8]) throws(WireError) {
    guard position < bytes.count else { throw error("a string does not end") }
    let letter = bytes[position]
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): value.append(letter)
    case UInt8(ascii: "b"): value.append(0x08)
    case UInt8(ascii: "f"): value.append(0x0c)
    case UInt8(ascii: "n"): value.append(0x0a)
    case UInt8(ascii: "r"): value.append(0x0d)
    case UInt8(ascii: "t"): value.append(0x09)
    case UInt8(ascii: "u"): value += String(try scalar()).utf8
    default: throw error("unknown escape")
    }
  }

  private mutating func scalar() throws(WireError) -> Unicode.Scalar {
    let first = try codeUnit()
    guard UTF16.isLeadSurrogate(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
    let afterFirst = position
    guard bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else { return "\u{FFFD}" }
    position += 2
    let second = try codeUnit()
    guard UTF16.isTrailSurrogate(second) else {
      position = afterFirst
      return "\u{FFFD}"
    }
    return UTF16.decode(UTF16.EncodedScalar([first, second]))
  }

  private mutating func codeUnit() throws(WireError) -> UInt16 {
    var unit: UInt16 = 0
    guard bytes.count - position >= 4 else { throw error("an escape without its digits") }
    for byte in bytes[position..<(position + 4)] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error("an escape without its digits")
      }
      unit = unit << 4 | UInt16(digit)
    }
    position += 4
    return unit
  }

  private mutating func number() throws(WireError) {
    _ = takeByte(UInt8(ascii: "-"))
    if !takeByte(UInt8(ascii: "0")) { try digits() }
    if takeByte(UInt8(ascii: ".")) { try digits() }
    if takeByte(UInt8(ascii: "e")) || takeByte(UInt8(ascii: "E")) {
      if !takeByte(UInt8(ascii: "+")) { _ = takeByte(UInt8(ascii: "-")) }
      try digits()
    }
  }

  private mutating func digits() throws(WireError) {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    guard position > start else { throw error("expected a value") }
  }

  private mutating func word(_ word: String) throws(WireError) {
    guard bytes[position...].starts(with: word.utf8) else { throw error("expected a value") }
    position += word.utf8.count
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  private mutating func takeByte(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    return takeByte(UInt8(ascii: character))
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(WireError) {
    guard take(character) else { throw error("expected \(character)") }
  }
}
