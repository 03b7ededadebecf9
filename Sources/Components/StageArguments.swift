// SPDX-License-Identifier: Apache-2.0

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
    StageKind("cri", decodeCRI),
    StageKind("decolorize", decodeDecolorize),
    StageKind("docker", decodeDocker),
    StageKind("drop", decodeDrop),
    StageKind("json", decodeJSON),
    StageKind("label_drop", decodeLabelDrop),
    StageKind("label_keep", decodeLabelKeep),
    StageKind("labels", decodeLabels),
    StageKind("limit", decodeLimit),
    StageKind("logfmt", decodeLogfmt),
    StageKind("match", decodeMatch),
    StageKind("multiline", decodeMultiline),
    StageKind("output", decodeOutput),
    StageKind("pack", decodePack),
    StageKind("regex", decodeRegex),
    StageKind("replace", decodeReplace),
    StageKind("sampling", decodeSampling),
    StageKind("static_labels", decodeStaticLabels),
    StageKind("structured_metadata", decodeStructuredMetadata),
    StageKind("structured_metadata_drop", decodeStructuredMetadataDrop),
    StageKind("template", decodeTemplate),
    StageKind("tenant", decodeTenant),
    StageKind("timestamp", decodeTimestamp),
  ]

  /// Stages that exist elsewhere and not here, with what to do instead.
  static let missing: [String: String] = [
    "eventlogmessage": "it reads the logs of Windows; remove it",
    "geoip": "remove it, or add places where the logs are looked at",
    "luhn": "remove it; stage.replace can hide numbers by a regular expression",
    "metrics": "remove it, or count with a query over the logs",
    "pattern": "use stage.regex with named groups",
    "split_json": "remove it",
    "truncate": "remove it; stage.drop with longer_than drops lines that are too long",
    "windowsevent": "it reads the logs of Windows; remove it",
  ]
}

extension PipelineStep {
  /// The stages in `block`, in file order.
  static func decode(_ block: BlockDecoder) -> [PipelineStep] {
    block.orderedBlocks(matching: "stage.").compactMap { stage in
      let name = String(stage.name.dropFirst("stage.".count))
      if stage.label != nil { stage.error("block \"\(stage.name)\" does not support specifying labels") }
      if let kind = StageKind.all.first(where: { $0.name == name }) { return kind.decode(stage) }
      if let hint = StageKind.missing[name] {
        stage.error("stage.\(name) is not supported by this agent", hint: hint)
        stage.ignoreRest()
      } else {
        stage.unrecognized(among: StageKind.all.map { "stage." + $0.name })
      }
      return nil
    }
  }
}

/// Reports the `names` no label can have, which stand as keys in the value of `attribute`.
func reportInvalidNames(_ names: some Sequence<String>, at attribute: String, of block: BlockDecoder) {
  for name in names.sorted() where !isLabelName(name) {
    block.error(
      "\"\(name)\" is not the name of a label", at: attribute, path: [.key(name)],
      hint: "letters, digits and underscores, not beginning with a digit")
  }
}

private func isLabelName(_ name: String) -> Bool {
  guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
  return name.utf8.allSatisfy { (0x30...0x39).contains($0) || ($0 | 0x20) &- 0x61 < 26 || $0 == UInt8(ascii: "_") }
}

/// `values` as a map, in which null or an empty text stands for the key itself.
func decodeNamedValues(_ block: BlockDecoder, isRequired: Bool) -> [String: String] {
  let type = ValueType<[String: String]>.map(of: .string)
  let values = isRequired ? block.required("values", type) : block.optional("values", type, default: [:])
  if isRequired, values.isEmpty, block.has("values") { block.error("values must not be empty", at: "values") }
  return Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.value.isEmpty ? $0.key : $0.value) })
}

extension ValueType where T == String {
  /// Text that is not empty.
  static var nonEmptyString: ValueType<String> {
    ValueType.string.then(empty: "") { text throws(ConversionError) in
      guard !text.isEmpty else { throw ConversionError("must not be empty") }
      return text
    }
  }
}

extension ValueType where T == [String] {
  /// A list of texts that is not empty.
  static var nonEmptyStrings: ValueType<[String]> {
    ValueType.list(of: .string).then(empty: []) { list throws(ConversionError) in
      guard !list.isEmpty else { throw ConversionError("must not be empty") }
      return list
    }
  }
}

extension Duration {
  /// Whole nanoseconds; what is longer than 292 years becomes that.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000
  }
}
