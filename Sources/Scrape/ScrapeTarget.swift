// SPDX-License-Identifier: Apache-2.0

public import Telemetry

/// One thing to scrape, as Prometheus makes it of discovered labels and a pool's settings.
public struct ScrapeTarget: Sendable, Equatable {
  /// What makes two targets the same: where they are and what their series are called.
  ///
  /// A changed interval or timeout is not a new target: its series go on without staleness markers.
  public struct Identity: Hashable, Sendable {
    /// The full URL.
    public var url: String
    /// The labels its series carry.
    public var labels: LabelSet
  }

  /// `http://host:port/path?query`.
  public let url: String
  /// The `__address__`, which may be a source in this process.
  public let address: String
  /// The `__metrics_path__`.
  public let path: String
  /// What its series carry: `job`, `instance` and what discovery left, without `__…`.
  public let labels: LabelSet
  /// The time between two scrapes.
  public let interval: Duration
  /// How long one may take.
  public let timeout: Duration

  /// What it is recognised by.
  public var identity: Identity { Identity(url: url, labels: labels) }

  /// A number that differs from target to target and is the same in every process.
  public var hash: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in labels.packed { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in url.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  /// The target discovery described as `discovered`; settings fill in what it left out.
  ///
  /// - Throws: a `ScrapeError` where it cannot be scraped; Prometheus drops such a target.
  public init(_ discovered: [String: String], settings: ScrapeSettings) throws(ScrapeError) {
    let all = Self.withDefaults(discovered, settings: settings)
    address = all["__address__", default: ""]
    guard !address.isEmpty else { throw ScrapeError("the target has no __address__") }
    guard isHost(address) else { throw ScrapeError("\"\(address)\" is not a valid address; it must be host:port") }
    (interval, timeout) = try Self.times(all)
    path = all["__metrics_path__", default: ""]
    let scheme = all["__scheme__", default: ""]
    guard scheme == "http" || scheme == "https" else {
      throw ScrapeError("scheme \"\(scheme)\" of target \(address) is neither http nor https")
    }
    url = scheme + "://" + address + escapedPath(path) + query(settings.params, all)
    var visible = all.filter { !$0.key.hasPrefix("__") }
    if visible["instance", default: ""].isEmpty { visible["instance"] = address }
    labels = LabelSet(visible)
  }

  private static func withDefaults(_ discovered: [String: String], settings: ScrapeSettings) -> [String: String] {
    var all = discovered.filter { !$0.value.isEmpty }
    let defaults = [
      "job": settings.jobName, "__scrape_interval__": prometheusText(settings.interval),
      "__scrape_timeout__": prometheusText(settings.timeout), "__metrics_path__": settings.metricsPath,
      "__scheme__": settings.scheme,
    ]
    all.merge(defaults) { own, _ in own }
    for (name, values) in settings.params {
      if let first = values.first { all.merge(["__param_" + name: first]) { own, _ in own } }
    }
    return all
  }

  private static func times(_ all: [String: String]) throws(ScrapeError) -> (Duration, Duration) {
    let interval = try duration(all, "__scrape_interval__")
    let timeout = try duration(all, "__scrape_timeout__")
    guard timeout <= interval else {
      throw ScrapeError(
        "scrape timeout cannot be greater than scrape interval "
          + "(\"\(prometheusText(timeout))\" > \"\(prometheusText(interval))\")")
    }
    return (interval, timeout)
  }

  private static func duration(_ all: [String: String], _ label: String) throws(ScrapeError) -> Duration {
    let text = all[label, default: ""]
    guard let duration = parsePrometheusDuration(text) else {
      throw ScrapeError("\(label) \"\(text)\" is not a valid duration; write it like 30s or 1m30s")
    }
    guard duration > .zero else { throw ScrapeError("\(label) cannot be 0") }
    return duration
  }
}

/// Whether `address` can stand between `//` and the path of a URL.
private func isHost(_ address: String) -> Bool {
  address.utf8.allSatisfy { byte in
    byte > 0x20 && byte != 0x7f && !"/?#@\\\"<>".utf8.contains(byte)
  }
}

private func escapedPath(_ path: String) -> String {
  let escaped = percentEncoded(path, keeping: "$&+,/:;=@-_.~")
  return escaped.isEmpty || escaped.hasPrefix("/") ? escaped : "/" + escaped
}

/// `?a=1&a=2&b=3`, sorted by name; `__param_a` takes the place of the first value.
private func query(_ params: [String: [String]], _ labels: [String: String]) -> String {
  var params = params.filter { !$0.value.isEmpty }
  for (label, value) in labels where label.hasPrefix("__param_") {
    let name = String(label.dropFirst("__param_".count))
    params[name] = [value] + (params[name] ?? []).dropFirst()
  }
  let pairs = params.sorted { $0.key < $1.key }.flatMap { name, values in
    values.map { "\(queryEscaped(name))=\(queryEscaped($0))" }
  }
  return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
}

private func queryEscaped(_ text: String) -> String {
  text.split(separator: " ", omittingEmptySubsequences: false)
    .map { percentEncoded(String($0), keeping: "-_.~") }.joined(separator: "+")
}

private func percentEncoded(_ text: String, keeping punctuation: String) -> String {
  let digits = Array("0123456789ABCDEF".utf8)
  var encoded: [UInt8] = []
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      encoded.append(byte)
    case _ where punctuation.utf8.contains(byte):
      encoded.append(byte)
    default:
      encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  return String(decoding: encoded, as: UTF8.self)
}
