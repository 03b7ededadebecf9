// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// What a scrape said about itself, for the `up` family.
public struct ScrapeFacts: Sendable {
  /// Milliseconds since 1970 at which it began: what samples without a timestamp get.
  public var timestampMilliseconds: Int64
  /// How long fetching and reading took.
  public var duration: Duration
  /// Bytes of the page; -1 where `body_size_limit` was exceeded.
  public var bodySize: Int

  /// The facts of a scrape.
  public init(timestampMilliseconds: Int64, duration: Duration, bodySize: Int) {
    self.timestampMilliseconds = timestampMilliseconds
    self.duration = duration
    self.bodySize = bodySize
  }
}

/// What became of a scrape.
public struct ScrapeResult: Sendable, Equatable {
  /// Why it failed; nil where it did not.
  public var error: ScrapeError?
  /// Samples on the page.
  public var scraped = 0
  /// Series that the last scrapes did not have.
  public var seriesAdded = 0
  /// Samples left out because their series had one already.
  public var duplicates = 0
}

/// Makes of what a target said what is sent on: its labels, timestamps, limits, staleness markers, and `up`.
///
/// One per target, for as long as the target lives; it has no clock. What it writes is a batch of its own: markers of
/// series that ended come first and belong to no family; then the scraped samples in their families; then `up` and the
/// rest. A scrape that fails contributes markers for everything the last one had, and its `up 0`.
///
/// `scrape_samples_post_metric_relabeling` is what was scraped: relabelling is a component further down the line.
public struct SampleAppender: Sendable {
  private let settings: ScrapeSettings
  private let timeout: Duration
  private let target: LabelSet
  private var merger: LabelMerger
  private var cache = SeriesCache()
  private var scrape: UInt32 = 1  // the number of the scrape last appended; 0 is "never"
  private var places: [Int32] = []  // for each scraped row, its entry in the cache, or -1: not sent
  private var hasReported = false

  /// An appender for a target with these `labels`.
  public init(labels: LabelSet, timeout: Duration, settings: ScrapeSettings) {
    self.settings = settings
    self.timeout = timeout
    target = labels
    merger = LabelMerger(target: labels, honorLabels: settings.honorLabels)
  }

  /// The same target under other settings: what series it had is remembered.
  public func with(timeout: Duration, settings: ScrapeSettings) -> SampleAppender {
    var other = SampleAppender(labels: target, timeout: timeout, settings: settings)
    other.cache = cache
    other.scrape = scrape
    other.hasReported = hasReported
    return other
  }

  // MARK: What a loop does

  /// Appends to `outgoing` what was `scraped`, or what has to be said because that exceeds a limit.
  public mutating func append(_ scraped: SeriesBatch, _ facts: ScrapeFacts, into outgoing: inout SeriesBatch)
    -> ScrapeResult
  {
    let known = cache.entries.count
    beginScrape()
    var result = ScrapeResult()
    if let error = examine(scraped, facts.timestampMilliseconds, &result) {
      cache.truncate(to: known)
      result.error = error
      write(failed: facts, &result, into: &outgoing)
      return result
    }
    endSeries(at: facts.timestampMilliseconds, into: &outgoing)
    copy(scraped, facts.timestampMilliseconds, into: &outgoing)
    cache.keepOnly(seen: scrape)
    report(facts, result, into: &outgoing)
    return result
  }

  /// Appends what has to be said of a scrape that failed with `error` after `scraped` samples.
  public mutating func fail(
    _ error: ScrapeError, afterSamples scraped: Int = 0, _ facts: ScrapeFacts, into outgoing: inout SeriesBatch
  ) -> ScrapeResult {
    beginScrape()
    var result = ScrapeResult(error: error, scraped: scraped)
    write(failed: facts, &result, into: &outgoing)
    return result
  }

  /// Appends the markers of a target that is gone, at a time after its last scrape; nothing where it never had one.
  public mutating func end(atMilliseconds timestamp: Int64, into outgoing: inout SeriesBatch) {
    guard hasReported else { return }
    beginScrape()
    endAllSeries(at: timestamp, into: &outgoing)
    cache = SeriesCache()
    for metric in reportMetrics { report(metric, bits: staleMarkerBits, at: timestamp, into: &outgoing) }
    hasReported = false
  }

