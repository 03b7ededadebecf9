// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The signals in `numbers` as they arrive, from now on taken away from everything else in the process.
///
/// Call it before any thread is started: threads inherit the mask that keeps the signals for this.
public func signals(_ numbers: [Int32]) -> AsyncStream<Int32> {
  var set = sigset_t()
  unsafe sigemptyset(&set)
  for number in numbers { unsafe sigaddset(&set, number) }
  unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  // A peer that closes its connection is an error of `write`, not the end of the process.
  signal(SIGPIPE, SIG_IGN)
  let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
  let waiting = set
  let thread = BlockingThread(name: "signals")
  Task {
    try? await thread.run {
      var set = waiting
      while true {
        var number: Int32 = 0
        if unsafe sigwait(&set, &number) == 0 { continuation.yield(number) }
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
