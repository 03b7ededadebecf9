// SPDX-License-Identifier: Apache-2.0

/// A path into a JSON document: `$.a['b'][0][-1][1:3][*]..c[?(@.price < 10 && @.name)]`.
///
/// The fields of objects are visited in the order of their names.
struct JSONPath: Sendable {
  enum Selector: Sendable {
    case name(String)
    case index(Int)
    case slice(Int?, Int?, Int)
    case all
    indirect case filter(Filter)
  }

  struct Step: Sendable {
    var descends = false
    var selectors: [Selector]
  }

  indirect enum Filter: Sendable {
    case or(Filter, Filter)
    case and(Filter, Filter)
    case not(Filter)
    case compare(Operand, String, Operand)
    case exists(Operand)
  }

  enum Operand: Sendable {
    case value(Value)
    case path([Step], fromRoot: Bool)
  }

  private let steps: [Step]

  /// Reads `text`; the `$` at the beginning may be left out.
  init(_ text: String) throws(ConversionError) {
    var parser = JSONPathParser(text)
    steps = try parser.parsePath()
  }

  /// The matches in `document`, in the order of the document.
  func matches(in document: Value) throws(ConversionError) -> [Value] {
    try JSONPathSearch(root: document).find(steps, from: document)
  }
}
