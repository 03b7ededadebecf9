// SPDX-License-Identifier: Apache-2.0

internal import Logs
internal import Telemetry

/// A journal reader's own metrics: Alloy's names where it has them.
struct JournalMetrics {
  private let numbers: JournalStatistics.Snapshot

  init(_ numbers: JournalStatistics.Snapshot) { self.numbers = numbers }

  func write(to batch: inout SeriesBatch) {
    batch.family("loki_source_journal_target_lines_total", .counter, help: "Entries handed on.")
    batch.append(Double(numbers.lines))
    batch.family(
      "loki_source_journal_target_parsing_errors_total", .counter, help: "Entries left out, for a reason in them.")
    append(&batch, "error", "no_message", numbers.withoutMessage)
    append(&batch, "error", "empty_labels", numbers.withoutLabels)
    append(&batch, "error", "damaged", numbers.damaged)
    batch.family(
      "spoke_source_own_lines_total", .counter, help: "Entries left out because this agent wrote them about such lines."
    )
    batch.append(Double(numbers.own))
    batch.family("spoke_source_lines_cut_total", .counter, help: "Lines whose end was left out.")
    batch.append(Double(numbers.cutLines))
    batch.family("spoke_source_invalid_utf8_total", .counter, help: "Lines in which something was not text.")
    batch.append(Double(numbers.repairedLines))
    batch.family("spoke_source_lost_total", .counter, help: "Entries that were gone before they were read.")
    append(&batch, "reason", "vacuumed", numbers.vacuumed)
    append(&batch, "reason", "unreadable", numbers.unreadable)
    batch.family(
      "spoke_source_gaps_total", .counter, help: "Times entries may be missing and nobody can say how many.")
    batch.append(Double(numbers.gaps))
    batch.family("spoke_source_reopened_total", .counter, help: "Times the source was opened anew because it stalled.")
    batch.append(Double(numbers.reopened))
    batch.family("spoke_source_paused", .gauge, help: "Whether the receiver takes nothing at the moment.")
    batch.append(numbers.isPaused ? 1 : 0)
    guard let lag = numbers.lagSeconds else { return }
    batch.family("spoke_source_lag_seconds", .gauge, help: "How far reading is behind the source's end.")
    batch.append(lag)
  }

  private func append(_ batch: inout SeriesBatch, _ label: StaticString, _ value: StaticString, _ count: UInt64) {
    batch.label(label, value)
    batch.append(Double(count))
  }
}
