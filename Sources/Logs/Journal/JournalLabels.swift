// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import RE2
internal import Relabel
internal import Telemetry

/// Makes the labels of entries: the static ones, and for the rules `__journal_<field>` of the fields they look at.
///
/// Rules are pure, so each combination of values goes through them once as long as it is remembered.
struct JournalLabels: Sendable {
  /// What a field becomes.
  private struct Field: Sendable {
    var slot: Int?
    /// The slot of `__journal_priority_keyword`, with `PRIORITY`.
    var keywordSlot: Int?
  }

  /// A label in the making.
  private struct Slot: Sendable {
    var name: [UInt8]
    var constant: [UInt8]?
    var value: Range<Int>?
  }

  /// What became of a combination of values, and where its labels stand in the batch being filled.
  private struct Outcome: Sendable {
    var labels: LabelSet?
    var batch = 0
    var index: Int32 = 0
  }

  private static let mostFields = 4096
  private static let mostOutcomes = 4096
  private static let mostRememberedBytes = 512 << 10
  private static let longestRemembered = 4096
  private static let prefix = Array("__journal_".utf8)
  private static let keywordName = Array("__journal_priority_keyword".utf8)
  private static let keywords: [[UInt8]] = [
    "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug",
  ].map { Array(($0 as String).utf8) }

  private var relabeller: Relabeller
  private let wantedNames: Set<[UInt8]>
  private let wantedPatterns: [Pattern]
  private var slots: [Slot] = []
  private var order: [Int] = []
  private var fieldNames = LabelIndex()
  private var fields: [Field] = []
  private var values: [UInt8] = []
  private var packed: [UInt8] = []
  private var index = LabelIndex()
  private var outcomes: [Outcome] = []
  private var batch = 0

  /// Whether `take` has to be called for the fields of an entry.
  let wantsFields: Bool

  /// `labels` on each entry, then `rules`.
  init(labels: LabelSet, rules: [RelabelRule]) {
    relabeller = Relabeller(rules)
    let names = rules.flatMap { rule -> [String] in
      switch rule.action {
      case .keepequal, .dropequal: rule.sourceLabels + [rule.targetLabel]
      case .labelmap, .labeldrop, .labelkeep: []
      default: rule.sourceLabels
      }
    }
    wantedNames = Set(names.map { Array($0.utf8) }.filter { $0.starts(with: Self.prefix) })
    wantedPatterns = rules.filter { $0.action == .labelmap }.map(\.regex)
    wantsFields = !wantedNames.isEmpty || !wantedPatterns.isEmpty
    for label in labels.labels { _ = addSlot(Array(label.name.utf8), constant: Array(label.value.utf8)) }
  }

  private mutating func addSlot(_ name: [UInt8], constant: [UInt8]? = nil) -> Int? {
    // A static label wins over a field of the same name.
    guard !slots.contains(where: { $0.name == name }) else { return nil }
    slots.append(Slot(name: name, constant: constant))
    order = slots.indices.sorted { slots[$0].name.lexicographicallyPrecedes(slots[$1].name) }
    return slots.count - 1
  }

  private func isWanted(_ name: [UInt8]) -> Bool {
    wantedNames.contains(name) || wantedPatterns.contains { $0.matches(name.span) }
  }

  /// Says that another batch is being filled.
  mutating func beginBatch() {
    batch += 1
    index.rewind()
  }

  /// Says that another entry follows.
  mutating func beginEntry() {
    values.removeAll(keepingCapacity: true)
    for slot in slots.indices { slots[slot].value = nil }
    fieldNames.rewind()
  }

  /// Takes a field of the entry; of one that it has several times, the last.
  mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>) {
    guard let field = field(name) else { return }
    if let slot = field.slot {
      let start = values.count
      _ = LineText.append(value, to: &values)
      slots[slot].value = start..<values.count
    }
    if let slot = field.keywordSlot {
      let start = values.count
      if let priority = parseUnsigned(value, 0..<value.count), priority < 8 {
        values.append(contentsOf: Self.keywords[Int(priority)])
      }
      slots[slot].value = start..<values.count
    }
  }

  /// What the field called `name` becomes; nil for one of more names than anybody has.
  private mutating func field(_ name: Span<UInt8>) -> Field? {
    if fieldNames.count >= Self.mostFields { (fieldNames, fields) = (LabelIndex(), []) }
    let (number, isNew) = fieldNames.find(name)
    guard isNew else { return fields[number] }
    var field = Field()
    var label = Self.prefix
    for position in 0..<name.count {
      let byte = name[position]
      label.append(byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte)
    }
    if isWanted(label) { field.slot = slot(label) }
    if equal(name, 0..<name.count, "PRIORITY"), isWanted(Self.keywordName) {
      field.keywordSlot = slot(Self.keywordName)
    }
    fields.append(field)
    return field
  }

  /// The slot of the label called `name`, where fields may write; names seen before have theirs still.
  private mutating func slot(_ name: [UInt8]) -> Int? {
    if let known = slots.firstIndex(where: { $0.name == name }) { return slots[known].constant == nil ? known : nil }
    guard slots.count < Self.mostFields else { return nil }
    return addSlot(name)
  }

  /// The index in `batch` of the entry's labels; nil when a rule drops the entry or leaves it none.
  mutating func finish(in batch: inout LogBatch) -> Int32? {
    pack()
    guard packed.count <= Self.longestRemembered else { return add(relabelledSet(), to: &batch) }
    if index.count >= Self.mostOutcomes || index.bytes.count >= Self.mostRememberedBytes {
      (index, outcomes) = (LabelIndex(), [])
    }
    let key = packed
    let (number, isNew) = index.find(key.span)
    if isNew { outcomes.append(Outcome(labels: relabelledSet())) }
    guard let labels = outcomes[number].labels else { return nil }
    if outcomes[number].batch != self.batch {
      outcomes[number].batch = self.batch
      outcomes[number].index = Int32(batch.labelSets.count)
      batch.labelSets.append(labels)
    }
    return outcomes[number].index
  }

  private func add(_ labels: LabelSet?, to batch: inout LogBatch) -> Int32? {
    guard let labels else { return nil }
    batch.labelSets.append(labels)
    return Int32(batch.labelSets.count - 1)
  }

  private mutating func pack() {
    var packed: [UInt8] = []
    swap(&packed, &self.packed)
    packed.removeAll(keepingCapacity: true)
    let values = values
    for place in order {
      let slot = slots[place]
      if let constant = slot.constant {
        appendLabel(slot.name.span, constant.span, to: &packed)
      } else if let value = slot.value, !value.isEmpty {
        appendLabel(slot.name.span, values.span.extracting(value), to: &packed)
      }
    }
    swap(&packed, &self.packed)
  }

  /// What the rules make of `packed`, without the labels that are for rules only; nil when nothing is left.
  private mutating func relabelledSet() -> LabelSet? {
    let input = packed
    var output: [UInt8] = []
    guard relabeller.apply(to: input.span, into: &output) else { return nil }
    var kept: [UInt8] = []
    appendWithoutInternalLabels(output.span, keepingMetricName: false, to: &kept)
    return kept.isEmpty ? nil : LabelSet(packed: kept)
  }
}

private func appendLabel(_ name: Span<UInt8>, _ value: Span<UInt8>, to packed: inout [UInt8]) {
  appendLengthPrefixed(name, to: &packed)
  appendLengthPrefixed(value, to: &packed)
}
