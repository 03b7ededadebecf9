// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// When directories may be looked through again: however large they are, that takes a tenth of a processor at most.
///
/// Processor time counts, not time that passed: a process that was stopped in the middle of a look, or a mount that
/// hung, would keep new files waiting for ten times as long.
struct LookPacing {
  /// In `monotonicNanoseconds`.
  private(set) var nextLook: Int64 = 0

  /// Looks, on the calling thread.
  mutating func look(_ body: () -> Void) {
    let began = threadCPUNanoseconds()
    body()
    nextLook = monotonicNanoseconds() + 10 * (threadCPUNanoseconds() - began)
  }
}
