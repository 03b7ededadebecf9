// SPDX-License-Identifier: Apache-2.0

/// Reads the arguments of one block by hand, a line per attribute, and collects every mistake with its position
/// instead of stopping at the first.
///
/// What is asked for is known; `finish` reports the rest as unrecognized.
public final class BlockDecoder {
  /// Whether a block takes a label.
  public enum LabelRule: Sendable {
    /// `name { … }`
    case forbidden
    /// `name "label" { … }`
    case required
    /// Either.
    case optional
  }

  /// The block being read.
  public let source: EvaluatedBlock
  private var diagnostics: [Diagnostic] = []
  private var knownAttributes: [String] = []
  private var knownBlocks: [String] = []
  private var knownPrefixes: [String] = []
  private var children: [Int: BlockDecoder] = [:]  // by index in source.blocks
  private var ignored = false

  /// A decoder of `block`.
  public init(_ block: EvaluatedBlock) { source = block }

  /// The block's name with dots.
  public var name: String { source.name }
  /// The block's label.
  public var label: String? { source.label }

  /// Whether attribute `name` is given, if only as null.
  public func has(_ name: String) -> Bool { source.attribute(name) != nil }

  /// The value of attribute `name`; reports it missing and returns the type's empty value when it is not given.
  public func required<T>(_ name: String, _ type: ValueType<T>) -> T {
    if let value = optional(name, type) { return value }
    if source.attribute(name) == nil, !isUsedAsBlock(name) {
      report(.error, "missing required attribute \"\(name)\"", at: source.headerRange, hint: misspelled(name))
    }
    return type.empty
  }

  /// The value of attribute `name`; nil when it is not given or wrong.
  public func optional<T>(_ name: String, _ type: ValueType<T>) -> T? {
    note(name, in: &knownAttributes)
    guard let attribute = source.attribute(name), let value = attribute.value else { return nil }
    do throws(ConversionError) {
      return try type(value)
    } catch {
      report(.error, error.message, at: attribute.ranges.range(at: error.path), hint: error.hint)
      return nil
    }
  }

  /// The value of attribute `name`, or `default` when it is not given or wrong.
  public func optional<T>(_ name: String, _ type: ValueType<T>, default: T) -> T { optional(name, type) ?? `default` }

  /// The block called `name`, of which there may be one.
  public func block(_ name: String, label: LabelRule = .forbidden) -> BlockDecoder? {
    let all = blocks(name, label: label)
    for extra in all.dropFirst() where !extra.ignored {
      extra.ignored = true
      report(.error, "block \"\(name)\" may only be specified once", at: extra.source.headerRange)
    }
    return all.first
  }

  /// The block called `name`, which must be there once.
  public func requiredBlock(_ name: String, label: LabelRule = .forbidden) -> BlockDecoder? {
    let found = block(name, label: label)
    if found == nil, !has(name) {
      report(.error, "missing required block \"\(name)\"", at: source.headerRange, hint: nil)
    }
    return found
  }

  /// The blocks called `name`, in file order.
  public func blocks(_ name: String, label: LabelRule = .forbidden) -> [BlockDecoder] {
    note(name, in: &knownBlocks)
    return decoders { $0.name == name }.map { decoder in
      checkLabel(of: decoder, label)
      return decoder
    }
  }

  /// The blocks whose names begin with `prefix`, in file order across names; those the caller does not know it reports
  /// with `unrecognized(among:)`.
  public func orderedBlocks(matching prefix: String) -> [BlockDecoder] {
    note(prefix, in: &knownPrefixes)
    return decoders { $0.name.hasPrefix(prefix) }
  }

  /// Reports that this block itself is not known, where `names` are, and that nothing inside it matters.
  public func unrecognized(among names: [String]) {
    ignored = true
    diagnostics = [
      Diagnostic(
        "unrecognized block name \"\(name)\"", at: source.headerRange, hint: suggestion(for: name, among: names))
    ]
  }

  /// Says that nothing inside this block matters.
  public func ignoreRest() { ignored = true }

  /// Reports a mistake in the value of attribute `at`, or in what `path` leads to in it, such as an element; without an
  /// attribute, in the block as a whole.
  public func error(
    _ message: String, at attribute: String? = nil, path: [ConversionError.Step] = [], hint: String? = nil
  ) {
    report(.error, message, at: range(of: attribute, path), hint: hint)
  }

