// SPDX-License-Identifier: Apache-2.0

internal import Linux
internal import Syntax

/// What `declare` and `import` blocks define.
extension Expansion {
  /// What the `declare` and `import` blocks among `blocks` define, for each other and for the rest of the body.
  mutating func addScope(
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

  func definition(_ name: String, in scope: Int) -> Definition? {
    var next: Int? = scope
    while let scope = next {
      if let found = scopes[scope].definitions[name] { return found }
      next = scopes[scope].parent
    }
    return nil
  }

  func definitionNames(in scope: Int) -> [String] {
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
    let place = evaluated.attribute("filename")?.valueRange ?? block.headerRange
    // What is to be noticed at once is looked at often; it is one system call a file.
    let pause = detector == "poll" ? pollFrequency : min(pollFrequency, .seconds(5))
    imports.append(
      ImportedFile(path: filename, pollFrequency: pause, stamps: ImportedFile.stamps(of: filename)))
    return readModule(filename, namespace: namespace, importedAt: place, importing: importing + [filename])
  }

  private mutating func readModule(
    _ path: String, namespace: String, importedAt range: SourceRange, importing: [String]
  ) -> [String: Definition] {
    let source = ConfigurationSource(path: path)
    let files: ConfigurationSource.Files
    do throws(ConfigurationError) { files = try source.read() } catch {
      guard case .unreadable(let reason) = error else { return [:] }
      report("import.file \"\(namespace)\" cannot be read: \(reason)", at: range)
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

  mutating func argumentDeclarations(of definition: Definition) -> [ArgumentDeclaration] {
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

  mutating func exportDeclarations(of definition: Definition) -> [ExportDeclaration] {
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
}

extension Definition {
  /// Only the `export` blocks: what the far end of a custom component depends on.
  var exportsBody: Body {
    Body(statements: body.blocks.filter { $0.fullName == "export" }.map { .block($0) })
  }
}
