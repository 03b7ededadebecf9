// SPDX-License-Identifier: Apache-2.0

public import Linux

/// The host as collectors see it: its paths, files kept open, buffers used again, and the time left for this scrape.
///
/// Not for several threads: a `NodeExporter` has its own.
public final class Host {
  /// Where proc is mounted.
  public let procfs: String
  /// Where sysfs is mounted.
  public let sysfs: String
  /// Where the host's root directory is.
  public let rootfs: String
  /// Where udev keeps what it knows of devices.
  public let udevData: String
  /// When this scrape must be over, in `monotonicNanoseconds`.
  public internal(set) var deadline = Int64.max
  /// For what an operator should know.
  public let log: Log

  private var proc: FileCache
  private var sys: FileCache
  private var buffers: [[UInt8]] = []  // lent to reads, which may be nested

  /// A host at these paths.
  public init(
    procfs: String = "/proc", sysfs: String = "/sys", rootfs: String = "/", udevData: String = "/run/udev/data",
    log: Log = Log()
  ) {
    self.procfs = procfs
    self.sysfs = sysfs
    self.rootfs = rootfs
    self.udevData = udevData
    self.log = log
    proc = FileCache(root: procfs)
    sys = FileCache(root: sysfs)
  }

  /// Lends the content of the file `name` of procfs to `body`, up to 1 MiB of it.
  public func withProcFile<Result>(_ name: String, _ body: (Span<UInt8>) throws -> Result) throws -> Result {
    // Files of proc/sys make the kernel allocate as much as is asked for: 60 µs for 1 MiB against 5 for 4 KiB.
    let chunk = name.utf8.starts(with: "sys/".utf8) ? 4096 : 64 << 10
    return try withBuffer(body) { (buffer) throws(SystemError) in
      try proc.read(name) { (file) throws(SystemError) in try file.readAgain(into: &buffer, chunk: chunk) }
    }
  }

  /// Lends the attribute `name` of sysfs to `body`: what one read of 128 bytes gives, without the space around it.
  public func withSysAttribute<Result>(_ name: String, _ body: (Span<UInt8>) throws -> Result) throws -> Result {
    try withBuffer({ bytes in try body(bytes.extracting(trimmed(bytes, 0..<bytes.count))) }) {
      (buffer) throws(SystemError) in
      try sys.read(name) { (file) throws(SystemError) in try file.readOnce(into: &buffer, atMost: 128) }
    }
  }

  /// The attribute `name` of sysfs as a number; nil where there is none.
  public func sysNumber(_ name: String) -> UInt64? {
    try? withSysAttribute(name) { parseUnsigned($0, 0..<$0.count) }
  }

  /// The attribute `name` of sysfs as text; nil where there is none.
  public func sysText(_ name: String) -> String? {
    try? withSysAttribute(name) { text in
      unsafe text.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
  }

  /// The names in the folder `name` of sysfs, in byte order; none where there is no such folder.
  public func sysEntries(_ name: String) -> [String] { (try? listDirectory(sys.path(name))) ?? [] }

  /// Closes the attribute `name` of sysfs, whose device is gone.
  public func forgetSysAttribute(_ name: String) { sys.forget(name) }

  private func withBuffer<Result>(
    _ body: (Span<UInt8>) throws -> Result, filling fill: (inout [UInt8]) throws(SystemError) -> Int
  ) throws -> Result {
    var buffer = buffers.popLast() ?? [UInt8](repeating: 0, count: 16 << 10)
    defer { buffers.append(buffer) }
    let count = try fill(&buffer)
    return try body(buffer.span.extracting(0..<count))
  }
}