  /// Reports something that should be changed, as `error` does.
  public func warning(
    _ message: String, at attribute: String? = nil, path: [ConversionError.Step] = [], hint: String? = nil
  ) {
    report(.warning, message, at: range(of: attribute, path), hint: hint)
  }

  /// Everything wrong about this block and those within it, in file order.
  public func finish() -> [Diagnostic] {
    var all = diagnostics
    guard !ignored else { return all }
    for attribute in source.attributes where !knownAttributes.contains(attribute.name) {
      all.append(unrecognized(attribute))
    }
    for (index, block) in source.blocks.enumerated() {
      if let child = children[index] {
        all += child.finish()
      } else if !isKnown(block) {
        all.append(unrecognized(block))
      }
    }
    return all.enumerated().sorted { left, right in
      let leftOffset = left.element.range?.start.offset ?? 0
      let rightOffset = right.element.range?.start.offset ?? 0
      return leftOffset == rightOffset ? left.offset < right.offset : leftOffset < rightOffset
    }.map(\.element)
  }

  // MARK: - Inside

  private func report(_ severity: Diagnostic.Severity, _ message: String, at range: SourceRange, hint: String? = nil) {
    let diagnostic = Diagnostic(severity, message, at: range, hint: hint)
    // The same attribute may be asked for twice; a mistake in it is told once.
    if !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
  }

  private func range(of attribute: String?, _ path: [ConversionError.Step]) -> SourceRange {
    attribute.flatMap { source.attribute($0)?.ranges.range(at: path) } ?? source.headerRange
  }

  private func note(_ name: String, in list: inout [String]) {
    if !list.contains(name) { list.append(name) }
  }

  private func decoders(where matches: (EvaluatedBlock) -> Bool) -> [BlockDecoder] {
    source.blocks.indices.filter { matches(source.blocks[$0]) }.map { index in
      if let child = children[index] { return child }
      let child = BlockDecoder(source.blocks[index])
      children[index] = child
      return child
    }
  }

  private func checkLabel(of decoder: BlockDecoder, _ rule: LabelRule) {
    switch (rule, decoder.label) {
    case (.forbidden, .some):
      decoder.report(
        .error, "block \"\(decoder.name)\" does not support specifying labels", at: decoder.source.headerRange)
    case (.required, nil):
      decoder.report(.error, "block \"\(decoder.name)\" requires non-empty label", at: decoder.source.headerRange)
    default: break
    }
  }

  private func isKnown(_ block: EvaluatedBlock) -> Bool {
    knownBlocks.contains(block.name) || knownPrefixes.contains { block.name.hasPrefix($0) }
  }

  private func isUsedAsBlock(_ name: String) -> Bool { source.blocks.contains { $0.name == name } }

  /// The attribute that was probably meant to be `name`.
  private func misspelled(_ name: String) -> String? {
    let unknown = source.attributes.map(\.name).filter { !knownAttributes.contains($0) }
    return closestName(to: name, among: unknown).map { "\"\($0)\" may be a misspelling of it" }
  }

  private func unrecognized(_ attribute: EvaluatedAttribute) -> Diagnostic {
    if knownBlocks.contains(attribute.name) {
      return Diagnostic(
        "\"\(attribute.name)\" must be a block, but is used as an attribute", at: attribute.range,
        hint: "write \(attribute.name) { … }, without '='")
    }
    return Diagnostic(
      "unrecognized attribute name \"\(attribute.name)\"", at: attribute.range,
      hint: suggestion(for: attribute.name, among: knownAttributes + knownBlocks))
  }

  private func unrecognized(_ block: EvaluatedBlock) -> Diagnostic {
    if knownAttributes.contains(block.name) {
      return Diagnostic(
        "\"\(block.name)\" must be an attribute, but is used as a block", at: block.headerRange,
        hint: "write \(block.name) = …")
    }
    return Diagnostic(
      "unrecognized block name \"\(block.name)\"", at: block.headerRange,
      hint: suggestion(for: block.name, among: knownBlocks + knownAttributes))
  }
}
