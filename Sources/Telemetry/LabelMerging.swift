// SPDX-License-Identifier: Apache-2.0

/// Two packed sets as one; of two labels with one name that of `labels` stays.
public func mergedLabels(_ labels: Span<UInt8>, _ external: Span<UInt8>) -> [UInt8] {
  var merged: [UInt8] = []
  merged.reserveCapacity(labels.count + external.count)
  var (left, right) = (0, 0)
  var own = readLabel(labels, at: &left)
  var other = readLabel(external, at: &right)
  while own != nil || other != nil {
    let order: Int
    if let own, let other {
      order = compare(labels.extracting(own.name), external.extracting(other.name))
    } else {
      order = own != nil ? -1 : 1
    }
    if order <= 0, let label = own {
      appendLabel(label, of: labels, to: &merged)
      own = readLabel(labels, at: &left)
      if order == 0 { other = readLabel(external, at: &right) }
    } else if let label = other {
      appendLabel(label, of: external, to: &merged)
      other = readLabel(external, at: &right)
    }
  }
  return merged
}

private func appendLabel(_ label: LabelRanges, of bytes: Span<UInt8>, to packed: inout [UInt8]) {
  appendLengthPrefixed(bytes.extracting(label.name), to: &packed)
  appendLengthPrefixed(bytes.extracting(label.value), to: &packed)
}

/// Appends packed labels without those beginning with `__`, which are for use within the agent only; `__name__` may stay.
public func appendWithoutInternalLabels(
  _ labels: Span<UInt8>, keepingMetricName: Bool, to packed: inout [UInt8]
) {
  var offset = 0
  while let label = readLabel(labels, at: &offset) {
    let name = labels.extracting(label.name)
    let isInternal = name.count >= 2 && name[0] == 0x5f && name[1] == 0x5f && !(keepingMetricName && isMetricName(name))
    if !isInternal { appendLabel(label, of: labels, to: &packed) }
  }
}

private func isMetricName(_ name: Span<UInt8>) -> Bool {
  let wanted: StaticString = "__name__"
  guard name.count == wanted.utf8CodeUnitCount else { return false }
  for index in 0..<name.count where unsafe wanted.utf8Start[index] != name[index] { return false }
  return true
}

private func compare(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Int {
  for index in 0..<min(left.count, right.count) where left[index] != right[index] {
    return Int(left[index]) - Int(right[index])
  }
  return left.count - right.count
}