  // MARK: Reading a batch

  private mutating func beginScrape() {
    scrape &+= 1
    cache.rewind()
  }

  /// Finds every row's series; an error where a limit is exceeded.
  private mutating func examine(_ scraped: SeriesBatch, _ timestamp: Int64, _ result: inout ScrapeResult)
    -> ScrapeError?
  {
    places.removeAll(keepingCapacity: true)
    let bytes = scraped.labelBytes.span
    var sent = 0
    for row in scraped.rows {
      result.scraped += 1
      merger.merge(bytes.extracting(row.labels))
      if let error = exceededLabelLimit() { return error }
      let (index, isNew) = cache.find(merger.merged)
      if take(row, at: index, timestamp) {
        places.append(Int32(index))
        sent += 1
        if isNew { result.seriesAdded += 1 }
      } else {
        places.append(-1)
        result.duplicates += 1
      }
    }
    guard settings.sampleLimit > 0, sent > settings.sampleLimit else { return nil }
    return ScrapeError("sample limit exceeded: \(sent) samples, sample_limit is \(settings.sampleLimit)", .sampleLimit)
  }

  /// False where the series has a sample of this or a later time already.
  private mutating func take(_ row: SeriesBatch.Row, at index: Int, _ timestamp: Int64) -> Bool {
    let entry = cache.entries[index]
    let explicit = settings.honorTimestamps ? row.timestampMilliseconds : nil
    if entry.seen == scrape {
      guard let explicit, explicit > entry.timestamp else { return false }
    }
    cache.mark(index, seen: scrape, timestamp: explicit ?? timestamp)
    if explicit == nil || settings.trackTimestampsStaleness { cache.track(index, in: scrape) }
    return true
  }

  private func exceededLabelLimit() -> ScrapeError? {
    let (most, longestName, longestValue) = (
      settings.labelLimit, settings.labelNameLengthLimit, settings.labelValueLengthLimit
    )
    guard most > 0 || longestName > 0 || longestValue > 0 else { return nil }
    var count = 0
    var offset = 0
    while let label = readLabel(merger.merged.span, at: &offset) {
      count += 1
      if longestName > 0, label.name.count > longestName {
        return labelError("label_name_length_limit", label, label.name.count, longestName)
      }
      if longestValue > 0, label.value.count > longestValue {
        return labelError("label_value_length_limit", label, label.value.count, longestValue)
      }
    }
    guard most > 0, count > most else { return nil }
    return ScrapeError(
      "label_limit exceeded (metric: \(metricName()), number of labels: \(count), limit: \(most))", .labelLimit)
  }

  private func labelError(_ limit: String, _ label: LabelRanges, _ length: Int, _ most: Int) -> ScrapeError {
    let name = String(decoding: merger.merged[label.name].prefix(50), as: UTF8.self)
    return ScrapeError(
      "\(limit) exceeded (metric: \(metricName()), label name: \(name), length: \(length), limit: \(most))", .labelLimit
    )
  }

  private func metricName() -> String {
    String((LabelSet(packed: merger.merged)["__name__"] ?? "").prefix(50))
  }

  // MARK: Writing a batch

  private mutating func write(failed facts: ScrapeFacts, _ result: inout ScrapeResult, into outgoing: inout SeriesBatch)
  {
    result.seriesAdded = 0
    endAllSeries(at: facts.timestampMilliseconds, into: &outgoing)
    report(facts, result, into: &outgoing)
  }

  /// Markers for what the scrape before this one had and this one has not.
  private func endSeries(at timestamp: Int64, into outgoing: inout SeriesBatch) {
    let previous = scrape &- 1
    for (number, entry) in cache.entries.enumerated() where entry.tracked == previous && entry.seen != scrape {
      cache.append(number, bits: staleMarkerBits, timestampMilliseconds: timestamp, to: &outgoing)
    }
  }

