// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The signals in `numbers` as they arrive, instead of what they would do by themselves. Once in a process.
///
/// A peer that closes its connection is from then on an error of `write`, not the end of the process.
public func signals(_ numbers: [Int32]) throws(SystemError) -> AsyncStream<Int32> {
  let descriptor = unsafe clinux_catch_signals(numbers, Int32(numbers.count))
  guard descriptor >= 0 else { throw SystemError("sigaction") }
  let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
  let started = startThread(name: "signals") {
    let pipe = FileDescriptor(owning: descriptor, path: "signals")
    var bytes: [UInt8] = [0]
    while let count = try? pipe.read(into: &bytes), count == 1 { continuation.yield(Int32(bytes[0])) }
  }
  guard started else { throw SystemError("pthread_create", errno: EAGAIN) }
  return stream
}

/// The number of SIGTERM: stop.
public let terminateSignal = SIGTERM
/// The number of SIGINT: stop, from a terminal.
public let interruptSignal = SIGINT
/// The number of SIGHUP: read the configuration again.
public let hangUpSignal = SIGHUP
