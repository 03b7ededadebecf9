// SPDX-License-Identifier: Apache-2.0

/// `stage.docker`: reads lines as Docker's json-file driver writes them: `{"log":"…\n","stream":"stdout","time":"…"}`.
///
/// The line keeps the newline at its end. Lines that Docker wrote in parts are not joined.
public final class DockerStage: Stage {
  private static let (output, stream, timestamp) = (
    Array("output".utf8), Array("stream".utf8), Array("timestamp".utf8)
  )

  private var clock = RFC3339Clock()

  /// A stage without arguments.
  public init() {}

  /// Reads the line; one that is not of this form, or says nothing, stays as it is.
  public func process(_ entry: inout LogEntry, at moment: Moment) -> StageOutcome {
    guard let line = DockerLine(entry.line, of: &entry.bytes), !line.log.isEmpty else { return .pass }
    entry.setExtracted(Self.output, to: .text(line.log))
    entry.setExtracted(Self.stream, to: .text(line.stream))
    entry.setExtracted(Self.timestamp, to: .text(line.time))
    if !line.stream.isEmpty { entry.setLabel(Self.stream, to: line.stream) }
    if let time = clock.nanoseconds(entry.bytes.span.extracting(line.time)) { entry.timestampNanoseconds = time }
    entry.line = line.log
    return .pass
  }
}
