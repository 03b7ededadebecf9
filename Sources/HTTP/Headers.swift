// SPDX-License-Identifier: Apache-2.0

/// Header fields in the order they were sent; names compare without regard to case.
public struct Headers: Equatable, Sendable, ExpressibleByDictionaryLiteral, CustomStringConvertible {
  /// One header field.
  public struct Field: Hashable, Sendable {
    /// The name as it was written.
    public var name: String
    /// The value, without the blanks around it.
    public var value: String

    /// The field `name: value`.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// All fields, in order.
  public var fields: [Field]

  /// Headers of `fields`.
  public init(_ fields: [Field] = []) { self.fields = fields }

  /// Headers of the pairs in `elements`, in order.
  public init(dictionaryLiteral elements: (String, String)...) {
    fields = elements.map { Field(name: $0.0, value: $0.1) }
  }

  /// The first value of `name`; setting replaces all of them, setting nil removes them.
  public subscript(name: String) -> String? {
    get { fields.first { equalIgnoringCase($0.name, name) }?.value }
    set {
      fields.removeAll { equalIgnoringCase($0.name, name) }
      if let newValue { add(name, newValue) }
    }
  }

  /// Adds a field, whether or not there is one of that name.
  public mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

  /// Every value of `name`, in order.
  public func values(of name: String) -> [String] {
    fields.filter { equalIgnoringCase($0.name, name) }.map(\.value)
  }

  /// The names only: values may be secret.
  public var description: String { "[" + fields.map(\.name).joined(separator: ", ") + "]" }
}

/// Whether two texts are equal when ASCII letters' case does not count.
func equalIgnoringCase(_ left: String, _ right: String) -> Bool {
  left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lowercased($0) == lowercased($1) }
}

/// The lower-case form of an ASCII letter; every other byte as it is.
func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

/// Refuses what would let a header end early and another begin.
func check(_ headers: Headers) throws(HTTPError) {
  for field in headers.fields {
    let symbols = Array("!#$%&'*+-.^_`|~".utf8)
    guard !field.name.isEmpty, field.name.utf8.allSatisfy({ isAlphanumeric($0) || symbols.contains($0) }) else {
      throw .invalid("header name \"\(field.name)\" has characters that may not be in one")
    }
    guard field.value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }) else {
      throw .invalid("value of header \(field.name) has control characters or line ends in it")
    }
  }
}
