// SPDX-License-Identifier: Apache-2.0

/// The program and what it can do.
public struct Program: Sendable {
  /// What it is called.
  public var name: String
  /// What it is, in a line.
  public var summary: String
  /// More about it, for the manual page and the end of `--help`.
  public var discussion: String
  /// What it can do, in the order users should meet it.
  public var commands: [Command]

  /// A program.
  public init(name: String, summary: String, discussion: String, commands: [Command]) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.commands = commands
  }
}

/// One thing the program can do.
public struct Command: Sendable {
  /// The word for it.
  public var name: String
  /// What it does, in a line.
  public var summary: String
  /// More about it; paragraphs separated by empty lines.
  public var discussion: String
  /// What follows the flags.
  public var positional: Positional?
  /// What can be said about how.
  public var flags: [Flag]
  /// Command lines worth trying, with what they do.
  public var examples: [(line: String, effect: String)]
  /// Whether `help` leaves it out.
  public var isHidden: Bool

  /// A command.
  public init(
    _ name: String, _ summary: String, discussion: String = "", positional: Positional? = nil, flags: [Flag] = [],
    examples: [(line: String, effect: String)] = [], isHidden: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.positional = positional
    self.flags = flags
    self.examples = examples
    self.isHidden = isHidden
  }
}

/// What may follow a command's flags.
public struct Positional: Sendable {
  /// What usage calls it, such as `PATH`.
  public var placeholder: String
  /// How many there may be.
  public var count: ClosedRange<Int>
  /// What it is.
  public var help: String

  /// An argument without a flag.
  public init(_ placeholder: String, count: ClosedRange<Int> = 0...1, help: String) {
    self.placeholder = placeholder
    self.count = count
    self.help = help
  }
}

/// `--name`, `--name=VALUE` or `--name VALUE`.
public struct Flag: Sendable {
  /// The name without dashes, such as `storage.path`.
  public var name: String
  /// One letter for `-x`.
  public var letter: Character?
  /// What usage calls the value; nil for a flag that is given or not (or as `--name=true`).
  public var placeholder: String?
  /// The value when it is not given, as help shows it.
  public var standard: String?
  /// The values it may have; empty for any.
  public var choices: [String]
  /// Whether the value is a whole number greater than 0.
  public var isNumber: Bool
  /// What it does; nil hides the flag from help.
  public var help: String?

  /// A flag.
  public init(
    _ name: String, letter: Character? = nil, value placeholder: String? = nil, default standard: String? = nil,
    choices: [String] = [], isNumber: Bool = false, help: String?
  ) {
    self.isNumber = isNumber
    self.name = name
    self.letter = letter
    self.placeholder = placeholder
    self.standard = standard
    self.choices = choices
    self.help = help
  }
}
