// SPDX-License-Identifier: Apache-2.0

import Flags
import HTTP
import Runtime
import Syntax

/// `agent validate`.
struct ValidateCommand {
  private let source: ConfigurationSource
  private let skipUnsupported: Bool

  init(_ invocation: Invocation) {
    source = ConfigurationSource(path: invocation.positionals.first ?? Standard.configuration)
    skipUnsupported = invocation.isOn("skip-unsupported")
  }

  func perform() -> Int32 {
    do throws(ConfigurationError) {
      let plan = try Controller.validate(
        source, kinds: Agent.kinds(on: Network()), skipUnsupported: skipUnsupported)
      if !plan.warnings.isEmpty { printError(render(plan.warnings, sources: plan.sources)) }
      print("\(source.path) is valid: \(plan.size)")
      return 0
    } catch {
      printError("\(error)\nError: validation failed")
      return 1
    }
  }
}
