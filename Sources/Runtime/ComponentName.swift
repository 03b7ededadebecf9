// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// A component's id in the two parts logs and metrics show, as Alloy has them.
struct ComponentName {
  /// `/`, or the custom components it is in: `/box.one`.
  let path: String
  /// Such as `prometheus.scrape.host`.
  let local: String

  init(_ id: String) {
    let slash = id.lastIndex(of: "/")
    path = "/" + (slash.map { id[..<$0] } ?? "")
    local = slash.map { String(id[id.index(after: $0)...]) } ?? id
  }

  func log(to log: Log) -> Log { Log(to: log.sink, fields: [("component_path", path), ("component_id", local)]) }
}
