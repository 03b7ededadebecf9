// SPDX-License-Identifier: Apache-2.0

/// `stage.tenant`: says for which tenant of the hub an entry is, by a label that `loki.write` takes away again.
public final class TenantStage: Stage {
  /// Where the tenant comes from.
  public enum Source: Sendable {
    /// It is always this.
    case value(String)
    /// The value of a label.
    case label(String)
    /// What was extracted under a name.
    case extracted(String)
  }

  private let kind: Source
  private let name: [UInt8]
  private static let label = Array("__tenant_id__".utf8)

  /// Takes the tenant from `source`.
  public init(_ source: Source) {
    kind = source
    switch source {
    case .value(let text), .label(let text), .extracted(let text): name = Array(text.utf8)
    }
  }

  /// Sets the tenant, unless there is none.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    let name = name
    let tenant: Range<Int>? =
      switch kind {
      case .value: entry.append(name.span)
      case .label: entry.label(name)
      case .extracted: entry.extractedText(name)
      }
    if let tenant, !tenant.isEmpty { entry.setLabel(Self.label, to: tenant) }
    return .pass
  }
}
