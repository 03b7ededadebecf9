// SPDX-License-Identifier: Apache-2.0

public import Glibc

/// A program that a test runs beside itself; killed when the test lets go of it.
public final class Program: Sendable {
  /// Its process id.
  public let id: pid_t

  /// Starts `words[0]`, looked up in `PATH`, with what it prints going to the file `output`.
  public init(_ words: [String], output: String = "/dev/null") throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    keepDescriptorsFromChildren()
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var id: pid_t = 0
    let result = posix_spawnp(&id, words[0], &actions, nil, &arguments, environ)
    guard result == 0 else { throw ProgramFailure(words: words, status: -result) }
    self.id = id
  }

  deinit {
    kill(id, SIGKILL)
    _ = wait()
  }

  /// Its exit status, once it has ended; the negative signal that killed it.
  public func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(id, &status, 0) == -1 {
      guard errno == EINTR else { return 0 }
    }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }

  /// Sends it a signal.
  public func signal(_ number: Int32) { kill(id, number) }

  /// Runs a program to its end, which has to be a good one.
  public static func run(_ words: String...) throws {
    let status = try Program(words).wait()
    guard status == 0 else { throw ProgramFailure(words: words, status: status) }
  }
}

/// A program that could not be started or failed.
public struct ProgramFailure: Error {
  /// Its command line.
  public var words: [String]
  /// How it ended.
  public var status: Int32
}
