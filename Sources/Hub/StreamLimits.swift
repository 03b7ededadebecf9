// SPDX-License-Identifier: Apache-2.0

/// How strict a hub is with log lines; Loki's `limits_config`, with its defaults except for the rates.
public struct StreamLimits: Sendable, Equatable {
  /// The most labels of a stream (`max_label_names_per_series`).
  public var maxLabels = 15
  /// The most bytes of a label's name (`max_label_name_length`).
  public var maxLabelNameBytes = 1024
  /// The most bytes of a label's value (`max_label_value_length`).
  public var maxLabelValueBytes = 2048
  /// The most bytes of a line (`max_line_size`).
  public var maxLineBytes = 256 << 10
  /// The most bytes of a line's structured metadata (`max_structured_metadata_size`).
  public var maxMetadataBytes = 64 << 10
  /// The most pairs of a line's structured metadata (`max_structured_metadata_entries_count`).
  public var maxMetadataPairs = 128
  /// The most streams of a tenant (`max_global_streams_per_user`).
  public var maxStreams = 5000
  /// How old a line may be at all (`reject_old_samples_max_age`).
  public var maxAge: Duration = .seconds(168 * 3600)
  /// How far a line may be behind the newest of its stream; half of `max_chunk_age`.
  public var behind: Duration = .seconds(3600)
  /// How far in the hub's future a line may be (`creation_grace_period`).
  public var future: Duration = .seconds(600)
  /// Bytes of lines a tenant may send a second (`ingestion_rate_mb`, there 4 MB); nil for any number.
  public var tenantBytesPerSecond: Int?
  /// How many of them at once (`ingestion_burst_size_mb`, there 6 MB); nil for those of a second.
  public var tenantBurstBytes: Int?
  /// Bytes of lines a stream may take a second (`per_stream_rate_limit`, there 3 MB); nil for any number.
  public var streamBytesPerSecond: Int?
  /// How many of them at once (`per_stream_rate_limit_burst`, there 15 MB); nil for those of a second.
  public var streamBurstBytes: Int?
  /// Whether only what became of a push's last stream is answered, as Loki does: a stream refused before it is passed
  /// over in silence.
  public var masksErrors = true

  /// Loki's defaults, without rates.
  public init() {}
}
