// SPDX-License-Identifier: Apache-2.0

import Flags
import Glibc
import Linux

@main
struct Main {
  static func main() async {
    keepAllocatorSmall()
    do throws(UsageError) {
      switch try program.parse(Array(CommandLine.arguments.dropFirst())) {
      case .help(let command): print(program.help(for: command), terminator: "")
      case .version: print("agent \(agentVersion) (linux)")
      case .run(let invocation): exit(await perform(invocation))
      }
    } catch {
      printError("Error: \(error)")
      exit(2)
    }
  }

  private static func perform(_ invocation: Invocation) async -> Int32 {
    switch invocation.command {
    case "run": await RunCommand(invocation).perform()
    case "check": await CheckCommand(invocation).perform()
    case "health": await HealthCommand(invocation).perform()
    case "validate": ValidateCommand(invocation).perform()
    case "fmt": FormatCommand(invocation).perform()
    case "demo": await DemoCommand(invocation).perform()
    case "queue": QueueCommand(invocation).perform()
    case "prepare": PrepareCommand(invocation).perform()
    case "completion": printCompletions(for: invocation.positionals[0])
    case "man": printManual()
    default: preconditionFailure("BUG: a command nobody performs: \(invocation.command)")
    }
  }

  private static func printCompletions(for shell: String) -> Int32 {
    guard let script = program.completions(for: shell) else {
      printError("Error: no completions for \"\(shell)\"; there are some for \(Program.shells.joined(separator: ", "))")
      return 2
    }
    print(script, terminator: "")
    return 0
  }

  private static func printManual() -> Int32 {
    print(program.manualPage(version: agentVersion), terminator: "")
    return 0
  }
}

/// Prints a line, or several, to standard error; in the journal they are errors.
func printError(_ text: String) {
  let mark = isJournal(STDERR_FILENO) ? "<3>" : ""
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "\(mark)\($0)\n" }
  writeAll(Array(lines.joined().utf8), to: STDERR_FILENO)
}

/// Writes bytes to a descriptor of the process; what cannot be written there has nowhere else to go.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  let file = FileDescriptor(owning: descriptor)
  try? file.write(bytes.span)
  _ = file.release()
}
