// SPDX-License-Identifier: Apache-2.0

import Flags
import Glibc
import HTTP
import Linux
import Runtime
import Syntax

/// `agent check`.
struct CheckCommand {
  private let source: ConfigurationSource
  private let storagePath: String
  private let timeout: Int
  private let skipUnsupported: Bool
  private let isOffline: Bool
  private let asJSON: Bool

  init(_ invocation: Invocation) {
    source = ConfigurationSource(path: invocation.positionals.first ?? Standard.configuration)
    storagePath = invocation.value("storage.path") ?? Standard.storage
    timeout = invocation.value("timeout").flatMap { Int($0) } ?? 10
    skipUnsupported = invocation.isOn("skip-unsupported")
    isOffline = invocation.isOn("offline")
    asJSON = invocation.isOn("json")
  }

  func perform() async -> Int32 {
    let network = Network()
    do throws(ConfigurationError) {
      let plan = try Controller.validate(
        source, kinds: Agent.kinds(on: network), skipUnsupported: skipUnsupported)
      for warning in plan.warnings { show(finding(for: warning)) }
      show(Finding(.ok, "configuration", "\(source.path): \(plan.size)"))
      if isOffline { return 0 }
      let state = checkState()
      show(state)
      let findings = await plan.check(timeout: .seconds(timeout))
      findings.forEach(show)
      return (findings + [state]).contains { $0.verdict == .failed } ? 1 : 0
    } catch {
      return explain(error)
    }
  }

  private func explain(_ error: ConfigurationError) -> Int32 {
    switch error {
    case .stopping: preconditionFailure("BUG: nothing runs that could stop")
    case .unreadable(let reason):
      show(
        Finding(
          .failed, "configuration", "cannot read the configuration: \(reason)",
          remedy: "give the path of a file or directory this user may read"
        ))
      return 2
    case .invalid(let diagnostics, let sources):
      if asJSON {
        for diagnostic in diagnostics { show(finding(for: diagnostic)) }
      } else {
        printError(render(diagnostics, sources: sources))
        let count = diagnostics.count { $0.severity == .error }
        show(Finding(.failed, "configuration", "\(source.path): \(count) mistake\(count == 1 ? "" : "s"), shown above"))
      }
      return 1
    }
  }

  private func finding(for diagnostic: Diagnostic) -> Finding {
    let place = diagnostic.range.map { "\($0.start): " } ?? ""
    return Finding(
      diagnostic.severity == .error ? .failed : .warning, "configuration", place + diagnostic.message,
      remedy: diagnostic.hint ?? "")
  }

  /// Whether the state directory can be written, or made; leaves it as it was.
  private func checkState() -> Finding {
    var path = storagePath
    while fileKind(path) == nil, parent(of: path) != path { path = parent(of: path) }
    let probe = "\(path)/.spoke-check-\(getpid())"
    do throws(SystemError) {
      let file = try FileDescriptor(opening: probe, flags: O_WRONLY | O_CREAT | O_EXCL)
      let written = Result { () throws(SystemError) in
        try file.write([UInt8](repeating: 0, count: 4096).span)
        try file.sync()
      }
      try removeFile(probe)
      try written.get()
      let message = path == storagePath ? "is writable" : "can be made"
      return Finding(.ok, "state", "\(storagePath) \(message)")
    } catch {
      return Finding(
        .failed, "state", "\(storagePath): \(error)",
        remedy: "give another directory with --storage.path, or let this user write there")
    }
  }

  private func show(_ finding: Finding) {
    if asJSON {
      print(
        """
        {"verdict":\(jsonString(finding.verdict.rawValue)),"subject":\(jsonString(finding.subject)),\
        "message":\(jsonString(finding.message)),"remedy":\(jsonString(finding.remedy))}
        """)
    } else {
      let mark =
        switch finding.verdict {
        case .ok: "ok  "
        case .warning: "warn"
        case .failed: "FAIL"
        }
      let remedy = finding.remedy.isEmpty ? "" : "; \(finding.remedy)"
      print("\(mark)  \(finding.subject)  \(finding.message)\(remedy)")
    }
  }
}
