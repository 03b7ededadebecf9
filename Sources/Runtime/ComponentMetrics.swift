// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

extension SeriesBatch {
  /// Copies the metrics of the component `id`, with `component_path` and `component_id` as Alloy has them: two components
  /// of one kind report the same names.
  mutating func append(_ own: SeriesBatch, ofComponent id: String) {
    let slash = id.lastIndex(of: "/")
    let path = "/" + (slash.map { id[..<$0] } ?? "")
    let name = slash.map { String(id[id.index(after: $0)...]) } ?? id
    for family in own.families {
      self.family(family, of: own)
      for row in own.rows[family.rows] {
        label("component_path", path)
        label("component_id", name)
        let labels = own.labelBytes.span.extracting(row.labels)
        var offset = 0
        while let next = readLabel(labels, at: &offset) {
          label(labels.extracting(next.name), labels.extracting(next.value))
        }
        finishSeries(bits: row.valueBits, timestampMilliseconds: row.timestampMilliseconds)
      }
    }
  }
}
