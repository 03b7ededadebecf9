// SPDX-License-Identifier: Apache-2.0

/// The values of a block's attributes in `scope`, and of the blocks within it, with what is wrong about them.
public func evaluate(_ block: Block, in scope: Scope) -> (block: EvaluatedBlock, diagnostics: [Diagnostic]) {
  var evaluation = BlockEvaluation(scope: scope)
  let evaluated = evaluation.evaluate(block)
  return (evaluated, evaluation.diagnostics)
}

private struct BlockEvaluation {
  let scope: Scope
  var diagnostics: [Diagnostic] = []

  mutating func evaluate(_ block: Block) -> EvaluatedBlock {
    var result = EvaluatedBlock(
      name: block.fullName, label: block.label?.isEmpty == false ? block.label : nil, attributes: [], blocks: [],
      headerRange: block.headerRange, nameRange: block.nameRange, range: block.range)
    for statement in block.body.statements {
      switch statement {
      case .attribute(let attribute):
        if result.attribute(attribute.name.name) != nil {
          let message = "attribute \"\(attribute.name.name)\" may only be provided once"
          diagnostics.append(Diagnostic(message, at: attribute.range, hint: "remove one of them"))
        } else {
          result.attributes.append(evaluate(attribute))
        }
      case .block(let inner): result.blocks.append(evaluate(inner))
      }
    }
    return result
  }

  mutating func evaluate(_ attribute: Attribute) -> EvaluatedAttribute {
    diagnostics += deprecations(in: attribute.value, scope: scope)
    var value: Value?
    do throws(EvaluationError) {
      value = try Syntax.evaluate(attribute.value, in: scope)
    } catch {
      diagnostics.append(error.diagnostic)
    }
    return EvaluatedAttribute(
      name: attribute.name.name, value: value, nameRange: attribute.name.range, range: attribute.range,
      ranges: ValueRanges(attribute.value))
  }
}
