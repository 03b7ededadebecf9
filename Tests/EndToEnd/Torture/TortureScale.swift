// SPDX-License-Identifier: Apache-2.0

import Linux

/// How much of everything: seconds of it in `make test`, and what the environment says for `make torture`.
enum TortureScale {
  /// How many times the agent is killed.
  static let kills = number("SPOKE_TORTURE_KILLS") ?? 20
  /// How many agents are killed beside each other.
  static let lanes = number("SPOKE_TORTURE_LANES") ?? 1
  /// How many faults of each other kind there are.
  static let rounds = number("SPOKE_TORTURE_ROUNDS") ?? 2
  /// Whether faults may last as long as real ones do.
  static let isLong = number("SPOKE_TORTURE_ROUNDS") != nil

  /// What chance begins with; `SPOKE_SEED` repeats a failure as far as the moments allow.
  static func seed() -> UInt64 {
    environmentVariable("SPOKE_SEED").flatMap { UInt64($0) } ?? .random(in: 1...1_000_000)
  }

  private static func number(_ name: String) -> Int? { environmentVariable(name).flatMap { Int($0) } }
}
