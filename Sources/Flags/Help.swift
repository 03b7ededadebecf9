// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// What `--help` prints: about the command called `name`, or about the program.
  public func help(for name: String? = nil) -> String {
    guard let name, let command = commands.first(where: { $0.name == name }) else { return overview }
    return help(for: command)
  }

  private var overview: String {
    var text = "\(name): \(summary)\n\nUsage:\n  \(name) COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n"
    let shown = commands.filter { !$0.isHidden }
    let width = shown.map(\.name.count).max() ?? 0
    for command in shown { text += "  \(padded(command.name, to: width))  \(command.summary)\n" }
    return text + "\n\(wrapped(discussion, width: 96))\n\n\"\(name) COMMAND --help\" explains one of them.\n"
  }

  private func help(for command: Command) -> String {
    var text = "\(command.summary)\n\nUsage:\n  \(usage(of: command))\n"
    if !command.discussion.isEmpty { text += "\n\(wrapped(command.discussion, width: 96))\n" }
    if let positional = command.positional {
      text += "\nArguments:\n\(entry(positional.placeholder, positional.help))"
    }
    let shown = command.flags.filter { $0.help != nil }
    if !shown.isEmpty {
      text += "\nFlags:\n" + shown.map { entry(synopsis(of: $0), explanation(of: $0)) }.joined()
    }
    if !command.examples.isEmpty {
      text += "\nExamples:\n" + command.examples.map { "  \($0.line)\n      \($0.effect)\n" }.joined()
    }
    return text
  }

  func usage(of command: Command) -> String {
    var parts = [name, command.name]
    if command.flags.contains(where: { $0.help != nil }) { parts.append("[FLAGS]") }
    if let positional = command.positional {
      parts.append(positional.count.lowerBound == 0 ? "[\(positional.placeholder)]" : positional.placeholder)
    }
    return parts.joined(separator: " ")
  }

  func synopsis(of flag: Flag) -> String {
    let long = flag.placeholder.map { "--\(flag.name)=\($0)" } ?? "--\(flag.name)"
    return flag.letter.map { "-\($0), \(long)" } ?? long
  }

  func explanation(of flag: Flag) -> String {
    var text = flag.help ?? ""
    if !flag.choices.isEmpty { text += " One of \(flag.choices.joined(separator: ", "))." }
    if let standard = flag.standard { text += " Default: \(standard)." }
    return text
  }

  private func entry(_ head: String, _ text: String) -> String {
    let lines = wrapped(text, width: 86).split(separator: "\n", omittingEmptySubsequences: false)
    return "  \(head)\n" + lines.map { "      \($0)\n" }.joined()
  }
}

private func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// `text` in lines of at most `width` characters; paragraphs and indented lines stay.
private func wrapped(_ text: String, width: Int) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { paragraph -> String in
    guard !paragraph.hasPrefix(" ") else { return String(paragraph) }
    var lines: [String] = []
    var line = ""
    for word in paragraph.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    lines.append(line)
    return lines.joined(separator: "\n")
  }.joined(separator: "\n")
}
