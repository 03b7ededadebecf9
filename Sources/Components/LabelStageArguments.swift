// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Stages
internal import Syntax

// The arguments of stages that set and remove labels and structured metadata.

func decodeLabels(_ block: BlockDecoder) -> PipelineStep? {
  let values = decodeNamedValues(block, isRequired: true)
  reportInvalidNames(values.keys, at: "values", of: block)
  let sourceType = block.optional("source_type", .oneOf(["extracted", "structured_metadata"]), default: "extracted")
  return .stage { LabelsStage(values, from: sourceType == "extracted" ? .extracted : .structuredMetadata) }
}

func decodeStaticLabels(_ block: BlockDecoder) -> PipelineStep? {
  let values = block.required("values", .map(of: .string))
  reportInvalidNames(values.keys, at: "values", of: block)
  return .stage { StaticLabelsStage(values) }
}

func decodeLabelDrop(_ block: BlockDecoder) -> PipelineStep? {
  let values = block.required("values", .nonEmptyStrings)
  return .stage { LabelDropStage(values) }
}

func decodeLabelKeep(_ block: BlockDecoder) -> PipelineStep? {
  let values = block.required("values", .nonEmptyStrings)
  return .stage { LabelKeepStage(values) }
}

func decodeStructuredMetadata(_ block: BlockDecoder) -> PipelineStep? {
  let values = decodeNamedValues(block, isRequired: false)
  reportInvalidNames(values.keys, at: "values", of: block)
  let text = block.optional("regex", .string, default: "")
  let pattern = text.isEmpty ? nil : block.optional("regex", .pattern(.search), default: nil)
  return .stage { StructuredMetadataStage(values, pattern: pattern) }
}

func decodeStructuredMetadataDrop(_ block: BlockDecoder) -> PipelineStep? {
  let values = block.required("values", .nonEmptyStrings)
  return .stage { StructuredMetadataDropStage(values) }
}

func decodeTenant(_ block: BlockDecoder) -> PipelineStep? {
  let label = block.optional("label", .string, default: "")
  let source = block.optional("source", .string, default: "")
  let value = block.optional("value", .string, default: "")
  let given = [TenantStage.Source.label(label), .extracted(source), .value(value)]
  let texts = [label, source, value]
  guard texts.filter({ !$0.isEmpty }).count == 1, let index = texts.firstIndex(where: { !$0.isEmpty }) else {
    block.error("one of label, source and value must be set, and only one")
    return nil
  }
  let chosen = given[index]
  return .stage { TenantStage(chosen) }
}
