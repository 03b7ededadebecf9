// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTP
internal import Linux
internal import Runtime
internal import Scrape
internal import Synchronization
internal import Syntax
internal import Telemetry

/// `prometheus.scrape`: asks targets for their metrics, on time, and hands them on.
final class PrometheusScrape: Component {
  private let arguments: Mutex<ScrapeArguments>
  private let client = ClientSlot()
  private let services: Services
  private let context: ComponentContext
  private let pool: ScrapePool

  static func kind(_ services: Services) -> ComponentKind {
    ComponentKind("prometheus.scrape") { block, context in
      PrometheusScrape(
        ScrapeArguments(block, context: context, services: services), services: services, context: context)
    }
  }

  private init(_ arguments: ScrapeArguments, services: Services, context: ComponentContext) {
    self.arguments = Mutex(arguments)
    self.services = services
    self.context = context
    let receivers = Fanout(arguments.forwardTo)
    let failureLog = arguments.failureLog.isEmpty ? nil : FailureLog(path: arguments.failureLog)
    pool = ScrapePool(
      ScrapeWorld(
        fetch: { [client] in try await fetch($0, client.client) },
        localSource: { services.source(address: $0, path: $1) },
        deliver: { try await receivers.receive($0) },
        onFailure: { failureLog?.write($0, $1) },
        log: context.log))
  }

  func run() async throws {
    let arguments = arguments.withLock { $0 }
    // Reads certificates, which the host that validates a configuration need not have.
    let client = try HTTPClient(arguments.client, on: services.network)
    self.client.client = client
    pool.update(targets: arguments.targets, settings: arguments.settings)
    context.reportHealthy()
    await pool.run()
    await client.close()
  }

  /// Targets come and go with discovery; the rest of the arguments rarely changes.
  func update(_ block: EvaluatedBlock) async -> Bool {
    let decoder = BlockDecoder(block)
    let new = ScrapeArguments(decoder, context: context, services: services)
    guard decoder.finish().allSatisfy({ $0.severity != .error }) else { return false }
    let isTaken = arguments.withLock { old in
      guard new.client == old.client, new.failureLog == old.failureLog,
        new.forwardTo.elementsEqual(old.forwardTo, by: ===)
      else { return false }
      old = new
      return true
    }
    if isTaken { pool.update(targets: new.targets, settings: new.settings) }
    return isTaken
  }

  func check(timeout: Duration) async -> [Finding] {
    do throws(HTTPError) {
      let client = try HTTPClient(arguments.withLock { $0.client }, on: services.network)
      await client.close()
      return []
    } catch {
      return [Finding(.failed, context.id, "\(error)")]
    }
  }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    let statistics = pool.statistics
    batch.family("prometheus_scrape_targets_gauge", .gauge, help: "Targets that are scraped.")
    batch.append(Double(statistics.targets))
    batch.family(
      "prometheus_forwarded_samples_total", .counter, help: "Samples handed on, markers and reports included.")
    batch.append(Double(statistics.forwardedSamples))
    batch.family("spoke_scrape_undelivered_samples_total", .counter, help: "Samples no receiver took; they are lost.")
    batch.append(Double(statistics.undeliveredSamples))
    batch.family("spoke_scrape_failures_total", .counter, help: "Scrapes that failed.")
    batch.append(Double(statistics.failedScrapes))
    batch.family(
      "prometheus_target_scrapes_exceeded_sample_limit_total", .counter, help: "Scrapes that failed for sample_limit.")
    batch.append(Double(statistics.exceededSampleLimit))
    batch.family(
      "prometheus_target_scrapes_exceeded_body_size_limit_total", .counter,
      help: "Scrapes that failed for body_size_limit.")
    batch.append(Double(statistics.exceededBodySizeLimit))
    batch.family(
      "prometheus_target_scrapes_sample_duplicate_timestamp_total", .counter,
      help: "Samples left out because their series had one in the same scrape.")
    batch.append(Double(statistics.duplicateSamples))
    return batch
  }
}

/// The client of the component while it runs.
private final class ClientSlot: Sendable {
  private let slot = Mutex<HTTPClient?>(nil)

  var client: HTTPClient? {
    get { slot.withLock { $0 } }
    set { slot.withLock { $0 = newValue } }
  }
}

/// Gets a page over HTTP, as the pool asks for it.
private func fetch(_ request: ScrapeRequest, _ client: HTTPClient?) async throws -> FetchedPage {
  guard let client else { throw ScrapeError("the component has no HTTP client") }
  let url: HTTPURL
  do throws(URLError) { url = try HTTPURL(parsing: request.target.url) } catch { throw ScrapeError("\(error)") }
  let left = max(0, request.deadline - monotonicNanoseconds())
  // Without a limit of the user's, one of ours: a target must not be able to fill the memory, and the series of a page
  // take several times its size.
  let limit = request.bodySizeLimit > 0 ? request.bodySizeLimit : 64 << 20
  do throws(HTTPError) {
    let response = try await client.send(
      HTTPRequest("GET", url, headers: Headers(request.headers.map { Headers.Field(name: $0.name, value: $0.value) })),
      timeout: .nanoseconds(left), bodyLimit: limit, acceptGzip: true)
    return FetchedPage(
      status: response.status, contentType: response.headers["Content-Type"], body: response.body)
  } catch {
    if case .bodyTooLarge = error {
      throw ScrapeError("the page has more than \(limit) bytes; body_size_limit allows more", .bodySizeLimit)
    }
    throw ScrapeError("\(error)")
  }
}

/// `scrape_failure_log_file`: a line for every failed scrape.
private final class FailureLog: Sendable {
  private let path: String

