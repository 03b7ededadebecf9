// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Stages
internal import Syntax

// The arguments of stages that read, join and rewrite lines.

func decodeCRI(_ block: BlockDecoder) -> PipelineStep? {
  var limits = CRIStage.Limits()
  limits.lines = block.optional("max_partial_lines", .int, default: limits.lines)
  if limits.lines < 1 { block.error("max_partial_lines must be greater than 0", at: "max_partial_lines") }
  let size = block.optional("max_partial_line_size", .byteSize, default: 0)
  let truncates = block.optional("max_partial_line_size_truncate", .bool, default: false)
  if truncates, size == 0 {
    block.error(
      "max_partial_line_size_truncate needs max_partial_line_size", at: "max_partial_line_size_truncate",
      hint: "say to how many bytes lines are cut")
  } else if size > 0, !truncates {
    block.warning(
      "max_partial_line_size does nothing without max_partial_line_size_truncate = true", at: "max_partial_line_size")
  }
  limits.bytes = truncates ? size : nil
  return .stage { [limits] in CRIStage(limits) }
}

func decodeDocker(_ block: BlockDecoder) -> PipelineStep? { .stage { DockerStage() } }

func decodeDecolorize(_ block: BlockDecoder) -> PipelineStep? { .stage { DecolorizeStage() } }

func decodeMultiline(_ block: BlockDecoder) -> PipelineStep? {
  let text = block.required("firstline", .nonEmptyString)
  let firstLine = text.isEmpty ? nil : block.optional("firstline", .pattern(.search), default: nil)
  var limits = MultilineStage.Limits()
  limits.lines = block.optional("max_lines", .int, default: limits.lines)
  if limits.lines < 0 { block.error("max_lines must not be negative", at: "max_lines") }
  let silence = block.optional("max_wait_time", .duration, default: .seconds(3))
  if silence <= .zero { block.error("max_wait_time must be greater than 0", at: "max_wait_time") }
  // So that no deadline lies beyond what the clock can say.
  limits.silence = min(silence, .seconds(86400)).nanoseconds
  let trims = block.optional("trim_newlines", .bool, default: true)
  guard let firstLine else { return nil }
  return .stage { [limits] in MultilineStage(firstLine: firstLine, limits: limits, trimsNewlines: trims) }
}

func decodeOutput(_ block: BlockDecoder) -> PipelineStep? {
  let source = block.required("source", .nonEmptyString)
  return .stage { OutputStage(source) }
}

func decodePack(_ block: BlockDecoder) -> PipelineStep? {
  let labels = block.required("labels", .list(of: .string))
  let ingestTimestamp = block.optional("ingest_timestamp", .bool, default: true)
  return .stage { PackStage(labels, ingestTimestamp: ingestTimestamp) }
}
