// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// `none` does nothing the thread sanitizer may report, `race` something it must: `scripts/sanitize thread` tries both
/// before it believes a word of it.
@main struct Races {
  private final class Shared: Sendable {
    let guarded = Mutex<[Int]>([])
    nonisolated(unsafe) var bare = 0
  }

  static func main() async {
    let (shared, isRacy) = (Shared(), CommandLine.arguments.last == "race")
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 { group.addTask { for turn in 0..<20_000 { use(shared, task &* turn, isRacy) } } }
    }
    print(shared.guarded.withLock { $0.count }, shared.bare)
  }

  private static func use(_ shared: Shared, _ value: Int, _ isRacy: Bool) {
    shared.guarded.withLock { list in
      list.append(value)
      if list.count > 100 { list = [] }
    }
    if isRacy { shared.bare &+= 1 }
  }
}