  init(path: String) { self.path = path }

  func write(_ target: ScrapeTarget, _ error: ScrapeError) {
    let line = "ts=\(rfc3339(nanoseconds: wallClockNanoseconds())) target=\(target.url) err=\(jsonString("\(error)"))\n"
    // Best effort: the failure itself is in the agent's log and in `up`.
    guard let file = try? FileDescriptor(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND) else { return }
    try? file.write(Array(line.utf8).span)
  }
}

/// What a `prometheus.scrape` block says.
private struct ScrapeArguments: Sendable {
  var targets: [[String: String]]
  var forwardTo: [MetricsInlet]
  var settings: ScrapeSettings
  var client: ClientOptions
  var failureLog: String

  init(_ block: BlockDecoder, context: ComponentContext, services: Services) {
    targets = block.required("targets", .targets)
    forwardTo = block.required("forward_to", .metricsReceivers)
    let jobName = block.optional("job_name", .string).flatMap { $0.isEmpty ? nil : $0 } ?? context.id
    settings = ScrapeSettings(jobName: jobName)
    settings.interval = block.optional("scrape_interval", .duration, default: .seconds(60))
    settings.timeout = block.optional("scrape_timeout", .duration, default: .seconds(10))
    settings.metricsPath = block.optional("metrics_path", .string, default: "/metrics")
    settings.scheme = block.optional("scheme", .string, default: "http")
    settings.params = block.optional("params", .map(of: .list(of: .string)), default: [:])
    settings.honorLabels = block.optional("honor_labels", .bool, default: false)
    settings.honorTimestamps = block.optional("honor_timestamps", .bool, default: true)
    settings.trackTimestampsStaleness = block.optional("track_timestamps_staleness", .bool, default: false)
    settings.extraMetrics = block.optional("extra_metrics", .bool, default: false)
    settings.enableCompression = block.optional("enable_compression", .bool, default: true)
    settings.bodySizeLimit = block.optional("body_size_limit", .byteSize, default: 0)
    settings.sampleLimit = block.optional("sample_limit", .limit, default: 0)
    settings.targetLimit = block.optional("target_limit", .limit, default: 0)
    settings.labelLimit = block.optional("label_limit", .limit, default: 0)
    settings.labelNameLengthLimit = block.optional("label_name_length_limit", .limit, default: 0)
    settings.labelValueLengthLimit = block.optional("label_value_length_limit", .limit, default: 0)
    settings.initialDelay = services.scrapeAtOnce ? .immediate : .spread
    failureLog = block.optional("scrape_failure_log_file", .string, default: "")
    client = ClientOptions.decode(block, userAgent: "spoke/\(services.version)")
    decodeProtocols(block)
    refuseNativeHistograms(block)
    if let clustering = block.block("clustering") { _ = clustering.optional("enabled", .bool) }
    if let problem = settings.problem {
      block.error(problem, at: block.has("scrape_timeout") ? "scrape_timeout" : "scrape_interval")
    }
  }

  private mutating func decodeProtocols(_ block: BlockDecoder) {
    let names = block.optional("scrape_protocols", .list(of: .string), default: [])
    for name in names where ScrapeProtocol(rawValue: name) == nil && name != "PrometheusProto" {
      block.error(
        "unknown scrape protocol \"\(name)\"", at: "scrape_protocols",
        hint: "the protocols are \(ScrapeProtocol.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    if names.contains("PrometheusProto") {
      block.warning("PrometheusProto is passed over: pages are read as text", at: "scrape_protocols")
    }
    let known = names.compactMap { ScrapeProtocol(rawValue: $0) }
    if !known.isEmpty { settings.protocols = known }
    if let name = block.optional("scrape_fallback_protocol", .string), !name.isEmpty {
      // Alloy's documentation writes underscores where its code wants dots.
      let dotted = name == "PrometheusText0_0_4" ? "PrometheusText0.0.4" : name
      settings.fallbackProtocol = ScrapeProtocol(rawValue: dotted)
      if settings.fallbackProtocol == nil {
        block.error("unknown scrape protocol \"\(name)\"", at: "scrape_fallback_protocol")
      }
    }
    let validation = block.optional(
      "metric_name_validation_scheme", .oneOf(["legacy", "utf8"]), default: "legacy")
    let escaping = block.optional("metric_name_escaping_scheme", .string, default: "")
    settings.nameEscaping = validation == "utf8" ? .allowUTF8 : .underscores
    if !escaping.isEmpty {
      if let known = NameEscaping(rawValue: escaping) {
        settings.nameEscaping = known
      } else {
        block.error("unknown escaping scheme \"\(escaping)\"", at: "metric_name_escaping_scheme")
      }
    }
    _ = block.optional("enable_protobuf_negotiation", .bool)
  }

  /// Native histograms come only in protobuf; asking for them and getting nothing would be a silent loss.
  private func refuseNativeHistograms(_ block: BlockDecoder) {
    for name in [
      "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "honor_metadata",
      "enable_type_and_unit_labels", "start_timestamp_zero_ingestion",
    ] where block.optional(name, .bool, default: false) {
      block.error("\(name) is not supported by this agent", at: name, hint: "leave it out")
    }
    _ = block.optional("scrape_classic_histograms", .bool)
    _ = block.optional("native_histogram_bucket_limit", .uint)
    _ = block.optional("native_histogram_min_bucket_factor", .double)
  }
}

extension ValueType where T == Int {
  /// A limit: a whole number, 0 for none.
  fileprivate static var limit: ValueType<Int> {
    ValueType<UInt>.uint.then(empty: 0) { Int(clamping: $0) }
  }
}
