// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Syntax

/// The blocks of a configuration as one flat list of nodes, modules unfolded.
struct Expansion {
  var nodes: [Node] = []
  var modules: [Module] = []
  /// The blocks about the agent itself.
  var settings: [Block] = []
  /// Every file that was read, imports included.
  var sources: [SourceFile]
  /// Files that were imported, with how often to look whether they changed.
  var imports: [ImportedFile] = []
  var diagnostics: [Diagnostic] = []

  let kinds: [String: ComponentKind]
  private let skipUnsupported: Bool
  private var declared: [String: SourceRange] = [:]  // where each id was first written
  var scopes: [DefinitionScope] = []
  private var leftOutInstances: [String] = []

  /// Modules in modules multiply: beyond these numbers a small file would be a large graph.
  private static let nodeLimit = 20_000
  static let importLimit = 1000
  static let importDepthLimit = 16

  init(
    _ bodies: [Body], sources: [SourceFile], directory: String, kinds: [ComponentKind], skipUnsupported: Bool
  ) {
    self.sources = sources
    self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.skipUnsupported = skipUnsupported
    let body = Body(statements: bodies.flatMap(\.statements))
    expand(body, path: "", directory: directory, around: nil, within: [])
    resolveReferences()
  }

  mutating func report(
    _ message: String, at range: SourceRange?, hint: String? = nil, severity: Diagnostic.Severity = .error
  ) {
    diagnostics.append(Diagnostic(severity, message, at: range, hint: hint))
  }

  // MARK: One body

  /// `around` is the scope the body was written in; `origins` are the custom components it is the inside of.
  @discardableResult
  private mutating func expand(
    _ body: Body, path: String, directory: String, around: Int?, within origins: [SourceRange]
  ) -> Int {
    let module = modules.count
    modules.append(Module(path: path, directory: directory))
    for attribute in body.attributes {
      report(
        "unrecognized attribute \(attribute.name.name)", at: attribute.name.range,
        hint: "attributes stand inside blocks; is this one outside by mistake?")
    }
    let scope = addScope(body.blocks, directory: directory, around: around, importing: [])
    for block in body.blocks where !Self.definesNames(block) {
      add(block, to: module, scope: scope, within: origins)
    }
    return module
  }

  static func definesNames(_ block: Block) -> Bool {
    block.fullName == "declare" || block.fullName.hasPrefix("import.")
  }

  private mutating func add(_ block: Block, to module: Int, scope: Int, within origins: [SourceRange]) {
    let name = block.fullName
    if Settings.blockNames.contains(name) { return addSettings(block, to: module) }
    if name == "argument" || name == "export" {
      if modules[module].path.isEmpty {
        report("\(name) blocks only allowed inside a module", at: block.headerRange)
      }
      return
    }
    if let definition = definition(name, in: scope) {
      return addInstance(of: definition, block, to: module, within: origins)
    }
    if let kind = kinds[name] { return addComponent(kind, block, to: module) }
    reportUnsupported(block, in: module, scope: scope)
  }

  private mutating func addSettings(_ block: Block, to module: Int) {
    guard modules[module].path.isEmpty else {
      return report("\(block.fullName) not allowed in module", at: block.headerRange)
    }
    guard declare(block, id: block.fullName) else { return }
    settings.append(block)
  }

  private mutating func addComponent(_ kind: ComponentKind, _ block: Block, to module: Int) {
    guard nodes.count < Self.nodeLimit else { return reportTooLarge(at: block.headerRange) }
    guard let local = localID(block), declare(block, id: modules[module].id(local)) else { return }
    let id = modules[module].id(local)
    modules[module].names[local] = id
    nodes.append(Node(id: id, kind: kind.name, role: .component(kind), block: block, body: block.body, module: module))
  }

  private mutating func addInstance(
    of definition: Definition, _ block: Block, to module: Int, within origins: [SourceRange]
  ) {
    guard let local = localID(block), declare(block, id: modules[module].id(local)) else { return }
    guard !origins.contains(definition.origin) else {
      return report(
        "\(block.fullName) contains itself", at: block.headerRange,
        hint: "a declare cannot use itself, nor what uses it")
    }
    guard nodes.count < Self.nodeLimit else { return reportTooLarge(at: block.headerRange) }
    let id = modules[module].id(local)
    let declarations = argumentDeclarations(of: definition)
    nodes.append(
      Node(
        id: id + Node.argumentsSuffix, kind: block.fullName, role: .arguments(declarations), block: block,
        body: block.body,
        module: module))
    let inner = expand(
      definition.body, path: id, directory: definition.directory, around: definition.scope,
      within: origins + [definition.origin])
    for declaration in declarations {
      modules[inner].names["argument.\(declaration.name)"] = id + Node.argumentsSuffix
    }
    modules[module].names[local] = id
    nodes.append(
      Node(
        id: id, kind: block.fullName, role: .exports(exportDeclarations(of: definition)), block: block,
        body: definition.exportsBody, module: inner))
  }

