// SPDX-License-Identifier: Apache-2.0

extension Program {
  /// The shells `completions(for:)` knows.
  public static let shells = ["bash", "zsh", "fish"]

  /// A script that completes commands and flags in `shell`; nil for a shell we do not know.
  public func completions(for shell: String) -> String? {
    switch shell {
    case "bash": bash
    case "zsh": "#compdef \(name)\nautoload -U +X bashcompinit && bashcompinit\n" + bash
    case "fish": fish
    default: nil
    }
  }

  private var shown: [Command] { commands.filter { !$0.isHidden } }

  private var bash: String {
    let cases = shown.map { command in
      let flags = command.flags.filter { $0.help != nil }.map { "--\($0.name)" } + ["--help"]
      return "    \(command.name)) words=\"\(flags.joined(separator: " "))\" ;;\n"
    }.joined()
    return """
      _\(name)_complete() {
        local current=${COMP_WORDS[COMP_CWORD]} words=""
        COMPREPLY=()
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W "\(shown.map(\.name).joined(separator: " ")) --help --version" -- "$current"))
          return
        fi
        case "${COMP_WORDS[1]}" in
      \(cases)  esac
        case "$current" in
          -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
          *) COMPREPLY=($(compgen -f -- "$current")) ;;
        esac
      }
      complete -o filenames -F _\(name)_complete \(name)

      """
  }

  private var fish: String {
    let unset = "not __fish_seen_subcommand_from \(shown.map(\.name).joined(separator: " "))"
    var text = ""
    for command in shown {
      text += "complete -c \(name) -n '\(unset)' -f -a \(command.name) -d '\(quoted(command.summary))'\n"
      for flag in command.flags {
        guard let help = flag.help else { continue }
        let value = flag.placeholder == nil ? "" : " -r"
        text += "complete -c \(name) -n '__fish_seen_subcommand_from \(command.name)' -l \(flag.name)\(value)"
        text += " -d '\(quoted(help))'\n"
      }
    }
    return text
  }
}

private func quoted(_ text: String) -> String {
  text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'")
}
