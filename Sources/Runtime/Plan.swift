// SPDX-License-Identifier: Apache-2.0

internal import Linux
public import Syntax

/// A configuration that can be run: every block evaluated and every component made, nothing started.
public struct Plan: Sendable {
  struct Step: Sendable {
    let node: Node
    /// The arguments; nil for the far end of a custom component.
    let evaluated: EvaluatedBlock?
    /// What others see of it.
    var exports: [String: Value]
    /// Nil for the ends of custom components.
    var component: (any Component)?
    let handle: ComponentHandle
    /// The component's place in the line of those with this id.
    var tenure = 0

    /// The component of `old`, which runs, has taken over these arguments.
    mutating func goOn(as old: Step) {
      component = old.component
      tenure = old.tenure
    }
  }

  /// In an order in which each comes after what it refers to.
  var steps: [Step] = []
  var modules: [Module] = []
  var imports: [ImportedFile] = []
  /// What the configuration says about the agent itself.
  public internal(set) var settings = Settings()
  /// Remarks on a configuration that can be run all the same.
  public internal(set) var warnings: [Diagnostic] = []
  /// Every file that was read.
  public internal(set) var sources: [SourceFile] = []

  /// Lets every component find out whether it could do its work.
  public func check(timeout: Duration) async -> [Finding] {
    var findings: [Finding] = []
    for step in steps { findings += await step.component?.check(timeout: timeout) ?? [] }
    return findings
  }

  /// The number of components.
  public var componentCount: Int { steps.count { $0.component != nil } }

  /// The same in words.
  public var size: String { componentCount == 1 ? "1 component" : "\(componentCount) components" }
}

/// Makes plans.
struct Planner {
  let kinds: [ComponentKind]
  let storagePath: String
  let skipUnsupported: Bool
  let log: Log
  /// The steps that run now, by id: what has not changed is taken over from them.
  var running: [String: Plan.Step] = [:]
  var makeHandle: (String) -> ComponentHandle

  /// Reads, checks and evaluates the configuration at `source`.
  func plan(_ source: ConfigurationSource) throws(ConfigurationError) -> Plan {
    let files = try source.read()
    var diagnostics = files.diagnostics
    let bodies = files.files.map { file in
      let (body, found) = parse(file)
      diagnostics += found
      return body
    }
    try stopAtErrors(diagnostics, files.files)
    let expansion = Expansion(
      bodies, sources: files.files, directory: source.directory, kinds: kinds, skipUnsupported: skipUnsupported)
    diagnostics += expansion.diagnostics

    var plan = Plan()
    plan.modules = expansion.modules
    plan.imports = expansion.imports
    plan.sources = expansion.sources
    let order = Graph.order(expansion.nodes)
    diagnostics += Graph.diagnostics(for: order.cycles, in: expansion.nodes)
    let evaluation = evaluate(order.indices.map { expansion.nodes[$0] }, into: &plan, &diagnostics)
    plan.settings = readSettings(expansion.settings, evaluation.rootScope, into: &diagnostics)
    diagnostics = diagnostics.withoutRepetitions
    try stopAtErrors(diagnostics, expansion.sources)
    plan.warnings = inFileOrder(diagnostics, expansion.sources)
    return plan
  }

  private func stopAtErrors(_ diagnostics: [Diagnostic], _ sources: [SourceFile]) throws(ConfigurationError) {
    guard diagnostics.contains(where: { $0.severity == .error }) else { return }
    throw ConfigurationError.invalid(inFileOrder(diagnostics, sources), sources: sources)
  }

  private func readSettings(_ blocks: [Block], _ scope: Scope, into diagnostics: inout [Diagnostic]) -> Settings {
    var settings = Settings()
    for block in blocks {
      if let message = Settings.unused[block.fullName] {
        diagnostics.append(Diagnostic(.warning, message, at: block.headerRange))
        continue
      }
      var (evaluated, found) = Syntax.evaluate(block, in: scope)
      if skipUnsupported { leaveOutLostReceivers(of: &evaluated, &found) }
      let decoder = BlockDecoder(evaluated)
      settings.apply(decoder)
      diagnostics += found + decoder.finish()
    }
    return settings
  }

