// SPDX-License-Identifier: Apache-2.0

/// Many log entries that cross a module together, in flat buffers, with what it takes to account for them.
///
/// A *source* is what has a position: a file, a journal. Each entry says where its source stands once the entry and all
/// before it are accounted for, and each source where it stands once the whole batch is. Whoever drops entries leaves the
/// latter as it is, so that what was dropped is not read again; whoever holds an entry back sets it to the position of the
/// entry before that one.
///
/// Positions are opaque to all but the source. A destination writes them into the same record as the entries.
public struct LogBatch: Sendable {
  /// One line with its time and labels: places in the batch's buffers.
  public struct Entry: Sendable {
    /// The index of its labels in `labelSets`.
    public var labels: Int32
    /// The index of its source in `sources`; negative for an entry that cannot be read again.
    public var source: Int32
    /// Nanoseconds since 1970; given once, never changed afterwards.
    public var timestampNanoseconds: Int64
    private var lineStart: UInt32 = 0
    private var lineCount: UInt32 = 0
    private var metadataStart: UInt32 = 0
    private var metadataCount: UInt32 = 0
    private var positionStart: UInt32 = 0
    private var positionCount: UInt32 = 0

    /// Where the line stands in `bytes`, without its end-of-line.
    public var line: Range<Int> {
      get { Int(lineStart)..<Int(lineStart + lineCount) }
      set { (lineStart, lineCount) = (UInt32(newValue.lowerBound), UInt32(newValue.count)) }
    }

    /// Where its structured metadata, packed like labels, stands in `bytes`; empty for none.
    public var metadata: Range<Int> {
      get { Int(metadataStart)..<Int(metadataStart + metadataCount) }
      set { (metadataStart, metadataCount) = (UInt32(newValue.lowerBound), UInt32(newValue.count)) }
    }

    /// Where what follows the source's `positionPrefix` stands in `positionBytes`.
    public var position: Range<Int> {
      get { Int(positionStart)..<Int(positionStart + positionCount) }
      set { (positionStart, positionCount) = (UInt32(newValue.lowerBound), UInt32(newValue.count)) }
    }

    /// An entry with an empty line.
    public init(labels: Int32, source: Int32, timestampNanoseconds: Int64) {
      self.labels = labels
      self.source = source
      self.timestampNanoseconds = timestampNanoseconds
    }
  }

  /// Something with a position.
  public struct Source: Sendable, Equatable {
    /// Its name within the origin.
    public var name: [UInt8]
    /// What all its positions begin with.
    public var positionPrefix: [UInt8]
    /// Where it stands once the batch is accounted for, prefix included; empty to have it forgotten; nil when there is
    /// nothing new to say, because its entries are held back.
    public var position: [UInt8]?

    /// A source.
    public init(name: [UInt8], positionPrefix: [UInt8] = [], position: [UInt8]? = nil) {
      self.name = name
      self.positionPrefix = positionPrefix
      self.position = position
    }
  }

  /// The component that read the entries and can read them again; empty when nobody can.
  public var origin: String
  /// The components between the origin and here whose ways may part and meet again, first to last.
  public var route: [String] = []
  /// The destinations (see ``LogDestination``) that lack these entries; nil for all.
  public var audience: Set<String>?

  /// Whether the origin could read on at once: gathering more before writing this down would only slow it.
  public var moreFollows = false

  /// Lines and metadata.
  public var bytes: [UInt8] = []
  /// What follows the sources' prefixes in the positions of entries.
  public var positionBytes: [UInt8] = []
  /// The label sets entries refer to; not necessarily distinct.
  public var labelSets: [LabelSet] = []
  /// The entries, in the order their sources have them.
  public var entries: [Entry] = []
  /// The sources entries refer to, and those that only moved on.
  public var sources: [Source] = []

  /// A batch without entries.
  public init(origin: String = "") { self.origin = origin }

  /// A batch without entries, in the buffers of one that nobody else has any more.
  public init(origin: String, reusing old: consuming LogBatch) {
    self = old
    self.origin = origin
    (route, audience, moreFollows) = ([], nil, false)
    bytes.removeAll(keepingCapacity: true)
    positionBytes.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    (labelSets, sources) = ([], [])
  }

  /// Whether there is nothing to deliver and nothing to note.
  public var isEmpty: Bool { entries.isEmpty && sources.allSatisfy { $0.position == nil } }

  /// Roughly what it takes in memory.
  public var memoryBytes: Int {
    bytes.count + positionBytes.count + entries.count * MemoryLayout<Entry>.stride
      + labelSets.reduce(0) { $0 + $1.packed.count + 32 }
  }

  /// Appends an entry, copying what it is made of.
  public mutating func append(
    line: Span<UInt8>, metadata: Span<UInt8> = Span(), timestampNanoseconds: Int64, labels: Int32, source: Int32 = -1,
    position: Span<UInt8> = Span()
  ) {
    var entry = Entry(labels: labels, source: source, timestampNanoseconds: timestampNanoseconds)
    entry.line = Self.append(line, to: &bytes)
    entry.metadata = Self.append(metadata, to: &bytes)
    entry.position = Self.append(position, to: &positionBytes)
    entries.append(entry)
  }

  /// Where the source of `entry` stands after it, prefix included; nil when it has none.
  public func position(after entry: Entry) -> [UInt8]? {
    guard entry.source >= 0 else { return nil }
    return sources[Int(entry.source)].positionPrefix + positionBytes[entry.position]
  }

  private static func append(_ span: Span<UInt8>, to buffer: inout [UInt8]) -> Range<Int> {
    let start = buffer.count
    guard !span.isEmpty else { return start..<start }
    unsafe span.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
    return start..<buffer.count
  }
}
