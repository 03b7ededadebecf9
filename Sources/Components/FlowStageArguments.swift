// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Stages
internal import Syntax

// The arguments of stages that decide which entries go on.

func decodeDrop(_ block: BlockDecoder) -> PipelineStep? {
  var conditions = DropStage.Conditions()
  let source = block.optional("source", .string, default: "")
  // Blanks belong to the names, as in Alloy.
  conditions.sources =
    source.isEmpty ? [] : source.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  conditions.separator = block.optional("separator", .string, default: ";")
  let expression = block.optional("expression", .string, default: "")
  let value = block.optional("value", .string, default: "")
  let age = block.optional("older_than", .duration)
  let length = block.optional("longer_than", .byteSize)
  let reason = block.optional("drop_counter_reason", .string, default: "drop_stage")
  if !expression.isEmpty { conditions.pattern = block.optional("expression", .pattern(.search), default: nil) }
  if !value.isEmpty { conditions.value = value }
  if let age, age < .zero { block.error("older_than must not be negative", at: "older_than") }
  if let age, age > .zero { conditions.olderThan = age.nanoseconds }
  if let length, length > 0 { conditions.longerThan = length }
  let hasLimit = block.has("older_than") && age != .zero || block.has("longer_than") && length != 0
  if source.isEmpty, expression.isEmpty, value.isEmpty, !hasLimit {
    block.error("one of source, expression, older_than and longer_than must be set")
  }
  if !value.isEmpty, !expression.isEmpty {
    block.error("value and expression cannot be used together", at: "value", hint: "use one of the two")
  }
  if !value.isEmpty, source.isEmpty {
    block.error("value needs source", at: "value", hint: "source says what is compared with it")
  }
  return .stage { [conditions] in DropStage(conditions, reason: reason.isEmpty ? "drop_stage" : reason) }
}

func decodeMatch(_ block: BlockDecoder) -> PipelineStep? {
  let selector = block.required("selector", .selector)
  let action = block.optional("action", .oneOf(["keep", "drop"]), default: "keep")
  let reason = block.optional("drop_counter_reason", .string, default: "match_stage")
  // A name for the nested stages, which nothing shows.
  _ = block.optional("pipeline_name", .string)
  let steps = PipelineStep.decode(block)
  let hasStages = block.source.blocks.contains { $0.name.hasPrefix("stage.") }
  guard let selector else { return nil }
  guard action == "drop" else {
    if !hasStages, !block.has("action") || block.source.attribute("action")?.value == .string("keep") {
      block.warning(
        "stage.match does nothing: with action = \"keep\" it puts what it selects through nested stages",
        hint: "remove it, or use action = \"drop\"")
    }
    return .match(selector, steps: steps)
  }
  if hasStages {
    block.error(
      "stage.match with action = \"drop\" cannot have nested stages", at: "action",
      hint: "what it selects is gone; move the stages behind it")
  }
  return .stage { MatchDropStage(selector, reason: reason.isEmpty ? "match_stage" : reason) }
}

func decodeLimit(_ block: BlockDecoder) -> PipelineStep? {
  let rate = block.required("rate", .double)
  let burst = block.required("burst", .int)
  let drops = block.optional("drop", .bool, default: false)
  let label = block.optional("by_label_name", .string, default: "")
  var maxValues = block.optional("max_distinct_labels", .int, default: 10_000)
  if block.has("rate"), !(rate > 0 && rate.isFinite) { block.error("rate must be greater than 0", at: "rate") }
  if block.has("burst"), burst <= 0 { block.error("burst must be greater than 0", at: "burst") }
  if !label.isEmpty, !drops {
    block.error(
      "by_label_name needs drop = true", at: "by_label_name", hint: "one stream cannot wait without the others")
  }
  if !label.isEmpty, maxValues < 10_000 {
    block.warning("max_distinct_labels is raised to 10000, the least there is", at: "max_distinct_labels")
    maxValues = 10_000
  }
  let excess: LimitStage.Excess =
    if label.isEmpty { drops ? .drop : .wait } else { .dropByLabel(label, maxValues: min(maxValues, 1_000_000)) }
  return .stage { LimitStage(rate: rate, burst: burst, excess: excess) }
}

func decodeSampling(_ block: BlockDecoder) -> PipelineStep? {
  let rate = block.required("rate", .double)
  if !(0...1).contains(rate) { block.error("rate must be between 0 and 1", at: "rate") }
  let reason = block.optional("drop_counter_reason", .string, default: "sampling_stage")
  return .stage { SamplingStage(rate: rate, reason: reason.isEmpty ? "sampling_stage" : reason) }
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