  /// Takes `write_to` out of a `logging` block when what it names was left out.
  private func leaveOutLostReceivers(of evaluated: inout EvaluatedBlock, _ found: inout [Diagnostic]) {
    guard evaluated.name == "logging", let writeTo = evaluated.attribute("write_to"), writeTo.value == nil else {
      return
    }
    evaluated.attributes.removeAll { $0.name == "write_to" }
    found.removeAll { $0.range.map { writeTo.range.start <= $0.start && $0.end <= writeTo.range.end } ?? false }
    found.append(
      Diagnostic(.warning, "write_to is left out: it refers to a component that is", at: writeTo.range))
  }

  // MARK: Evaluation

  private func evaluate(
    _ nodes: [Node], into plan: inout Plan, _ diagnostics: inout [Diagnostic]
  ) -> Evaluation {
    var evaluation = Evaluation(modules: plan.modules)
    for node in nodes where node.dependencies.allSatisfy({ evaluation.exports[$0] != nil }) {
      guard let step = evaluate(node, evaluation.scope(of: node), &diagnostics) else { continue }
      evaluation.exports[node.id] = step.exports
      plan.steps.append(step)
    }
    return evaluation
  }

  fileprivate func evaluate(_ node: Node, _ scope: Scope, _ diagnostics: inout [Diagnostic]) -> Plan.Step? {
    switch node.role {
    case .exports(let declarations):
      return Plan.Step(
        node: node, evaluated: nil, exports: exported(declarations, scope, &diagnostics), component: nil,
        handle: handle(node.id))
    case .arguments(let declarations):
      let (evaluated, found) = Syntax.evaluate(node.block, in: scope)
      let decoder = BlockDecoder(evaluated)
      let exports = arguments(declarations, decoder)
      diagnostics += found + decoder.finish()
      return Plan.Step(
        node: node, evaluated: evaluated, exports: exports, component: nil, handle: handle(node.id))
    case .component(let kind):
      let (evaluated, found) = Syntax.evaluate(node.block, in: scope)
      diagnostics += found
      if let step = running[node.id], step.node.kind == kind.name, step.evaluated == evaluated, step.component != nil {
        return Plan.Step(
          node: node, evaluated: evaluated, exports: step.handle.exports, component: step.component,
          handle: step.handle, tenure: step.tenure)
      }
      return make(kind, node, evaluated, found, &diagnostics)
    }
  }

  private func make(
    _ kind: ComponentKind, _ node: Node, _ evaluated: EvaluatedBlock, _ found: [Diagnostic],
    _ diagnostics: inout [Diagnostic]
  ) -> Plan.Step? {
    let handle = handle(node.id)
    let decoder = BlockDecoder(evaluated)
    let tenure = handle.newTenure()
    let component = kind.make(decoder, context(for: node.id, handle, tenure))
    // What could not be evaluated was reported already; that it is missing now is no second mistake.
    let mistakes = decoder.finish()
    diagnostics += found.contains { $0.severity == .error } ? mistakes.filter { $0.severity == .warning } : mistakes
    guard let component else { return nil }
    return Plan.Step(
      node: node, evaluated: evaluated, exports: handle.published ?? component.exports, component: component,
      handle: handle, tenure: tenure)
  }

  func context(for id: String, _ handle: ComponentHandle, _ tenure: Int) -> ComponentContext {
    ComponentContext(
      id: id, log: ComponentName(id).log(to: log), stateDirectory: "\(storagePath)/\(id)",
      metricsInlet: handle.metricsInlet,
      logsInlet: handle.logsInlet,
      handle: handle, tenure: tenure)
  }

