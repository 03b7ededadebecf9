// SPDX-License-Identifier: Apache-2.0

/// `stage.output`: what was extracted becomes the line.
public final class OutputStage: Stage {
  private let source: [UInt8]

  /// Takes what was extracted as `source`; the line stays when there is nothing.
  public init(_ source: String) { self.source = Array(source.utf8) }

  /// Replaces the line.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    if let text = entry.extractedText(source) { entry.line = text }
    return .pass
  }
}
