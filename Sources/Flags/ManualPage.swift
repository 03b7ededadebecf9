// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// The manual page, section 8, in the man(7) macros.
  public func manualPage(version: String) -> String {
    var page = ".TH \(name.uppercased()) 8 \"\" \"Spoke \(version)\" \"Spoke\"\n"
    page += ".SH NAME\n\(name) \\- \(escaped(summary))\n"
    page += ".SH SYNOPSIS\n.B \(name)\n.I COMMAND\n[FLAGS] [ARGUMENTS]\n"
    page += ".SH DESCRIPTION\n\(paragraphs(discussion))"
    page += ".SH COMMANDS\n"
    for command in commands where !command.isHidden { page += section(for: command) }
    return page
  }

  private func section(for command: Command) -> String {
    var text = ".SS \(escaped(usage(of: command)))\n\(escaped(command.summary))\n"
    if !command.discussion.isEmpty { text += ".PP\n\(paragraphs(command.discussion))" }
    if let positional = command.positional {
      text += ".TP\n.I \(escaped(positional.placeholder))\n\(escaped(positional.help))\n"
    }
    for flag in command.flags where flag.help != nil {
      text += ".TP\n.B \(escaped(synopsis(of: flag)))\n\(escaped(explanation(of: flag)))\n"
    }
    for example in command.examples {
      text += ".PP\n.EX\n\(escaped(example.line))\n.EE\n\(escaped(example.effect))\n"
    }
    return text
  }

  private func paragraphs(_ text: String) -> String {
    let parts = text.split(separator: "\n", omittingEmptySubsequences: false)
    return parts.map { $0.isEmpty ? ".PP\n" : "\(escaped(String($0)))\n" }.joined()
  }
}

private func escaped(_ text: String) -> String {
  let plain = text.flatMap { character -> String in
    switch character {
    case "\\": "\\e"
    case "-": "\\-"
    default: String(character)
    }
  }
  let line = String(plain)
  return line.hasPrefix(".") || line.hasPrefix("'") ? "\\&\(line)" : line
}
