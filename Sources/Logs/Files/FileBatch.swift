// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

/// A batch of lines of files in the making.
struct FileBatch {
  private(set) var batch: LogBatch
  /// Roughly what it takes in memory.
  private(set) var bytes = 0
  private var sources: [FileKey: Int32] = [:]
  private var labelSets: [FileKey: Int32] = [:]
  /// The indices of the file of the entry added last: mostly that of the next one too.
  private var latest: (key: FileKey, source: Int32, labels: Int32)?
  private var suffix: [UInt8] = []  // of the position of the entry being added
  private var isAddressed = false

  init(origin: String, reusing old: consuming LogBatch?) {
    batch = old.map { LogBatch(origin: origin, reusing: $0) } ?? LogBatch(origin: origin)
  }

  var isEmpty: Bool { batch.isEmpty }

  /// Whether lines for `audience` may be added; a batch goes to one.
  func accepts(_ audience: Set<String>?) -> Bool {
    isAddressed ? batch.audience == audience : audience == nil || batch.sources.isEmpty
  }

  mutating func setAudience(_ audience: Set<String>?) {
    isAddressed = true
    batch.audience = audience
  }

  /// A line's place in the batch, to be appended with it.
  struct Entry {
    var stamp: Int64
    var source: Int32
    var labels: Int32
  }

  mutating func entry(
    of key: FileKey, prefix: [UInt8], stamp: Int64, position: FilePosition, labels: LabelSet
  ) -> Entry {
    suffix.removeAll(keepingCapacity: true)
    position.appendSuffix(to: &suffix)
    if let latest, latest.key == key { return Entry(stamp: stamp, source: latest.source, labels: latest.labels) }
    let labels = labelSet(key, labels)
    let source = source(key, prefix)
    latest = (key, source, labels)
    return Entry(stamp: stamp, source: source, labels: labels)
  }

  private mutating func labelSet(_ key: FileKey, _ labels: LabelSet) -> Int32 {
    if let known = labelSets[key] { return known }
    let index = Int32(batch.labelSets.count)
    labelSets[key] = index
    batch.labelSets.append(labels)
    bytes += labels.packed.count + 32
    return index
  }

  mutating func append(_ line: Span<UInt8>, _ entry: Entry) {
    let suffix = suffix
    batch.append(
      line: line, timestampNanoseconds: entry.stamp, labels: entry.labels, source: entry.source, position: suffix.span)
    bytes += line.count + suffix.count + MemoryLayout<LogBatch.Entry>.stride
  }

  /// Where the file stands after the batch; empty to have it forgotten.
  mutating func set(_ position: [UInt8], of key: FileKey, prefix: [UInt8]) {
    let index = Int(source(key, prefix))
    batch.sources[index].position = position
  }

  private mutating func source(_ key: FileKey, _ prefix: [UInt8]) -> Int32 {
    if let known = sources[key] { return known }
    let index = Int32(batch.sources.count)
    sources[key] = index
    batch.sources.append(LogBatch.Source(name: key.name, positionPrefix: prefix))
    bytes += 2 * prefix.count + 64
    return index
  }
}