  private mutating func reportTooLarge(at range: SourceRange) {
    let message = "the configuration has more than \(Self.nodeLimit) components"
    if !diagnostics.contains(where: { $0.message == message }) { report(message, at: range) }
  }

  /// Notes that `block` is `id`; false (and a diagnostic) when another is already.
  private mutating func declare(_ block: Block, id: String) -> Bool {
    if let first = declared[id] {
      report(
        "block \(id) already declared at \(first.start)", at: block.headerRange, hint: "give one of them another label")
      return false
    }
    declared[id] = block.headerRange
    return true
  }

  private mutating func localID(_ block: Block) -> String? {
    guard let label = block.label, !label.isEmpty else {
      report(
        "component \"\(block.fullName)\" must have a label", at: block.headerRange,
        hint: "write \(block.fullName) \"default\" {")
      return nil
    }
    return "\(block.fullName).\(label)"
  }

  // MARK: What we do not have

  private mutating func reportUnsupported(_ block: Block, in module: Int, scope: Int) {
    let name = block.fullName
    if UnsupportedComponents.exists(name) {
      if skipUnsupported {
        if let label = block.label, !label.isEmpty { modules[module].skipped.insert("\(name).\(label)") }
        return report("\(name) is left out: this agent does not have it", at: block.headerRange, severity: .warning)
      }
      return report(
        "\"\(name)\" exists in Alloy but not in this agent", at: block.headerRange,
        hint: UnsupportedComponents.hint(for: name, offered: kinds.keys.sorted()))
    }
    let offered = kinds.keys.sorted() + definitionNames(in: scope)
    let hint =
      closestName(to: name, among: offered + Settings.blockNames).map { "did you mean \"\($0)\"?" }
      ?? "this agent has \(kinds.keys.sorted().joined(separator: ", "))"
    report("cannot find the definition of component name \"\(name)\"", at: block.headerRange, hint: hint)
  }

  // MARK: References

  private mutating func resolveReferences() {
    var changed = true
    while changed {
      changed = false
      for index in nodes.indices.reversed() where mustBeLeftOut(nodes[index]) {
        leaveOut(nodes.remove(at: index))
        changed = true
      }
    }
    for index in nodes.indices { nodes[index].dependencies = dependencies(of: nodes[index]) }
  }

  private func mustBeLeftOut(_ node: Node) -> Bool {
    references(in: node.body).contains { modules[node.module].refersToSkipped($0.path) } || isInsideLeftOut(node)
  }

  /// Without its arguments nothing of a custom component can run.
  private func isInsideLeftOut(_ node: Node) -> Bool {
    leftOutInstances.contains { node.id == $0 || node.id.hasPrefix($0 + "/") }
  }

  private mutating func leaveOut(_ node: Node) {
    if !isInsideLeftOut(node) {
      report(
        "\(node.name) is left out: it refers to a component that is", at: node.block.headerRange, severity: .warning)
    }
    if case .arguments = node.role { leftOutInstances.append(node.name) }
    for module in modules.indices {
      for (name, id) in modules[module].names where id == node.id {
        modules[module].names[name] = nil
        modules[module].skipped.insert(name)
      }
    }
  }

  private mutating func dependencies(of node: Node) -> [String] {
    var found: [String] = []
    for reference in references(in: node.body) {
      guard let id = modules[node.module].resolve(reference.path) else {
        let candidates = modules[node.module].names.keys.sorted()
        report(
          "component \"\(reference.name)\" does not exist or is out of scope", at: reference.range,
          hint: closestReference(to: reference.path, among: candidates))
        continue
      }
      if !found.contains(id) { found.append(id) }
    }
    if case .exports = node.role { found.append(node.id + Node.argumentsSuffix) }
    return found
  }

  /// A name like the one written, compared without the export at its end.
  private func closestReference(to path: [String], among names: [String]) -> String? {
    for length in stride(from: path.count, to: 1, by: -1) {
      let written = path[..<length].joined(separator: ".")
      let candidates = names.filter { name in name.count { $0 == "." } == length - 1 }
      if let name = closestName(to: written, among: candidates) {
        let rest = path[length...].map { ".\($0)" }.joined()
        return "did you mean \(name)\(rest)?"
      }
    }
    return nil
  }
}
