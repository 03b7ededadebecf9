// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Runtime
internal import Synchronization
public import Telemetry

/// The agent's own metrics: the program, its process, its components.
public final class SelfMetrics: MetricSource {
  private let version: String
  private let started = wallClockNanoseconds()
  private let controller = Mutex<Controller?>(nil)

  /// Metrics of a program of `version`, whose components are not known yet.
  public init(version: String) { self.version = version }

  /// The components to report on.
  public func report(on controller: Controller) { self.controller.withLock { $0 = controller } }

  /// Appends everything; cannot fail.
  public func collect(into batch: consuming SeriesBatch, deadline: Int64) async throws -> SeriesBatch {
    await collectAll(into: batch)
  }

  func collectAll(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    writeProgram(to: &batch)
    guard let controller = controller.withLock({ $0 }) else { return batch }
    return await controller.collectMetrics(into: batch)
  }

  private func writeProgram(to batch: inout SeriesBatch) {
    batch.family("spoke_build_info", .gauge, help: "Always 1; the labels tell what program this is.")
    batch.append("version", version, value: 1)
    let usage = ProcessUsage()
    batch.family("process_cpu_seconds_total", .counter, help: "Processor time used, user and system.")
    batch.append(usage.cpuSeconds)
    batch.family("process_resident_memory_bytes", .gauge, help: "Memory in RAM.")
    batch.append(usage.residentBytes)
    batch.family("process_virtual_memory_bytes", .gauge, help: "Address space.")
    batch.append(usage.virtualBytes)
    batch.family("process_open_fds", .gauge, help: "Open descriptors.")
    batch.append(Double(usage.openFiles))
    batch.family("process_max_fds", .gauge, help: "How many descriptors may be open.")
    batch.append(usage.maxFiles)
    batch.family("process_start_time_seconds", .gauge, help: "When the program began, since 1970.")
    batch.append(Double(started) / 1e9)
  }
}
