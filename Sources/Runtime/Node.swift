// SPDX-License-Identifier: Apache-2.0

internal import Syntax

/// One thing to evaluate: a component, or one of the two ends of a custom component.
struct Node: Sendable {
  enum Role: Sendable {
    /// A component of ours.
    case component(ComponentKind)
    /// The near end of a custom component: what was passed to it, as `argument.NAME.value` inside.
    case arguments([ArgumentDeclaration])
    /// The far end of a custom component: what others see of it.
    case exports([ExportDeclaration])
  }

  /// The path of the modules and the name in the last of them; unique.
  let id: String
  /// The name before the label, as written.
  let kind: String
  let role: Role
  /// The block as written, for its header and its attributes.
  let block: Block
  /// What is evaluated: the block's body, or the `export` blocks of a custom component.
  let body: Body
  /// The index of the module in which the block's references are looked up.
  let module: Int
  /// The ids this node refers to.
  var dependencies: [String] = []

  /// The id of the component, or of the custom component this is an end of.
  var name: String {
    guard case .arguments = role else { return id }
    return String(id.dropLast(Self.argumentsSuffix.count))
  }

  static let argumentsSuffix = "/arguments"
}

/// `argument "name" { … }` of a `declare`.
struct ArgumentDeclaration: Sendable {
  var name: String
  var optional: Bool
  var defaultValue: Value
}

/// `export "name" { value = … }` of a `declare`.
struct ExportDeclaration: Sendable {
  var name: String
  var value: Expression
}

/// A body whose blocks see each other: the configuration itself, or one custom component.
struct Module: Sendable {
  /// The ids of the custom components it is in, joined by `/`; empty for the configuration itself.
  let path: String
  /// The directory `module_path` names.
  let directory: String
  /// From the names that can be written here to the node that has the value.
  var names: [String: String] = [:]
  /// Names of blocks that were left out because we lack them.
  var skipped: Set<String> = []

  func id(_ local: String) -> String { path.isEmpty ? local : "\(path)/\(local)" }

  /// The longest name that begins `path`, and the node behind it.
  func resolve(_ path: [String]) -> String? {
    for length in stride(from: path.count, to: 0, by: -1) {
      let name = path[..<length].joined(separator: ".")
      if let node = names[name] { return node }
    }
    return nil
  }

  func refersToSkipped(_ path: [String]) -> Bool {
    (1...max(1, path.count)).contains { skipped.contains(path.prefix($0).joined(separator: ".")) }
  }
}

/// A `declare`, and where what its body can name is looked up.
struct Definition: Sendable {
  let body: Body
  let directory: String
  /// The index of the scope it was written in.
  let scope: Int
  /// Where it was written, which tells it from every other.
  let origin: SourceRange
}

/// The custom components that can be named in some body, besides those of the scope around it.
struct DefinitionScope: Sendable {
  let parent: Int?
  var definitions: [String: Definition] = [:]
}
