// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Mapped files that turn out to be shorter than they were, or lie on a disk that fails.
public enum MissingPages {
  /// From now on this thread reads zeros where a mapped file's page cannot be had; the process would be ended otherwise.
  public static func survive() { clinux_survive_missing_pages() }

  /// How many pages were replaced so far.
  public static var count: UInt { clinux_missing_pages() }
}
