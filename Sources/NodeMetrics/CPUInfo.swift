// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import RE2
internal import Telemetry

private typealias InfoField = (key: StaticString, label: StaticString)

private let infoFields: [InfoField] = [
  ("cache size", "cachesize"), ("core id", "core"), ("processor", "cpu"), ("cpu family", "family"),
  ("microcode", "microcode"), ("model", "model"), ("model name", "model_name"), ("physical id", "package"),
  ("stepping", "stepping"), ("vendor_id", "vendor"),
]

/// Appends `node_cpu_info` for each processor of `/proc/cpuinfo` (lines `key\t: value`, an empty line between
/// processors), and the flags and bugs of the first that are wanted.
func appendCPUInfo(_ bytes: Span<UInt8>, options: NodeOptions.CPU, to batch: inout SeriesBatch) {
  batch.family("node_cpu_info", .gauge, help: "Always 1; the labels are what the kernel knows of the processor.")
  var flags: Range<Int>?
  var bugs: Range<Int>?
  var offset = 0
  var inProcessor = false
  while let line = nextLine(bytes, at: &offset) {
    guard let colon = firstIndex(of: 0x3a, in: bytes, line) else {
      if inProcessor { batch.append(1) }
      inProcessor = false
      continue
    }
    let key = trimmed(bytes, line.lowerBound..<colon)
    let value = trimmed(bytes, colon + 1..<line.upperBound)
    if equal(bytes, key, "processor") {
      if inProcessor { batch.append(1) }
      inProcessor = true
    }
    if flags == nil, equal(bytes, key, "flags") { flags = value }
    if bugs == nil, equal(bytes, key, "bugs") { bugs = value }
    guard inProcessor, let field = infoFields.first(where: { equal(bytes, key, $0.key) }) else { continue }
    batch.label(field.label, bytes.extracting(value))
  }
  if inProcessor { batch.append(1) }
  if let wanted = options.flagsInclude, let flags {
    batch.family("node_cpu_flag_info", .gauge, help: "Always 1; something the first CPU can do.")
    appendWords(bytes, flags, label: "flag", wanted: wanted, to: &batch)
  }
  if let wanted = options.bugsInclude, let bugs {
    batch.family("node_cpu_bug_info", .gauge, help: "Always 1; a known flaw of the first CPU.")
    appendWords(bytes, bugs, label: "bug", wanted: wanted, to: &batch)
  }
}

private func appendWords(
  _ bytes: Span<UInt8>, _ range: Range<Int>, label: StaticString, wanted: Pattern, to batch: inout SeriesBatch
) {
  var place = range.lowerBound
  while let word = nextField(bytes, at: &place, before: range.upperBound) {
    guard wanted.matches(bytes.extracting(word)) else { continue }
    batch.label(label, bytes.extracting(word))
    batch.append(1)
  }
}
