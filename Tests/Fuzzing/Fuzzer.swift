// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux

/// How long a surface is tried.
public enum FuzzExtent: Sendable {
  case runs(Int)
  case seconds(Int)
}

/// What came of trying a surface.
public struct FuzzReport: Sendable, CustomStringConvertible {
  /// The surface's name.
  public var surface: String
  /// How many inputs there were.
  public var runs = 0
  /// How long it took.
  public var seconds = 0.0
  /// The longest one input took.
  public var worstSeconds = 0.0
  /// How long that input was.
  public var worstBytes = 0
  /// How much more memory the process had at its largest than before, in bytes.
  public var memoryGrowth = 0
  /// Laws that did not hold, with their input.
  public var broken: [String] = []

  /// One line.
  public var description: String {
    func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
    return "fuzz \(surface): \(runs) runs in \(milliseconds(seconds)), the slowest \(milliseconds(worstSeconds)) "
      + "(\(worstBytes) bytes), memory +\(memoryGrowth >> 10) KiB, broken \(broken.count)"
  }
}

/// Tries `surface`: the inputs that once did harm, then the seeds, then what is made of both.
///
/// Each input is in the file this returns the path of before it is looked at, so that it is known what the process died
/// of; the file is gone when all went well, and tried first by the next run when it is not. An input that takes more
/// than twenty seconds ends the process.
public func fuzz(_ surface: Surface, seed: UInt64, _ extent: FuzzExtent) async throws -> FuzzReport {
  let record = try InputRecord(surface.name)
  var corpus = record.left.map { [$0] } ?? []
  corpus += try surface.beginnings()
  var longest = surface.longest
  // Long inputs have their time where there is time.
  if case .runs = extent { longest = min(longest, 2048) }
  var mutator = Mutator(seed: seed, corpus: corpus, tokens: surface.tokens, longest: longest)
  let examine = try await surface.examine()
  var report = FuzzReport(surface: surface.name)
  var worst: [UInt8] = []
  let memory = MemoryPeak()
  let start = monotonicNanoseconds()
  func isOver() -> Bool {
    switch extent {
    case .runs(let count): report.runs >= count + corpus.count
    case .seconds(let seconds):
      report.runs >= corpus.count && monotonicNanoseconds() - start > Int64(seconds) * 1_000_000_000
    }
  }
  while !isOver() {
    let input = report.runs < corpus.count ? corpus[report.runs] : mutator.next()
    record.write(input)
    let began = monotonicNanoseconds()
    alarm(20)
    do { try await examine(input) } catch {
      report.broken.append("\(error)\ninput (base64): \(base64(input))")
      if report.broken.count >= 5 { break }
    }
    let seconds = Double(monotonicNanoseconds() - began) / 1e9
    if seconds > report.worstSeconds {
      (report.worstSeconds, report.worstBytes) = (seconds, input.count)
      worst = input
    }
    report.runs += 1
  }
  alarm(0)
  report.seconds = Double(monotonicNanoseconds() - start) / 1e9
  report.memoryGrowth = memory.growth
  if case .seconds = extent { record.keep(slowest: worst) }
  record.remove()
  return report
}

/// The input being looked at, in a file that survives the process.
private struct InputRecord {
  /// What an earlier run died of.
  let left: [UInt8]?
  private let path: String
  private let descriptor: Int32

  init(_ name: String) throws {
    let directory = "\(environmentVariable("TMPDIR") ?? "/tmp")/spoke-fuzz"
    try makeDirectory(directory)
    path = "\(directory)/\(name)"
    left = try? readFile(path)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemError("open", path) }
  }

  func write(_ input: [UInt8]) {
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, input, input.count, 0)
  }

  /// To look at what takes long.
  func keep(slowest input: [UInt8]) { try? replaceFile("\(path).slowest", with: input.span) }

  func remove() {
    close(descriptor)
    unlink(path)
  }
}

/// How much memory the process takes at its largest, from now on.
private struct MemoryPeak {
  private let before: Int

  init() {
    trimAllocator()
    // Makes the kernel forget what the peak has been.
    if let file = try? FileDescriptor(opening: "/proc/self/clear_refs", flags: O_WRONLY) {
      try? file.write(Array("5".utf8).span)
    }
    before = Self.kilobytes("VmRSS:")
  }

  var growth: Int { max(0, Self.kilobytes("VmHWM:") - before) << 10 }

  private static func kilobytes(_ key: String) -> Int {
    let status = (try? readFile("/proc/self/status")).map { text($0) } ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
    return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
  }
}

private func base64(_ bytes: [UInt8]) -> String {
  let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  var result = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
    for place in 0..<4 { result.append(place <= group.count ? letters[Int(bits >> UInt32(18 - 6 * place)) & 63] : "=") }
  }
  return result
}
