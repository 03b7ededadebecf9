// SPDX-License-Identifier: Apache-2.0

import Relabel
import Telemetry

/// Labels as targets and log streams bring them, through rules of every kind. The first line chooses the first rule; each
/// further line is a label, `NAME=VALUE`.
let relabelSurfaces = [
  Surface(
    "relabelling",
    seeds: [
      "0\n__address__=h:9090\ninstance=i\njob=j", "3\n__meta_a=1\n__meta_b_c=2\na=already there",
      "5\n\u{e4}=\u{1f600}\n=x\na=",
    ], tokens: ["__meta_", "__address__=", "instance=", "=", "\n", "a", "$1", "${1}", "__name__="], longest: 32 << 10
  ) { input in
    let (choice, rest) = split(input)
    let rules = try everyRule()
    let first = choice.reduce(0) { $0 &+ Int($1) } % rules.count
    var labels: [String: String] = [:]
    for line in rest.split(separator: 0x0a).prefix(2000) {
      let (name, value) = split(Array(line), at: UInt8(ascii: "="))
      labels[text(name)] = text(value)
    }
    let turned = Array(rules[first...] + rules[..<first])
    let given = labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    guard let result = Relabeller(turned).apply(to: labels) else { return }
    try require(result == Relabeller(turned).apply(to: labels), "another result the second time")
    let size = result.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    // Each rule that writes may double what it looks at, and adds what stands in it.
    try require(size <= 64 * given + 4096, "\(size) bytes of \(given)")
    // What holds of every set of labels.
    let set = LabelSet(result)
    try require(set.labels.allSatisfy { !$0.value.isEmpty }, "an empty value")
    try require(Set(set.labels.map(\.name)).count == set.labels.count, "a name twice")
  }
]

private func everyRule() throws -> [RelabelRule] {
  [
    try RelabelRule(sourceLabels: ["__address__"], regex: "(.*):(\\d+)", targetLabel: "port", replacement: "$2-${1}$1"),
    try RelabelRule(sourceLabels: ["a", "job"], targetLabel: "${1}", replacement: "x"),
    try RelabelRule(sourceLabels: ["instance"], modulus: 7, targetLabel: "shard", action: .hashmod),
    try RelabelRule(regex: "__meta_(.+)", replacement: "m_$1", action: .labelmap),
    try RelabelRule(sourceLabels: ["job"], targetLabel: "job", action: .lowercase),
    try RelabelRule(sourceLabels: ["a"], targetLabel: "a", action: .uppercase),
    try RelabelRule(sourceLabels: ["drop"], regex: ".+", action: .drop),
    try RelabelRule(regex: "tmp_.*", action: .labeldrop),
  ]
}