  private func handle(_ id: String) -> ComponentHandle { running[id]?.handle ?? makeHandle(id) }

  private func arguments(_ declarations: [ArgumentDeclaration], _ decoder: BlockDecoder) -> [String: Value] {
    var values: [String: Value] = [:]
    for declaration in declarations {
      if declaration.optional {
        values[declaration.name] = decoder.optional(declaration.name, .any) ?? declaration.defaultValue
      } else {
        values[declaration.name] = decoder.required(declaration.name, .any)
      }
    }
    return values
  }

  private func exported(
    _ declarations: [ExportDeclaration], _ scope: Scope, _ diagnostics: inout [Diagnostic]
  ) -> [String: Value] {
    var values: [String: Value] = [:]
    for declaration in declarations {
      do throws(EvaluationError) {
        values[declaration.name] = try Syntax.evaluate(declaration.value, in: scope)
      } catch {
        diagnostics.append(error.diagnostic)
      }
    }
    return values
  }
}

/// In the order the files were read and by place in each, so that a reader goes through a file once; what has no place
/// comes first.
private func inFileOrder(_ diagnostics: [Diagnostic], _ sources: [SourceFile]) -> [Diagnostic] {
  let files = Dictionary(sources.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  func key(_ diagnostic: Diagnostic, _ index: Int) -> (Int, Int, Int) {
    guard let start = diagnostic.range?.start else { return (-1, 0, index) }
    return (files[start.file] ?? files.count, start.offset, index)
  }
  // A reference that leads nowhere is noticed when the graph is made, and again when it is evaluated.
  var once: [Diagnostic] = []
  for diagnostic in diagnostics
  where !once.contains(where: { $0.message == diagnostic.message && $0.range == diagnostic.range }) {
    once.append(diagnostic)
  }
  return once.enumerated().sorted { key($0.element, $0.offset) < key($1.element, $1.offset) }.map(\.element)
}

/// What has been evaluated so far, and what each module sees of it.
struct Evaluation {
  let modules: [Module]
  var exports: [String: [String: Value]] = [:]

  /// What names mean in the configuration itself.
  var rootScope: Scope {
    let module = modules[0]
    return Scope(
      exports: module.names.compactMapValues { exports[$0].map { .object($0) } }, modulePath: module.directory)
  }

  /// What the references of `node` mean.
  func scope(of node: Node) -> Scope {
    let module = modules[node.module]
    var visible: [String: Value] = [:]
    for (name, id) in module.names where node.dependencies.contains(id) {
      guard let values = exports[id] else { continue }
      if name.hasPrefix("argument."), id.hasSuffix(Node.argumentsSuffix) {
        visible[name] = .object(["value": values[String(name.dropFirst("argument.".count))] ?? .null])
      } else {
        visible[name] = .object(values)
      }
    }
    return Scope(exports: visible, modulePath: module.directory)
  }
}

extension Planner {
  /// Evaluates a running node anew; without a step when that fails.
  func reevaluate(_ old: Plan.Step, _ scope: Scope) -> (step: Plan.Step?, errors: [Diagnostic]) {
    var diagnostics: [Diagnostic] = []
    let step = evaluate(old.node, scope, &diagnostics)
    let errors = diagnostics.filter { $0.severity == .error }
    return (errors.isEmpty ? step : nil, errors)
  }
}

extension [Diagnostic] {
  /// What is wrong in a module is found once for each of its instances, and a name that means nothing both when names
  /// are looked up (with a hint) and when values are: told once.
  fileprivate var withoutRepetitions: [Diagnostic] {
    var seen: [String: [SourceRange?]] = [:]
    return filter { diagnostic in
      let places = seen[diagnostic.message, default: []]
      guard !places.contains(diagnostic.range) else { return false }
      seen[diagnostic.message] = places + [diagnostic.range]
      return true
    }
  }
}
