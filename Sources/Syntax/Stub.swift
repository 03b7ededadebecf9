// SPDX-License-Identifier: Apache-2.0

/// Prints `file` the one way, or says why it cannot be.
public func format(_ file: SourceFile) -> Result<[UInt8], SyntaxErrors> { .success(file.bytes) }

/// The diagnostics as people see them.
public func render(_ diagnostics: [Diagnostic], sources: [SourceFile]) -> String {
  diagnostics.map { $0.description + "\n" }.joined(separator: "\n")
}

func standardLibraryValue(_ name: String, in scope: Scope) -> Value? { nil }
func isStandardLibraryName(_ name: String) -> Bool { false }
func sprintf(_ format: String, _ arguments: [Value]) -> String { format }
func quoted(_ text: String) -> String { "\"\(text)\"" }
func plainDecimal(_ value: Double) -> String { "\(value)" }
