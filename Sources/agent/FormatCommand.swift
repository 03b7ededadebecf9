// SPDX-License-Identifier: Apache-2.0

import Flags
import Glibc
import Linux
import Syntax

/// `agent fmt`.
struct FormatCommand {
  private let path: String
  private let write: Bool
  private let test: Bool

  /// Larger input is refused.
  private static let sizeLimit = 16 << 20

  init(_ invocation: Invocation) {
    path = invocation.positionals.first ?? "-"
    write = invocation.isOn("write")
    test = invocation.isOn("test")
  }

  func perform() -> Int32 {
    if write, test { return fail("--write and --test exclude each other") }
    if write, path == "-" { return fail("--write needs a file: standard input cannot be written back") }
    if path != "-", fileKind(path) == .directory {
      return fail("\(path) is a directory; give its files one by one")
    }
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try path == "-" ? readStandardInput() : readFile(path, limit: Self.sizeLimit)
    } catch { return fail("\(error)") }
    switch format(SourceFile(name: path == "-" ? "<stdin>" : path, bytes: bytes)) {
    case .success(let formatted): return deliver(formatted, original: bytes)
    case .failure(let errors):
      for diagnostic in errors.diagnostics where diagnostic.severity == .error {
        let place = diagnostic.range.map { "\($0.start): " } ?? ""
        printError("\(place)\(diagnostic.message)" + (diagnostic.hint.map { " (\($0))" } ?? ""))
      }
      return fail("encountered errors during formatting")
    }
  }

  private func deliver(_ formatted: [UInt8], original: [UInt8]) -> Int32 {
    if test { return formatted == original ? 0 : 1 }
    guard write else {
      writeAll(formatted, to: STDOUT_FILENO)
      return 0
    }
    if formatted == original { return 0 }
    do throws(SystemError) {
      try replaceFile(realPath(path), with: formatted.span, mode: fileMode(path) ?? 0o644)
      return 0
    } catch { return fail("\(error)") }
  }

  private func readStandardInput() throws(SystemError) -> [UInt8] {
    let input = FileDescriptor(owning: dup(STDIN_FILENO), path: "<stdin>")
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = try input.read(into: &chunk)
      if count == 0 { return contents }
      contents += chunk[..<count]
      guard contents.count <= Self.sizeLimit else { throw SystemError("read", "<stdin>", errno: EFBIG) }
    }
  }

  private func fail(_ message: String) -> Int32 {
    printError("Error: \(message)")
    return 1
  }
}