  /// Markers for what the scrape before this one had, whether or not this one, which failed, has met it already.
  private mutating func endAllSeries(at timestamp: Int64, into outgoing: inout SeriesBatch) {
    let previous = scrape &- 1
    for (number, entry) in cache.entries.enumerated() where entry.tracked == previous || entry.tracked == scrape {
      cache.append(number, bits: staleMarkerBits, timestampMilliseconds: timestamp, to: &outgoing)
    }
    cache.untrackAll()
  }

  private func copy(_ scraped: SeriesBatch, _ timestamp: Int64, into outgoing: inout SeriesBatch) {
    var family = 0
    var exemplar = 0
    for (row, place) in places.enumerated() {
      while family < scraped.families.count, scraped.families[family].rows.lowerBound <= row {
        outgoing.family(scraped.families[family], of: scraped)
        family += 1
      }
      guard place >= 0 else { continue }
      let stamp = settings.honorTimestamps ? scraped.rows[row].timestampMilliseconds : nil
      cache.append(
        Int(place), bits: scraped.rows[row].valueBits, timestampMilliseconds: stamp ?? timestamp, to: &outgoing)
      while exemplar < scraped.exemplars.count, scraped.exemplars[exemplar].row <= row {
        if scraped.exemplars[exemplar].row == row {
          var copied = scraped.exemplars[exemplar]
          copied.row = outgoing.count - 1
          copied.timestampMilliseconds = copied.timestampMilliseconds ?? stamp ?? timestamp
          outgoing.exemplars.append(copied)
        }
        exemplar += 1
      }
    }
    while family < scraped.families.count {
      outgoing.family(scraped.families[family], of: scraped)
      family += 1
    }
  }

  // MARK: The up family

  private enum ReportMetric: CaseIterable {
    case up, duration, scraped, postRelabelling, added
    case timeout, sampleLimit, bodySize  // with extra_metrics
  }

  private static let allMetrics = ReportMetric.allCases

  private var reportMetrics: ArraySlice<ReportMetric> {
    settings.extraMetrics ? Self.allMetrics[...] : Self.allMetrics.prefix(5)
  }

  private mutating func report(_ facts: ScrapeFacts, _ result: ScrapeResult, into outgoing: inout SeriesBatch) {
    for metric in reportMetrics {
      let value: Double =
        switch metric {
        case .up: result.error == nil ? 1 : 0
        case .duration: facts.duration.inSeconds
        case .scraped, .postRelabelling: Double(result.scraped)
        case .added: Double(result.seriesAdded)
        case .timeout: timeout.inSeconds
        case .sampleLimit: Double(settings.sampleLimit)
        case .bodySize: Double(facts.bodySize)
        }
      report(metric, bits: value.bitPattern, at: facts.timestampMilliseconds, into: &outgoing)
    }
    hasReported = true
  }

  private func report(_ metric: ReportMetric, bits: UInt64, at timestamp: Int64, into outgoing: inout SeriesBatch) {
    switch metric {
    case .up: outgoing.family("up", .gauge, help: "1 if the last scrape of the target succeeded, 0 if it failed.")
    case .duration: outgoing.family("scrape_duration_seconds", .gauge, help: "Duration of the scrape.")
    case .scraped: outgoing.family("scrape_samples_scraped", .gauge, help: "Samples the target exposed.")
    case .postRelabelling:
      outgoing.family(
        "scrape_samples_post_metric_relabeling", .gauge, help: "Samples the target exposed; relabelling comes later.")
    case .added: outgoing.family("scrape_series_added", .gauge, help: "Series the scrapes before did not have.")
    case .timeout: outgoing.family("scrape_timeout_seconds", .gauge, help: "The configured scrape timeout.")
    case .sampleLimit: outgoing.family("scrape_sample_limit", .gauge, help: "The configured limit; 0 is none.")
    case .bodySize:
      outgoing.family("scrape_body_size_bytes", .gauge, help: "Size of the page; -1 where it exceeded the limit.")
    }
    var offset = 0
    while let label = readLabel(target.packed.span, at: &offset) {
      outgoing.label(target.packed.span.extracting(label.name), target.packed.span.extracting(label.value))
    }
    outgoing.append(bits: bits, timestampMilliseconds: timestamp)
  }
}
