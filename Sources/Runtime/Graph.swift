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
    var path: [(index: Int, next: Int)] = []
    var finished: [Int] = []
    var cycles: [[Int]] = []

    init(nodes: [Node]) {
      self.nodes = nodes
      indexByID = Dictionary(nodes.indices.map { (nodes[$0].id, $0) }, uniquingKeysWith: { first, _ in first })
      marks = Array(repeating: .untouched, count: nodes.count)
    }

    /// Not recursive: a configuration may be one long chain.
    mutating func visit(_ start: Int) {
      guard marks[start] == .untouched else { return }
      open(start)
      while let (index, next) = path.last {
        let dependencies = nodes[index].dependencies
        if next < dependencies.count {
          path[path.count - 1].next += 1
          if let dependency = indexByID[dependencies[next]] { enter(dependency) }
        } else {
          path.removeLast()
          if marks[index] == .open {
            marks[index] = .done
            finished.append(index)
          }
        }
      }
    }

    private mutating func open(_ index: Int) {
      marks[index] = .open
      path.append((index, 0))
    }

    private mutating func enter(_ index: Int) {
      if marks[index] == .untouched { return open(index) }
      guard marks[index] == .open, let start = path.firstIndex(where: { $0.index == index }) else { return }
      let cycle = path[start...].map(\.index)
      cycles.append(cycle)
      for member in cycle { marks[member] = .cyclic }
    }
  }

  /// One diagnostic for each member of each cycle, as Alloy reports them.
  static func diagnostics(for cycles: [[Int]], in nodes: [Node]) -> [Diagnostic] {
    cycles.flatMap { cycle in
      var names: [String] = []
      for index in cycle where !names.contains(nodes[index].name) { names.append(nodes[index].name) }
      let message = names.count == 1 ? "cannot reference self" : "cycle detected: \(names.joined(separator: ", "))"
      return cycle.map { Diagnostic(.error, message, at: nodes[$0].block.headerRange) }
    }
  }
}
