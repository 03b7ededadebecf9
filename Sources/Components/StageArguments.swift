// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Stages
internal import Syntax

/// A stage as it can be configured: its name after `stage.`, and how its arguments become a step of a pipeline.
///
/// A decode function reads all arguments, an attribute a line, reports every mistake, and returns what makes the stage
/// from values that are right. What it returns is used only when there was no mistake.
struct StageKind: Sendable {
  var name: String
  var decode: @Sendable (BlockDecoder) -> PipelineStep?

  init(_ name: String, _ decode: @Sendable @escaping (BlockDecoder) -> PipelineStep?) {
    self.name = name
    self.decode = decode
  }

  /// Every stage, in the order users see them.
  static let all: [StageKind] = [
    StageKind("labels", decodeLabels),
    StageKind("match", decodeMatch),
    StageKind("output", decodeOutput),
    StageKind("static_labels", decodeStaticLabels),
  ]
}

extension PipelineStep {
  /// The stages in `block`, in file order.
  static func decode(_ block: BlockDecoder) -> [PipelineStep] {
    block.orderedBlocks(matching: "stage.").compactMap { stage in
      let name = String(stage.name.dropFirst("stage.".count))
      if let kind = StageKind.all.first(where: { $0.name == name }) { return kind.decode(stage) }
      stage.unrecognized(among: StageKind.all.map { "stage." + $0.name })
      return nil
    }
  }
}

private func decodeLabels(_ block: BlockDecoder) -> PipelineStep? {
  let values = block.required("values", .map(of: .string))
  reportInvalidNames(values.keys, at: "values", of: block)
  let sourceType = block.optional("source_type", .oneOf(["extracted", "structured_metadata"]), default: "extracted")
  let named = Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.value.isEmpty ? $0.key : $0.value) })
  return .stage { LabelsStage(named, from: sourceType == "extracted" ? .extracted : .structuredMetadata) }
}

private func decodeStaticLabels(_ block: BlockDecoder) -> PipelineStep? {
  let values = block.required("values", .map(of: .string))
  reportInvalidNames(values.keys, at: "values", of: block)
  return .stage { StaticLabelsStage(values) }
}

private func decodeOutput(_ block: BlockDecoder) -> PipelineStep? {
  let source = block.required("source", .nonEmptyString)
  return .stage { OutputStage(source) }
}

private func decodeMatch(_ block: BlockDecoder) -> PipelineStep? {
  let selector = block.required("selector", .selector)
  let steps = PipelineStep.decode(block)
  guard let selector else { return nil }
  return .match(selector, steps: steps)
}

/// Reports the `names` no label can have, which stand as keys in the value of `attribute`.
func reportInvalidNames(_ names: some Sequence<String>, at attribute: String, of block: BlockDecoder) {
  for name in names.sorted() where !isLabelName(name) {
    block.error(
      "\(quoted(name)) is not the name of a label", at: attribute, path: [.key(name)],
      hint: "letters, digits and underscores, not beginning with a digit")
  }
}

private func isLabelName(_ name: String) -> Bool {
  guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
  return name.utf8.allSatisfy { (0x30...0x39).contains($0) || ($0 | 0x20) &- 0x61 < 26 || $0 == UInt8(ascii: "_") }
}

private func quoted(_ text: String) -> String { "\"\(text)\"" }

extension ValueType where T == String {
  /// Text that is not empty.
  static var nonEmptyString: ValueType<String> {
    ValueType.string.then(empty: "") { text throws(ConversionError) in
      guard !text.isEmpty else { throw ConversionError("must not be empty") }
      return text
    }
  }
}

extension ValueType where T == Selector? {
  /// What `stage.match` selects.
  static var selector: ValueType<Selector?> {
    ValueType<String>.string.then(empty: nil) { text throws(ConversionError) in
      do throws(SelectorError) { return try Selector(text) } catch {
        if case .invalidPattern = error {
          throw ConversionError("\(error)", hint: "RE2 syntax: no look-around and no back-references")
        }
        throw ConversionError(
          "invalid selector: \(error)", hint: "such as {app=\"web\", level=~\"warn|error\"} |= \"timeout\"")
      }
    }
  }
}
