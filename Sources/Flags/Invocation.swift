// SPDX-License-Identifier: Apache-2.0

/// A command line that was understood.
public struct Invocation: Sendable, Equatable {
  /// The command's name.
  public var command: String
  /// The arguments without a flag.
  public var positionals: [String] = []
  fileprivate var values: [String: String] = [:]
  fileprivate var standards: [String: String] = [:]

  /// The value of flag `name`: the one given, else its default.
  public func value(_ name: String) -> String? { values[name] ?? standards[name] }

  /// Whether flag `name` was given.
  public func given(_ name: String) -> Bool { values[name] != nil }

  /// Whether the switch `name` is on.
  public func isOn(_ name: String) -> Bool { values[name] == "true" }
}

/// What a command line asks for.
public enum Request: Sendable, Equatable {
  /// Doing something.
  case run(Invocation)
  /// An explanation of a command, or of the program.
  case help(command: String?)
  /// The version.
  case version
}

/// A command line that was not understood.
public struct UsageError: Error, Equatable, CustomStringConvertible {
  /// What is wrong.
  public var message: String
  /// What to do instead.
  public var hint: String

  /// An error.
  public init(message: String, hint: String) {
    self.message = message
    self.hint = hint
  }

  /// Both, in two lines.
  public var description: String { "\(message)\n  \(hint)" }
}

extension Program {
  /// Understands `arguments`, the program's own name not among them.
  public func parse(_ arguments: [String]) throws(UsageError) -> Request {
    guard let word = arguments.first else { return .help(command: nil) }
    switch word {
    case "-h", "--help": return .help(command: nil)
    case "-v", "--version", "version": return .version
    case "help":
      guard arguments.count > 1 else { return .help(command: nil) }
      return .help(command: try command(arguments[1]).name)
    default: break
    }
    let command = try command(word)
    var parser = Parser(program: self, command: command, rest: arguments.dropFirst())
    return try parser.parse()
  }

  private func command(_ word: String) throws(UsageError) -> Command {
    if let command = commands.first(where: { $0.name == word }) { return command }
    let near = commands.map(\.name).first { $0.hasPrefix(word) || word.hasPrefix($0) || differInOne($0, word) }
    throw UsageError(
      message: word.hasPrefix("-") ? "\(word) stands before any command" : "there is no command \"\(word)\"",
      hint: near.map { "did you mean \"\(name) \($0)\"?" } ?? "\"\(name) --help\" lists the commands")
  }
}

/// Whether one letter more, less or other makes one word of the other.
private func differInOne(_ left: String, _ right: String) -> Bool {
  let (short, long) = left.count <= right.count ? (Array(left), Array(right)) : (Array(right), Array(left))
  guard long.count - short.count <= 1 else { return false }
  let prefix = zip(short, long).prefix { $0 == $1 }.count
  let rest = long.count == short.count ? short.dropFirst(prefix + 1) : short.dropFirst(prefix)
  return Array(rest) == Array(long.dropFirst(prefix + 1))
}

private struct Parser {
  let program: Program
  let command: Command
  var rest: ArraySlice<String>
  var invocation: Invocation

  init(program: Program, command: Command, rest: ArraySlice<String>) {
    self.program = program
    self.command = command
    self.rest = rest
    invocation = Invocation(command: command.name)
    for flag in command.flags { invocation.standards[flag.name] = flag.standard }
  }

  mutating func parse() throws(UsageError) -> Request {
    var flagsEnded = false
    while let word = rest.popFirst() {
      if flagsEnded || word == "-" || !word.hasPrefix("-") {
        invocation.positionals.append(word)
      } else if word == "--" {
        flagsEnded = true
      } else if word == "--help" || word == "-h" {
        return .help(command: command.name)
      } else {
        try take(word)
      }
    }
    try checkPositionals()
    return .run(invocation)
  }

  private mutating func take(_ word: String) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let written = String(parts[0])
    guard let flag = flag(written) else {
      let names = command.flags.map { "--\($0.name)" }
      throw usage(
        "\(program.name) \(command.name) has no flag \(written)",
        names.first { differInOne($0, written) }.map { "did you mean \($0)?" })
    }
    var value = parts.count > 1 ? String(parts[1]) : nil
    if flag.placeholder == nil {
      value = value ?? "true"
      guard value == "true" || value == "false" else {
        throw usage("\(written) takes true or false, not \"\(value!)\"")
      }
    } else if value == nil {
      value = rest.popFirst()
    }
    guard let value else { throw usage("\(written) needs a value: \(written)=\(flag.placeholder ?? "")") }
    guard flag.choices.isEmpty || flag.choices.contains(value) else {
      throw usage("\(written) cannot be \"\(value)\"; it is one of \(flag.choices.joined(separator: ", "))")
    }
    guard !flag.isNumber || Int(value).map({ $0 > 0 }) == true else {
      throw usage("\(written) needs a whole number greater than 0, not \"\(value)\"")
    }
    invocation.values[flag.name] = value
  }

  private func flag(_ written: String) -> Flag? {
    command.flags.first { flag in
      written == "--\(flag.name)" || (flag.letter.map { written == "-\($0)" } ?? false)
    }
  }

  private func checkPositionals() throws(UsageError) {
    let count = invocation.positionals.count
    guard let positional = command.positional else {
      guard count == 0 else {
        throw usage("\(program.name) \(command.name) takes no argument, but got \"\(invocation.positionals[0])\"")
      }
      return
    }
    if count < positional.count.lowerBound {
      throw usage("\(program.name) \(command.name) needs \(positional.placeholder)")
    }
    if count > positional.count.upperBound {
      throw usage(
        "\(program.name) \(command.name) takes \(positional.count.upperBound) \(positional.placeholder), but got \(count)"
      )
    }
  }

  private func usage(_ message: String, _ hint: String? = nil) -> UsageError {
    UsageError(message: message, hint: hint ?? "\"\(program.name) \(command.name) --help\" explains it")
  }
}
