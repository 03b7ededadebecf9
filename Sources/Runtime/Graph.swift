// SPDX-License-Identifier: Apache-2.0

internal import Syntax

/// Puts nodes into an order in which each comes after all it depends on.
enum Graph {
  struct Order {
    /// The indices of the nodes; those in a cycle are left out.
    var indices: [Int]
    /// The nodes that wait for each other.
    var cycles: [[Int]]
  }

  /// Depth first, in the order the nodes were written, so that the order is stable between reloads.
  static func order(_ nodes: [Node]) -> Order {
    var search = Search(nodes: nodes)
    for index in nodes.indices { search.visit(index) }
    return Order(indices: search.finished, cycles: search.cycles)
  }

  private struct Search {
    enum Mark { case untouched, open, done, cyclic }

    let nodes: [Node]
    let indexByID: [String: Int]
    var marks: [Mark]
    var path: [Int] = []
    var finished: [Int] = []
    var cycles: [[Int]] = []

    init(nodes: [Node]) {
      self.nodes = nodes
      indexByID = Dictionary(nodes.indices.map { (nodes[$0].id, $0) }, uniquingKeysWith: { first, _ in first })
      marks = Array(repeating: .untouched, count: nodes.count)
    }

    mutating func visit(_ index: Int) {
      switch marks[index] {
      case .done, .cyclic: return
      case .open:
        let cycle = Array(path[path.firstIndex(of: index)!...])
        cycles.append(cycle)
        for member in cycle { marks[member] = .cyclic }
        return
      case .untouched: break
      }
      marks[index] = .open
      path.append(index)
      for dependency in nodes[index].dependencies {
        if let next = indexByID[dependency] { visit(next) }
      }
      path.removeLast()
      guard marks[index] == .open else { return }
      marks[index] = .done
      finished.append(index)
    }
  }

  /// One diagnostic for each member of each cycle, as Alloy reports them.
  static func diagnostics(for cycles: [[Int]], in nodes: [Node]) -> [Diagnostic] {
    cycles.flatMap { cycle in
      let names = cycle.map { nodes[$0].id }.joined(separator: ", ")
      return cycle.map { index in
        let message = cycle.count == 1 ? "cannot reference self" : "cycle detected: \(names)"
        return Diagnostic(.error, message, at: nodes[index].block.headerRange)
      }
    }
  }
}
