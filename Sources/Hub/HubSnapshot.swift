// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A hub's counts at one moment.
public struct HubSnapshot: Sendable, Equatable {
  /// Series seen.
  public var series = 0
  /// Samples taken, without duplicates.
  public var samples = 0
  /// Samples that came again.
  public var duplicateSamples = 0
  /// Samples that had to make room.
  public var evictedSamples = 0
  /// Samples a second, over the last ten.
  public var samplesPerSecond = 0.0
  /// Families with metadata.
  public var families = 0
  /// Log streams seen.
  public var streams = 0
  /// Lines taken, without duplicates.
  public var lines = 0
  /// Lines that came again.
  public var duplicateLines = 0
  /// Lines that had to make room.
  public var evictedLines = 0
  /// Lines a second, over the last ten.
  public var linesPerSecond = 0.0
  /// Requests by path and status, such as `/api/v1/write 204`; a status of 0 means there was no answer.
  public var requests: [String: Int] = [:]

  /// As a JSON object.
  var json: String {
    let requests = self.requests.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\($0.value)" }
    return """
      {"series":\(series),"samples":\(samples),"duplicateSamples":\(duplicateSamples),\
      "evictedSamples":\(evictedSamples),"samplesPerSecond":\(samplesPerSecond),"families":\(families),\
      "streams":\(streams),"lines":\(lines),"duplicateLines":\(duplicateLines),"evictedLines":\(evictedLines),\
      "linesPerSecond":\(linesPerSecond),"requests":{\(requests.joined(separator: ","))}}
      """
  }
}
