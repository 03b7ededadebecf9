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

  private let kinds: [String: ComponentKind]
  private let skipUnsupported: Bool
  private var declared: [String: SourceRange] = [:]  // where each id was first written

  /// Custom components within each other, beyond which something must be declaring itself.
  private static let depthLimit = 16

  init(
    _ bodies: [Body], sources: [SourceFile], directory: String, kinds: [ComponentKind], skipUnsupported: Bool
  ) {
    self.sources = sources
    self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.skipUnsupported = skipUnsupported
    let body = Body(statements: bodies.flatMap(\.statements))
    expand(body, path: "", directory: directory, inherited: [:], depth: 0)
    resolveReferences()
  }

  private mutating func report(
    _ message: String, at range: SourceRange?, hint: String? = nil, severity: Diagnostic.Severity = .error
  ) {
    diagnostics.append(Diagnostic(severity, message, at: range, hint: hint))
  }

  // MARK: One body

  @discardableResult
  private mutating func expand(
    _ body: Body, path: String, directory: String, inherited: [String: Definition], depth: Int
  ) -> Int {
    let module = modules.count
    modules.append(Module(path: path, directory: directory))
    for attribute in body.attributes {
      report("unrecognized attribute \(attribute.name.name)", at: attribute.name.range)
    }
    let definitions = inherited.merging(
      collectDefinitions(body.blocks, directory: directory, inherited: inherited, depth: depth)
    ) { _, inner in inner }
    for block in body.blocks where !Self.definesNames(block) {
      add(block, to: module, definitions: definitions, depth: depth)
    }
    return module
  }

  private static func definesNames(_ block: Block) -> Bool {
    block.fullName == "declare" || block.fullName.hasPrefix("import.")
  }

  private mutating func add(_ block: Block, to module: Int, definitions: [String: Definition], depth: Int) {
    let name = block.fullName
    if Settings.blockNames.contains(name) { return addSettings(block, to: module) }
    if name == "argument" || name == "export" {
      if modules[module].path.isEmpty {
        report("\(name) blocks only allowed inside a module", at: block.headerRange)
      }
      return
    }
    if let definition = definitions[name] {
      return addInstance(of: definition, block, to: module, depth: depth)
    }
    if let kind = kinds[name] { return addComponent(kind, block, to: module) }
    reportUnsupported(block, in: module, definitions: definitions)
  }

  private mutating func addSettings(_ block: Block, to module: Int) {
    guard modules[module].path.isEmpty else {
      return report("\(block.fullName) not allowed in module", at: block.headerRange)
    }
    guard declare(block, id: block.fullName) else { return }
    settings.append(block)
  }

  private mutating func addComponent(_ kind: ComponentKind, _ block: Block, to module: Int) {
    guard let local = localID(block), declare(block, id: modules[module].id(local)) else { return }
    let id = modules[module].id(local)
    modules[module].names[local] = id
    nodes.append(Node(id: id, kind: kind.name, role: .component(kind), block: block, body: block.body, module: module))
  }

  private mutating func addInstance(of definition: Definition, _ block: Block, to module: Int, depth: Int) {
    guard let local = localID(block), declare(block, id: modules[module].id(local)) else { return }
    guard depth < Self.depthLimit else {
      return report(
        "\(block.fullName) contains itself, or custom components are nested deeper than \(Self.depthLimit)",
        at: block.headerRange)
    }
    let id = modules[module].id(local)
    let declarations = argumentDeclarations(of: definition)
    nodes.append(
      Node(
        id: "\(id)/arguments", kind: block.fullName, role: .arguments(declarations), block: block, body: block.body,
        module: module))
    let inner = expand(
      definition.body, path: id, directory: definition.directory, inherited: definition.definitions,
      depth: depth + 1)
    for declaration in declarations { modules[inner].names["argument.\(declaration.name)"] = "\(id)/arguments" }
    modules[module].names[local] = id
    nodes.append(
      Node(
        id: id, kind: block.fullName, role: .exports(exportDeclarations(of: definition)), block: block,
        body: definition.exportsBody, module: inner))
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

  private mutating func reportUnsupported(_ block: Block, in module: Int, definitions: [String: Definition]) {
    let name = block.fullName
    if skipUnsupported {
      if let label = block.label, !label.isEmpty { modules[module].skipped.insert("\(name).\(label)") }
      return report("\(name) is left out: this agent does not have it", at: block.headerRange, severity: .warning)
    }
    let offered = kinds.keys.sorted() + definitions.keys.sorted()
    if UnsupportedComponents.exists(name) {
      return report(
        "\"\(name)\" exists in Alloy but not in this agent", at: block.headerRange,
        hint: UnsupportedComponents.hint(for: name, offered: kinds.keys.sorted()))
    }
    let hint =
      closestName(to: name, among: offered + Settings.blockNames).map { "did you mean \"\($0)\"?" }
      ?? "this agent has \(kinds.keys.sorted().joined(separator: ", "))"
    report("cannot find the definition of component name \"\(name)\"", at: block.headerRange, hint: hint)
  }

  // MARK: Modules

  private mutating func collectDefinitions(
    _ blocks: [Block], directory: String, inherited: [String: Definition], depth: Int
  ) -> [String: Definition] {
    var found: [String: Definition] = [:]
    for block in blocks where block.fullName.hasPrefix("import.") {
      found.merge(definitions(importedBy: block, directory: directory, depth: depth)) { _, new in new }
    }
    for block in blocks where block.fullName == "declare" {
      guard let label = block.label, !label.isEmpty else {
        report("declare block must have a label", at: block.headerRange)
        continue
      }
      found[label] = Definition(
        body: block.body, directory: directory, definitions: inherited.merging(found) { _, inner in inner })
    }
    return found
  }

  private mutating func definitions(importedBy block: Block, directory: String, depth: Int) -> [String: Definition] {
    guard block.fullName == "import.file" else {
      report(
        "\(block.fullName) exists in Alloy but not in this agent", at: block.headerRange,
        hint: "put the module in a file and use import.file")
      return [:]
    }
    guard let namespace = block.label, !namespace.isEmpty else {
      report("import.file block must have a label", at: block.headerRange)
      return [:]
    }
    let (evaluated, found) = evaluate(block, in: Scope(modulePath: directory))
    let decoder = BlockDecoder(evaluated)
    let filename = decoder.required("filename", .string)
    let pollFrequency = decoder.optional("poll_frequency", .duration, default: .seconds(60))
    let detector = decoder.optional("detector", .string, default: "fsnotify")
    if detector != "fsnotify" && detector != "poll" {
      decoder.error("unrecognized detector \"\(detector)\"", at: "detector", hint: "fsnotify or poll")
    }
    let problems = found + decoder.finish()
    diagnostics += problems
    guard !problems.contains(where: { $0.severity == .error }), depth < Self.depthLimit else { return [:] }
    imports.append(ImportedFile(path: filename, pollFrequency: pollFrequency))
    return readModule(filename, namespace: namespace, importedAt: block.headerRange, depth: depth)
  }

  private mutating func readModule(
    _ path: String, namespace: String, importedAt range: SourceRange, depth: Int
  ) -> [String: Definition] {
    let source = ConfigurationSource(path: path)
    let files: ConfigurationSource.Files
    do throws(ConfigurationError) { files = try source.read() } catch {
      report("import.file \"\(namespace)\": \(error)", at: range)
      return [:]
    }
    sources += files.files
    var body = Body()
    for file in files.files {
      let (parsed, problems) = parse(file)
      diagnostics += problems
      body.statements += parsed.statements
    }
    for statement in body.statements {
      if case .block(let block) = statement, Self.definesNames(block) { continue }
      report(
        "only declare and import blocks are allowed in a module", at: statement.range,
        hint: "to load several files as one configuration, put them in a directory and run that")
    }
    let definitions = collectDefinitions(
      body.blocks.filter(Self.definesNames), directory: source.directory, inherited: [:], depth: depth + 1)
    return Dictionary(
      definitions.filter { !$0.key.contains(".") }.map { ("\(namespace).\($0.key)", $0.value) },
      uniquingKeysWith: { first, _ in first })
  }

  private mutating func argumentDeclarations(of definition: Definition) -> [ArgumentDeclaration] {
    definition.body.blocks.filter { $0.fullName == "argument" }.compactMap { block in
      guard let name = block.label, !name.isEmpty else {
        report("argument block must have a label", at: block.headerRange)
        return nil
      }
      let (evaluated, found) = evaluate(block, in: Scope(modulePath: definition.directory))
      let decoder = BlockDecoder(evaluated)
      let declaration = ArgumentDeclaration(
        name: name, optional: decoder.optional("optional", .bool, default: false),
        defaultValue: decoder.optional("default", .any) ?? .null)
      _ = decoder.optional("comment", .string)
      diagnostics += found + decoder.finish()
      return declaration
    }
  }

  private mutating func exportDeclarations(of definition: Definition) -> [ExportDeclaration] {
    definition.body.blocks.filter { $0.fullName == "export" }.compactMap { block in
      guard let name = block.label, !name.isEmpty else {
        report("export block must have a label", at: block.headerRange)
        return nil
      }
      guard let value = block.body.attributes.first(where: { $0.name.name == "value" }) else {
        report("missing required attribute \"value\"", at: block.headerRange)
        return nil
      }
      return ExportDeclaration(name: name, value: value.value)
    }
  }

  // MARK: References

  private mutating func resolveReferences() {
    var changed = true
    while changed {
      changed = false
      for index in nodes.indices.reversed() where refersToSkipped(nodes[index]) {
        let node = nodes.remove(at: index)
        report(
          "\(node.id) is left out: it refers to a component that is", at: node.block.headerRange, severity: .warning)
        leaveOut(node)
        changed = true
      }
    }
    for index in nodes.indices { nodes[index].dependencies = dependencies(of: nodes[index]) }
  }

  private func refersToSkipped(_ node: Node) -> Bool {
    references(in: node.body).contains { modules[node.module].refersToSkipped($0.path) }
  }

  private mutating func leaveOut(_ node: Node) {
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
    if case .exports = node.role { found.append("\(node.id)/arguments") }
    return found
  }

  /// A name like the one written, compared without the export at its end.
  private func closestReference(to path: [String], among names: [String]) -> String? {
    for length in stride(from: path.count, to: 1, by: -1) {
      let written = path[..<length].joined(separator: ".")
      if let name = closestName(to: written, among: names) {
        let rest = path[length...].map { ".\($0)" }.joined()
        return "did you mean \(name)\(rest)?"
      }
    }
    return nil
  }
}

/// A file or directory that was imported.
struct ImportedFile: Sendable {
  var path: String
  var pollFrequency: Duration
}

extension Definition {
  /// Only the `export` blocks: what the far end of a custom component depends on.
  var exportsBody: Body {
    Body(statements: body.blocks.filter { $0.fullName == "export" }.map { .block($0) })
  }
}
