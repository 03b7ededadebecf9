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
    let component: (any Component)?
    let handle: ComponentHandle
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
    try stopAtErrors(diagnostics, expansion.sources)
    plan.warnings = inFileOrder(diagnostics)
    return plan
  }

  private func stopAtErrors(_ diagnostics: [Diagnostic], _ sources: [SourceFile]) throws(ConfigurationError) {
    guard diagnostics.contains(where: { $0.severity == .error }) else { return }
    throw ConfigurationError.invalid(inFileOrder(diagnostics), sources: sources)
  }

  private func readSettings(_ blocks: [Block], _ scope: Scope, into diagnostics: inout [Diagnostic]) -> Settings {
    var settings = Settings()
    for block in blocks {
      let (evaluated, found) = Syntax.evaluate(block, in: scope)
      let decoder = BlockDecoder(evaluated)
      settings.apply(decoder)
      diagnostics += found + decoder.finish()
    }
    return settings
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
          handle: step.handle)
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
    let component = kind.make(decoder, context(for: node.id, handle))
    // What could not be evaluated was reported already; that it is missing now is no second mistake.
    let mistakes = decoder.finish()
    diagnostics += found.contains { $0.severity == .error } ? mistakes.filter { $0.severity == .warning } : mistakes
    guard let component else { return nil }
    return Plan.Step(
      node: node, evaluated: evaluated, exports: component.exports, component: component, handle: handle)
  }

  func context(for id: String, _ handle: ComponentHandle) -> ComponentContext {
    ComponentContext(
      id: id, log: log.component(id), stateDirectory: "\(storagePath)/\(id)", metricsInlet: handle.inlet,
      handle: handle)
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

/// By file and place, so that a reader goes through a file once; what has no place comes first.
private func inFileOrder(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
  diagnostics.enumerated().sorted { left, right in
    guard let first = left.element.range?.start, let second = right.element.range?.start, first != second else {
      let isFirst = left.element.range == nil && right.element.range != nil
      return isFirst || ((left.element.range == nil) == (right.element.range == nil) && left.offset < right.offset)
    }
    return first < second
  }.map(\.element)
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
      if name.hasPrefix("argument."), id.hasSuffix("/arguments") {
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
