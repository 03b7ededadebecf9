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
  private var scopes: [DefinitionScope] = []
  private var leftOutInstances: [String] = []

  /// Modules in modules multiply: beyond these numbers a small file would be a large graph.
  private static let nodeLimit = 20_000
  private static let importLimit = 1000
  private static let importDepthLimit = 16

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

  private mutating func report(
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
      report("unrecognized attribute \(attribute.name.name)", at: attribute.name.range)
    }
    let scope = addScope(body.blocks, directory: directory, around: around, importing: [])
    for block in body.blocks where !Self.definesNames(block) {
      add(block, to: module, scope: scope, within: origins)
    }
    return module
  }

  private static func definesNames(_ block: Block) -> Bool {
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

  // MARK: Modules

  /// What the `declare` and `import` blocks among `blocks` define, for each other and for the rest of the body.
  private mutating func addScope(
    _ blocks: [Block], directory: String, around: Int?, importing: [String]
  ) -> Int {
    let scope = scopes.count
    scopes.append(DefinitionScope(parent: around))
    var labels: [String: SourceRange] = [:]
    for block in blocks where Self.definesNames(block) {
      guard let label = definedLabel(block, &labels) else { continue }
      if block.fullName == "declare" {
        scopes[scope].definitions[label] = Definition(
          body: block.body, directory: directory, scope: scope, origin: block.headerRange)
      } else {
        for (name, definition) in definitions(importedBy: block, label, directory: directory, importing: importing) {
          scopes[scope].definitions["\(label).\(name)"] = definition
        }
      }
    }
    return scope
  }

  private mutating func definedLabel(_ block: Block, _ labels: inout [String: SourceRange]) -> String? {
    guard let label = block.label, !label.isEmpty else {
      report("\(block.fullName) block must have a label", at: block.headerRange)
      return nil
    }
    let id = "\(block.fullName).\(label)"
    if let first = labels[id] {
      report(
        "block \(id) already declared at \(first.start)", at: block.headerRange, hint: "give one of them another label")
      return nil
    }
    labels[id] = block.headerRange
    guard !isReserved(label) else {
      report(
        "\(id): \"\(label)\" is a name of the configuration language", at: block.headerRange,
        hint: "choose a label that no built-in block begins with")
      return nil
    }
    return label
  }

  private func isReserved(_ name: String) -> Bool {
    Settings.blockNames.contains(name) || ["declare", "argument", "export", "import", "foreach"].contains(name)
      || UnsupportedComponents.families.contains(name) || kinds.keys.contains { $0.hasPrefix(name + ".") }
  }

  private func definition(_ name: String, in scope: Int) -> Definition? {
    var next: Int? = scope
    while let scope = next {
      if let found = scopes[scope].definitions[name] { return found }
      next = scopes[scope].parent
    }
    return nil
  }

  private func definitionNames(in scope: Int) -> [String] {
    var names: [String] = []
    var next: Int? = scope
    while let scope = next {
      names += scopes[scope].definitions.keys
      next = scopes[scope].parent
    }
    return names.sorted()
  }

  private mutating func definitions(
    importedBy block: Block, _ namespace: String, directory: String, importing: [String]
  ) -> [String: Definition] {
    guard block.fullName == "import.file" else {
      report(
        "\(block.fullName) exists in Alloy but not in this agent", at: block.headerRange,
        hint: "put the module in a file and use import.file")
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
    guard !problems.contains(where: { $0.severity == .error }) else { return [:] }
    guard !importing.contains(filename), importing.count < Self.importDepthLimit, imports.count < Self.importLimit
    else {
      let problem = importing.contains(filename) ? "\(filename) imports itself" : "too many imports within each other"
      report("import.file \"\(namespace)\": \(problem)", at: block.headerRange)
      return [:]
    }
    // What is to be noticed at once is looked at often; it is one system call a file.
    let pause = detector == "poll" ? pollFrequency : min(pollFrequency, .seconds(5))
    imports.append(
      ImportedFile(path: filename, pollFrequency: pause, stamps: ImportedFile.stamps(of: filename)))
    return readModule(filename, namespace: namespace, importedAt: block.headerRange, importing: importing + [filename])
  }

  private mutating func readModule(
    _ path: String, namespace: String, importedAt range: SourceRange, importing: [String]
  ) -> [String: Definition] {
    let source = ConfigurationSource(path: path)
    let files: ConfigurationSource.Files
    do throws(ConfigurationError) { files = try source.read() } catch {
      report("import.file \"\(namespace)\": \(error)", at: range)
      return [:]
    }
    diagnostics += files.diagnostics
    var body = Body()
    for file in files.files {
      if !sources.contains(where: { $0.name == file.name }) { sources.append(file) }
      let (parsed, problems) = parse(file)
      diagnostics += problems
      body.statements += parsed.statements
    }
    for statement in body.statements {
      if case .block(let block) = statement, Self.definesNames(block) { continue }
      var range = statement.range
      if case .block(let block) = statement { range = block.headerRange }
      report(
        "only declare and import blocks are allowed in a module", at: range,
        hint: "to load several files as one configuration, put them in a directory and run that")
    }
    let scope = addScope(body.blocks, directory: source.directory, around: nil, importing: importing)
    return scopes[scope].definitions.filter { !$0.key.contains(".") }
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
      for statement in block.body.statements {
        switch statement {
        case .attribute(let other) where other.name.name != "value":
          report("unrecognized attribute name \"\(other.name.name)\"", at: other.name.range)
        case .block(let other): report("unrecognized block name \"\(other.fullName)\"", at: other.headerRange)
        case .attribute: break
        }
      }
      return ExportDeclaration(name: name, value: value.value)
    }
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

extension Definition {
  /// Only the `export` blocks: what the far end of a custom component depends on.
  var exportsBody: Body {
    Body(statements: body.blocks.filter { $0.fullName == "export" }.map { .block($0) })
  }
}
