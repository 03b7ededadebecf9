// SPDX-License-Identifier: Apache-2.0

internal import Telemetry

extension SeriesBatch {
  /// Copies the metrics of the component `id`, with `component_path` and `component_id` as Alloy has them: two components
  /// of one kind report the same names.
  mutating func append(_ own: SeriesBatch, ofComponent id: String) {
    let name = ComponentName(id)
    for family in own.families {
      self.family(family, of: own)
      for row in own.rows[family.rows] {
        label("component_path", name.path)
        label("component_id", name.local)
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
