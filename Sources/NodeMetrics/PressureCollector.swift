// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux
public import Telemetry

/// `node_pressure_*`: how long tasks waited for CPU, I/O and memory, from `/proc/pressure`.
public struct PressureCollector: Collector {
  /// `pressure`.
  public static let name = "pressure"

  /// Appends what the kernel keeps; a file that is missing is passed over.
  ///
  /// - Throws: `CollectorError.noData` where the kernel keeps none, or was told not to (`psi=0`).
  public func collect(into batch: inout SeriesBatch, from host: Host) throws {
    var found = false
    if let cpu = try stalls("pressure/cpu", host) {
      found = true
      batch.family("node_pressure_cpu_waiting_seconds_total", .counter, help: "Time some task waited for a CPU.")
      batch.append(seconds(cpu.some))
    }
    if let io = try stalls("pressure/io", host) {
      found = true
      batch.family("node_pressure_io_waiting_seconds_total", .counter, help: "Time some task waited for I/O.")
      batch.append(seconds(io.some))
      batch.family("node_pressure_io_stalled_seconds_total", .counter, help: "Time no task ran because of I/O.")
      batch.append(seconds(io.full))
    }
    if let memory = try stalls("pressure/memory", host) {
      found = true
      batch.family("node_pressure_memory_waiting_seconds_total", .counter, help: "Time some task waited for memory.")
      batch.append(seconds(memory.some))
      batch.family("node_pressure_memory_stalled_seconds_total", .counter, help: "Time no task ran for want of memory.")
      batch.append(seconds(memory.full))
    }
    if let irq = try stalls("pressure/irq", host) {
      found = true
      batch.family("node_pressure_irq_stalled_seconds_total", .counter, help: "Time no task ran because of interrupts.")
      batch.append(seconds(irq.full))
    }
    guard found else { throw CollectorError.noData("pressure stall information") }
  }

  private func stalls(_ file: String, _ host: Host) throws -> Stalls? {
    do {
      return try host.withProcFile(file) { bytes in
        guard let stalls = parseStalls(bytes) else { throw CollectorError.unexpectedContent(file) }
        return stalls
      }
    } catch let error as SystemError where error.errno == ENOENT {
      return nil
    } catch let error as SystemError where error.errno == EOPNOTSUPP {
      throw CollectorError.noData("pressure stall information: it is switched off")
    }
  }

  private func seconds(_ microseconds: UInt64) -> Double { Double(microseconds) / 1000 / 1000 }
}

/// Microseconds for which some tasks, or all, were held up.
struct Stalls: Equatable {
  var some: UInt64 = 0
  var full: UInt64 = 0
}

/// Parses lines `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`; of `some` and `full` either may be missing.
func parseStalls(_ bytes: Span<UInt8>) -> Stalls? {
  var stalls = Stalls()
  var offset = 0
  var found = false
  while let line = nextLine(bytes, at: &offset) {
    var place = line.lowerBound
    guard let kind = nextField(bytes, at: &place, before: line.upperBound) else { continue }
    guard let total = parseTotal(bytes, place..<line.upperBound) else { return nil }
    if equal(bytes, kind, "some") { stalls.some = total }
    if equal(bytes, kind, "full") { stalls.full = total }
    found = true
  }
  return found ? stalls : nil
}

private func parseTotal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
  var place = range.lowerBound
  while let field = nextField(bytes, at: &place, before: range.upperBound) {
    if hasPrefix(bytes, field, "total=") { return parseUnsigned(bytes, field.lowerBound + 6..<field.upperBound) }
  }
  return nil
}
