// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The signals in `numbers` as they arrive, instead of what they would do to the process.
///
/// They are caught by a handler and not by a mask: by the time any Swift code runs there are threads, and one that does
/// not block a signal would be enough for it to end the process. In a process without a free descriptor they keep their
/// usual effect.
public func signals(_ numbers: [Int32]) -> AsyncStream<Int32> {
  // A peer that closes its connection is an error of `write`, not the end of the process.
  signal(SIGPIPE, SIG_IGN)
  let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
  let descriptor = unsafe clinux_catch_signals(numbers, numbers.count)
  guard descriptor >= 0 else { return stream }
  let thread = BlockingThread(name: "signals")
  Task {
    try? await thread.run {
      unsafe clinux_accept_signals(numbers, numbers.count)
      let pipe = FileDescriptor(owning: descriptor)
      var bytes = [UInt8](repeating: 0, count: 8)
      while true {
        let count = try pipe.read(into: &bytes)
        for byte in bytes.prefix(count) { continuation.yield(Int32(byte)) }
      }
    }
  }
  return stream
}

/// The number of SIGTERM: stop.
public let terminateSignal = SIGTERM
/// The number of SIGINT: stop, from a terminal.
public let interruptSignal = SIGINT
/// The number of SIGHUP: read the configuration again.
public let hangUpSignal = SIGHUP
