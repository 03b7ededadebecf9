// SPDX-License-Identifier: Apache-2.0

internal import CSystemd
internal import Linux

/// What started this process and wants to know how it is: systemd, or whoever else listens at `NOTIFY_SOCKET`.
public struct ServiceManager: Sendable {
  /// In which time it wants to hear that the process is alive; nil where it does not care.
  public let watchdogInterval: Duration?

  /// Nil when nobody listens.
  public init?() {
    guard environmentVariable("NOTIFY_SOCKET")?.isEmpty == false else { return nil }
    var microseconds: UInt64 = 0
    let isWatched = unsafe sd_watchdog_enabled(0, &microseconds) > 0
    watchdogInterval = isWatched ? .microseconds(Int64(clamping: microseconds)) : nil
  }

  /// All that was asked for runs.
  public func ready() { tell("READY=1") }

  /// Another configuration is being put to work; `ready` says that it was.
  public func reloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(monotonicNanoseconds() / 1000)") }

  /// The end has begun.
  public func stopping() { tell("STOPPING=1\nSTATUS=stopping") }

  /// How things are, in a line.
  public func status(_ text: String) { tell("STATUS=\(text)") }

  /// The process is alive, for those who asked.
  public func alive() {
    if watchdogInterval != nil { tell("WATCHDOG=1") }
  }

  /// Who does not listen any more cannot be told.
  private func tell(_ state: String) { unsafe _ = sd_notify(0, state) }
}
