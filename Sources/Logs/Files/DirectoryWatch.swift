// SPDX-License-Identifier: Apache-2.0

internal import Linux

/// The directories that are watched for changes, with inotify where the kernel can tell of them.
final class DirectoryWatch {
  /// What changed since the last look.
  struct Changes {
    /// Directories in which names came or went.
    var directories: Set<String> = []
    /// Files that were written.
    var files: Set<String> = []
    /// Whether anything may have changed.
    var isEverything = false
  }

  private let inotify: Inotify?
  private let wakeUp: WakeUp
  private var watches: [String: Int32] = [:]
  private var directories: [Int32: [String]] = [:]
  /// Directories of which the kernel does not tell us, and why.
  private(set) var unwatched: [String: String] = [:]

  init(wakeUp: WakeUp) {
    self.wakeUp = wakeUp
    inotify = try? Inotify()
  }

  /// Watches `wanted` and nothing else.
  func watch(_ wanted: Set<String>) {
    for directory in watches.keys where !wanted.contains(directory) { forget(directory) }
    unwatched = unwatched.filter { wanted.contains($0.key) }
    for directory in wanted where watches[directory] == nil { begin(directory) }
  }

  private func begin(_ directory: String) {
    guard let inotify else { return unwatched[directory] = "inotify is not available" }
    guard !isRemote(directory) else { return unwatched[directory] = "it is on a remote file system" }
    do throws(SystemError) {
      let number = try inotify.watch(directory)
      watches[directory] = number
      directories[number, default: []].append(directory)
      unwatched[directory] = nil
    } catch {
      // What does not exist is looked for from time to time.
      unwatched[directory] = error.saysNothingIsThere ? nil : error.description
    }
  }

  private func forget(_ directory: String) {
    guard let number = watches.removeValue(forKey: directory) else { return }
    directories[number]?.removeAll { $0 == directory }
    guard directories[number]?.isEmpty == true else { return }
    directories[number] = nil
    inotify?.unwatch(number)
  }

  /// Sleeps until something changes, somebody wakes us, or `milliseconds` have passed.
  func sleep(milliseconds: Int) { wakeUp.sleep(milliseconds: milliseconds, or: inotify) }

  /// What has changed.
  func takeChanges() -> Changes {
    var changes = Changes()
    inotify?.drain { event in
      guard event.watch >= 0 else { return changes.isEverything = true }
      for directory in directories[event.watch] ?? [] {
        if event.isStructural {
          changes.directories.insert(directory)
        } else {
          changes.files.insert(directory == "/" ? "/\(event.name)" : "\(directory)/\(event.name)")
        }
        if event.isGone { watches[directory] = nil }
      }
      if event.isGone { directories[event.watch] = nil }
    }
    return changes
  }
}
