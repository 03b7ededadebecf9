// SPDX-License-Identifier: Apache-2.0

import Flags
import Testing

@Suite struct InvocationTests {
  let program = Program(
    name: "agent", summary: "Collects.", discussion: "Sends what it collects to a hub.",
    commands: [
      Command(
        "run", "Run a configuration.", positional: Positional("PATH", help: "A file or a directory."),
        flags: [
          Flag("storage.path", value: "DIR", default: "/var/lib/spoke", help: "Where state is kept."),
          Flag("strict", help: "Fail instead."),
          Flag("format", letter: "f", value: "FORMAT", choices: ["text", "json"], help: "How to print."),
          Flag("old", help: nil),
        ], examples: [("agent run x.alloy", "runs it")]),
      Command("check", "Verify a configuration.", positional: Positional("PATH", count: 1...1, help: "A file.")),
    ])

  private func invocation(_ words: String...) throws -> Invocation {
    guard case .run(let invocation) = try program.parse(words) else { throw UsageError.expectedRun }
    return invocation
  }

  @Test func `values follow an equals sign or a space, before or after the path`() throws {
    let one = try invocation("run", "--storage.path=/x", "conf")
    let other = try invocation("run", "conf", "--storage.path", "/x")
    #expect(one.value("storage.path") == "/x" && one.positionals == ["conf"])
    #expect(other.value("storage.path") == "/x" && other.positionals == ["conf"])
  }

  @Test func `what is not given has its default`() throws {
    let run = try invocation("run")
    #expect(run.value("storage.path") == "/var/lib/spoke")
    #expect(!run.given("storage.path") && !run.isOn("strict") && run.positionals.isEmpty)
  }

  @Test func `switches can be turned off in words`() throws {
    #expect(try invocation("run", "--strict").isOn("strict"))
    #expect(try !invocation("run", "--strict=false").isOn("strict"))
  }

  @Test func `after two dashes everything is an argument, and one dash is one`() throws {
    #expect(try invocation("run", "--", "--strict").positionals == ["--strict"])
    #expect(try invocation("check", "-").positionals == ["-"])
  }

  @Test(arguments: [
    (["rum"], "there is no command \"rum\"\n  did you mean \"agent run\"?"),
    (["fly"], "there is no command \"fly\"\n  \"agent --help\" lists the commands"),
    (["--strict"], "--strict stands before any command\n  \"agent --help\" lists the commands"),
    (["run", "--strickt"], "agent run has no flag --strickt\n  did you mean --strict?"),
    (
      ["run", "--storage.path"], "--storage.path needs a value: --storage.path=DIR\n  \"agent run --help\" explains it"
    ),
    (["run", "--strict=maybe"], "--strict takes true or false, not \"maybe\"\n  \"agent run --help\" explains it"),
    (["run", "-f", "xml"], "-f cannot be \"xml\"; it is one of text, json\n  \"agent run --help\" explains it"),
    (["run", "a", "b"], "agent run takes 1 PATH, but got 2\n  \"agent run --help\" explains it"),
    (["check"], "agent check needs PATH\n  \"agent check --help\" explains it"),
  ])
  func `a mistake is named with what to do`(_ words: [String], _ message: String) {
    let error = #expect(throws: UsageError.self) { try program.parse(words) }
    #expect(error?.description == message)
  }

  @Test func `help is asked for in every common way`() throws {
    for words in [[], ["--help"], ["-h"], ["help"]] {
      #expect(try program.parse(words) == .help(command: nil))
    }
    for words in [["help", "run"], ["run", "--help"], ["run", "x", "-h"]] {
      #expect(try program.parse(words) == .help(command: "run"))
    }
    #expect(try program.parse(["--version"]) == .version)
  }

  @Test func `help shows what there is and hides what is only accepted`() {
    #expect(
      program.help(for: "run") == """
        Run a configuration.

        Usage:
          agent run [FLAGS] [PATH]

        Arguments:
          PATH
              A file or a directory.

        Flags:
          --storage.path=DIR
              Where state is kept. Default: /var/lib/spoke.
          --strict
              Fail instead.
          -f, --format=FORMAT
              How to print. One of text, json.

        Examples:
          agent run x.alloy
              runs it

        """)
  }

  @Test func `the manual page and the completions name every command and flag`() {
    let page = program.manualPage(version: "1")
    #expect(page.contains(".SS agent run [FLAGS] [PATH]") && page.contains("\\-\\-storage.path=DIR"))
    for shell in Program.shells {
      let script = program.completions(for: shell) ?? ""
      #expect(script.contains("check") && script.contains("storage.path") && !script.contains("--old"))
    }
    #expect(program.completions(for: "tcsh") == nil)
  }
}

extension UsageError {
  fileprivate static let expectedRun = UsageError(message: "not a run", hint: "")
}
