// SPDX-License-Identifier: Apache-2.0

internal import RE2
internal import Stages
internal import Syntax

// The arguments of stages that take values out of text, and of those that work on what was taken.

func decodeJSON(_ block: BlockDecoder) -> PipelineStep? {
  let written = decodeKeys("expressions", of: block)
  var expressions: [String: JMESPathExpression] = [:]
  for (name, source) in written {
    do throws(JMESPathError) { expressions[name] = try JMESPathExpression(source) } catch {
      block.error("\(error)", at: "expressions", path: [.key(name)])
    }
  }
  let pattern = decodeKeyPattern(block, besides: "expressions")
  let source = block.optional("source", .nonEmptyString)
  let dropsMalformed = block.optional("drop_malformed", .bool, default: false)
  return .stage { [expressions] in
    JSONStage(expressions, keysMatching: pattern, source: source, dropsMalformed: dropsMalformed)
  }
}

func decodeLogfmt(_ block: BlockDecoder) -> PipelineStep? {
  let mapping = decodeKeys("mapping", of: block)
  let pattern = decodeKeyPattern(block, besides: "mapping")
  let source = decodeSource(block)
  return .stage { LogfmtStage(mapping, keysMatching: pattern, source: source) }
}

func decodeRegex(_ block: BlockDecoder) -> PipelineStep? {
  let pattern = decodePattern(block)
  let source = block.optional("source", .nonEmptyString)
  let setsLabels = block.optional("labels_from_groups", .bool, default: false)
  guard let pattern else { return nil }
  if !(1..<(pattern.groupCount + 1)).contains(where: { pattern.groupName($0) != nil }) {
    block.warning(
      "nothing is extracted: the expression has no named group", at: "expression", hint: "such as (?P<level>\\w+)")
  }
  return .stage { RegexStage(pattern, source: source, setsLabels: setsLabels) }
}

func decodeTimestamp(_ block: BlockDecoder) -> PipelineStep? {
  let source = block.required("source", .nonEmptyString)
  let format = block.required("format", .nonEmptyString)
  let fallbacks = block.optional("fallback_formats", .list(of: .string), default: [])
  let location = block.optional("location", .timeZone, default: nil)
  let onFailure = block.optional("action_on_failure", .oneOf(["fudge", "skip"]), default: "fudge")
  let onDuplicate = block.optional("action_on_duplicate_timestamp", .oneOf(["fudge", "keep"]), default: "fudge")
  warnAboutFormat(format, at: "format", of: block)
  for fallback in fallbacks { warnAboutFormat(fallback, at: "fallback_formats", of: block) }
  let formats = ([format] + fallbacks).map { TimestampFormat($0, location: location) }
  return .stage {
    TimestampStage(
      source: source, formats: formats, fudgesFailures: onFailure == "fudge", fudgesDuplicates: onDuplicate == "fudge")
  }
}

func decodeTemplate(_ block: BlockDecoder) -> PipelineStep? {
  let source = block.required("source", .nonEmptyString)
  guard let template = block.required("template", .goTemplate) else { return nil }
  return .stage { TemplateStage(source: source, template: template) }
}

func decodeReplace(_ block: BlockDecoder) -> PipelineStep? {
  let pattern = decodePattern(block)
  let source = decodeSource(block)
  let template = block.optional("replace", .goTemplate) ?? (try? GoTemplate(""))
  guard let pattern, let template = template ?? nil else { return nil }
  if pattern.groupCount == 0 {
    block.warning(
      "nothing is replaced: the expression has no group", at: "expression", hint: "put what is to be replaced in ( )")
  }
  return .stage { ReplaceStage(pattern, source: source, template: template) }
}

/// Names and what they stand for; null or an empty text stands for the name itself.
private func decodeKeys(_ attribute: String, of block: BlockDecoder) -> [String: String] {
  let keys = block.optional(attribute, .map(of: .string), default: [:])
  return Dictionary(uniqueKeysWithValues: keys.map { ($0.key, $0.value.isEmpty ? $0.key : $0.value) })
}

/// `regex`, without which there has to be something under `attribute`.
private func decodeKeyPattern(_ block: BlockDecoder, besides attribute: String) -> Pattern? {
  let text = block.optional("regex", .string, default: "")
  if text.isEmpty, block.optional(attribute, .map(of: .string), default: [:]).isEmpty {
    block.error("one of \(attribute) and regex is needed, to say what is extracted")
  }
  return text.isEmpty ? nil : block.optional("regex", .pattern(.search), default: nil)
}

private func decodePattern(_ block: BlockDecoder) -> Pattern? {
  let text = block.required("expression", .nonEmptyString)
  return text.isEmpty ? nil : block.optional("expression", .pattern(.search), default: nil)
}

/// `source`, where an empty one means the line.
private func decodeSource(_ block: BlockDecoder) -> String? {
  let source = block.optional("source", .string, default: "")
  return source.isEmpty ? nil : source
}

private func warnAboutFormat(_ format: String, at attribute: String, of block: BlockDecoder) {
  let names = Array(TimestampFormat.named.keys) + ["Unix", "UnixMs", "UnixUs", "UnixNs"]
  if format.isEmpty || names.contains(format) { return }
  if let name = names.first(where: { $0.lowercased() == format.lowercased() }) {
    block.warning("no time is written like \"\(format)\"", at: attribute, hint: "did you mean \"\(name)\"?")
  } else if TimestampFormat(format).isConstant {
    block.warning(
      "no time is written like \"\(format)\"", at: attribute,
      hint: "a format shows how Mon Jan 2 15:04:05 MST 2006 is written, such as \"2006-01-02 15:04:05\"")
  }
}

extension ValueType where T == TimeZone? {
  /// A name from the time zone database.
  static var timeZone: ValueType<TimeZone?> {
    ValueType<String>.string.then(empty: nil) { name throws(ConversionError) in
      do throws(TimeZoneError) { return try TimeZone.named(name) } catch {
        throw ConversionError("\(error)", hint: "such as \"Europe/Berlin\"; is the package tzdata installed?")
      }
    }
  }
}

extension ValueType where T == GoTemplate? {
  /// A template.
  static var goTemplate: ValueType<GoTemplate?> {
    ValueType<String>.string.then(empty: nil) { text throws(ConversionError) in
      do throws(TemplateError) { return try GoTemplate(text) } catch { throw ConversionError("\(error)") }
    }
  }
}
