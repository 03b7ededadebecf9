// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization
import TestSupport

/// A program a test runs. It ends with this value's life, if not before.
final class ChildProcess: Sendable {
  /// Its process id.
  let id: pid_t
  private let directory: TemporaryDirectory
  private let status = Mutex<Int32?>(nil)

  /// Starts `words[0]`, a path, with the rest as its arguments. What it prints goes to files, so that it never waits for
  /// a reader.
  init(_ words: [String], environment: [String: String] = [:]) throws {
    directory = try TemporaryDirectory()
    id = try spawn(words, environment, output: directory.path("stdout"), errors: directory.path("stderr"))
  }

  deinit {
    guard hasEnded == nil else { return }
    kill(id, SIGKILL)
    var ignored: Int32 = 0
    while waitpid(id, &ignored, 0) == -1, errno == EINTR {}
  }

  /// What it has printed so far.
  var output: String { text("stdout") }

  /// What it has printed to standard error so far.
  var errors: String { text("stderr") }

  /// Sends it a signal, if it still runs.
  func signal(_ number: Int32) {
    if hasEnded == nil { kill(id, number) }
  }

  /// How it ended: its exit status, or the signal that killed it as a negative number; nil while it runs.
  var hasEnded: Int32? {
    status.withLock { status in
      var raw: Int32 = 0
      if status == nil, waitpid(id, &raw, WNOHANG) == id {
        status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
      }
      return status
    }
  }

  /// Waits until it has ended, and says how; nil when it goes on for longer than `limit`.
  func waitForExit(within limit: Duration = .seconds(30)) async -> Int32? {
    _ = await comesAbout(within: limit) { hasEnded != nil }
    return hasEnded
  }

  private func text(_ name: String) -> String {
    let bytes = (try? readFile(directory.path(name))) ?? []
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Signals are as a shell would give them: the test's own choices are not handed down.
private func spawn(
  _ words: [String], _ environment: [String: String], output: String, errors: String
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
  for (descriptor, path) in [(STDOUT_FILENO, output), (STDERR_FILENO, errors)] {
    posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
  }
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var (none, all) = (sigset_t(), sigset_t())
  sigemptyset(&none)
  sigfillset(&all)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  var variables: [UnsafeMutablePointer<CChar>?] =
    inherited(except: environment).map { strdup($0) } + environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
  defer { for word in arguments + variables { free(word) } }
  var id = pid_t()
  keepDescriptorsFromChildren()
  let result = posix_spawn(&id, words[0], &actions, &attributes, &arguments, &variables)
  guard result == 0 else { throw SystemError("start", words[0], errno: result) }
  return id
}

private func inherited(except replaced: [String: String]) -> [String] {
  var variables: [String] = []
  var next = environ
  while let variable = next.pointee {
    let text = String(cString: variable)
    if replaced[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
    next += 1
  }
  return variables
}
