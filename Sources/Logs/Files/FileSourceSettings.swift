// SPDX-License-Identifier: Apache-2.0

/// Which files are read, and how.
public struct FileSourceSettings: Sendable, Equatable {
  /// What a file that is met for the first time begins with.
  public enum Beginning: Sendable, Equatable {
    /// Its first line.
    case start
    /// The first line written from then on.
    case end
  }

  /// Files the paths of which are patterns: `file_match`.
  public struct Matching: Sendable, Equatable {
    /// How often the files are listed.
    public var syncPeriod: Duration
    /// How long a file may not have been written to be passed over; zero for ever.
    public var ignoreOlderThan: Duration

    /// Patterns are looked up every `syncPeriod`.
    public init(syncPeriod: Duration = .seconds(10), ignoreOlderThan: Duration = .zero) {
      self.syncPeriod = syncPeriod
      self.ignoreOlderThan = ignoreOlderThan
    }
  }

  /// The labels of each target; `__path__` says where its file is.
  public var targets: [[String: String]]
  /// How characters are encoded.
  public var encoding = TextEncoding.utf8
  /// Where files nobody knows begin.
  public var beginning = Beginning.start
  /// The times between two looks at the files where the kernel does not tell of changes.
  public var pollInterval: ClosedRange<Duration> = .milliseconds(250) ... .milliseconds(250)
  /// How paths that are patterns are read; nil when they are not.
  public var matching: Matching?
  /// Whether the files are gzip archives, read once as a whole, this long after they are met.
  public var gzipDelay: Duration?
  /// How far files nobody knows were read by the agent before this one, by path.
  public var takenOver: [String: TakenOver] = [:]
  /// The most bytes of a line, what is appended to one that was cut included.
  public var longestLine = 256 << 10
  /// How long a file that was set aside must not have grown for a last line without newline to be delivered.
  public var quietPeriod: Duration = .seconds(2)

  /// What an earlier agent left of a file.
  public enum TakenOver: Sendable, Equatable {
    /// The byte after the last line it read.
    case offset(Int64)
    /// Nothing that could be understood: where to begin instead, or not at all.
    case damaged(Beginning?)
  }

  /// Reads the files of `targets`.
  public init(targets: [[String: String]]) { self.targets = targets }
}
