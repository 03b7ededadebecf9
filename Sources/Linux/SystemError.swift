// SPDX-License-Identifier: Apache-2.0

public import Glibc

/// A system call that failed, with enough context to print one useful line: `open /proc/1/io: Permission denied`.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The system call or step: `open`, `fdatasync`.
  public var operation: String
  /// What it was done to; empty when there is no path.
  public var path: String
  /// The error number the kernel gave.
  public var errno: Int32

  /// Describes the failure of `operation` on `path`.
  public init(_ operation: String, _ path: String = "", errno: Int32 = Glibc.errno) {
    self.operation = operation
    self.path = path
    self.errno = errno
  }

  /// The kernel's text for the error number.
  public var reason: String { errorText(errno) }

  /// One line for the operator.
  public var description: String {
    path.isEmpty ? "\(operation): \(reason)" : "\(operation) \(path): \(reason)"
  }
}

/// The kernel's text for error number `number`, such as `No such file or directory`.
public func errorText(_ number: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 128)
  guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Repeats `call` while it is interrupted by a signal.
@inline(__always)
public func retryingInterrupts(_ call: () -> Int) -> Int {
  while true {
    let result = call()
    if result >= 0 || Glibc.errno != EINTR { return result }
  }
}
