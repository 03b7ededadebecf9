// SPDX-License-Identifier: Apache-2.0

@testable import Syntax

let syntaxSurfaces = [
  Surface(
    "alloy-source",
    seeds: {
      let expressions = try fixtures("SyntaxTests", "values").map { document in
        let input = text(document).split(separator: "----------\n").first ?? ""
        return Array(input.split(separator: "\n").map { "v = \($0)\n" }.joined().utf8)
      }
      let files = try ["fmt", "diagnostics"].flatMap { try fixtures("SyntaxTests", $0) }
      return expressions
        + (try files + fixtures("ComponentsTests", "diagnostics")).map {
          Array((text($0).components(before: "----------\n")).utf8)
        }
    },
    tokens: [
      " = ", " {\n", "}\n", "// c\n", "/* c */", "`", "\"", "a.b \"c\" {", "f(", "[1, 2]", "{ a = 1 }", "sys.env(",
      "string.format(\"%*d\", ",
      "encoding.from_json(", "encoding.from_yaml(", "-9223372036854775807 - 1", " % ", " / ", " ^ ", " == ", "!",
      "null", "0x", "1e5",
      "\\u{1F600}", "array.concat(", "json_path(", "string.join(", "convert.nonsensitive(", "coalesce(", "\"%[1]*.*f\"",
    ], longest: 4 << 10, runs: 400
  ) {
    { input in try checkSource(input) }
  },
  Surface(
    "json", seeds: [#"{"a":[1,-2.5e3,"\ud83d\ude00\n",null,true,{}],"b":{"c":""}}"#, "18446744073709551615", "[1e400]"]
  ) {
    input in
    guard let value = try? parseJSON(text(input)), let once = try? writeJSON(value) else { return }
    try require((try? writeJSON(parseJSON(once))) == once, "written and read again, it is another document")
  },
  Surface(
    "yaml",
    seeds: [
      "a: &x {b: [1, 0x1f, 0o17, .inf, ~, 1_000]}\nc: *x\n<<: *x\n",
      "- |\n  text\n- >-\n  folded\n- !!binary aGk=\n- !!float 3\n",
      "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n",
    ],
    tokens: [
      "&a ", "*a", "<<: ", "!!int ", "!!binary ", "- ", ": ", "? ", "|\n", ">\n", "---\n", "...\n", "{", "[",
      "%YAML 1.1\n",
    ]
  ) { input in
    guard let value = try? parseYAML(text(input)) else { return }
    _ = try? writeJSON(value)
  },
  // A path and, behind a newline, a document.
  Surface(
    "json-path",
    seeds: [
      "$.a[0].b\n{\"a\":[{\"b\":1}]}", "$..b[?(@.c > 1 && @.d == 'x')]\n{\"b\":[{\"c\":2,\"d\":\"x\"}]}",
      "$.a[1:5:2,-1]['x','y']\n{}",
    ],
    tokens: ["$", "..", "[*]", "[?(", "@.", "[::-1]", "[-9223372036854775808:]", " && ", " || ", " == ", ")]", "['"]
  ) { input in
    let (path, document) = split(input)
    guard let path = try? JSONPath(text(path)), let value = try? parseJSON(text(document)) else { return }
    _ = try? path.matches(in: value)
  },
  // A format and, on lines of their own, what is put into it.
  Surface(
    "sprintf", seeds: ["%08.3f|%-5d|%q|%x|%v|%T\n1.5\n-3\ntext", "%[2]*[1]d%%\n7\n9223372036854775807"],
    tokens: [
      "%", "%*d", "%.*f", "%[1]", "%+v", "%#x", "% x", "%U", "%c", "%1000000d", "%.1000000f", "-9223372036854775808",
    ]
  ) { input in
    let lines = text(input).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let values = lines.dropFirst().map { line -> Value in
      Int64(line).map { .int($0) } ?? UInt64(line).map { .uint($0) } ?? Double(line).map { .float($0) } ?? .string(line)
    }
    _ = sprintf(lines[0], values + [.int(.min), .array([.null, .bool(true)]), .object(["a": .float(.nan)])])
  },
  Surface(
    "durations", seeds: ["1h30m", "-1.5ns", "1_000us", "512MiB", "1.5GB", "9223372036854775807ns"],
    tokens: ["h", "m", "s", "ms", "µs", "ns", "d", "KiB", "EB"]
  ) {
    input in
    _ = try? parseDuration(text(input))
    _ = parseByteSize(text(input))
    _ = try? urlDecoded(text(input))
    _ = try? Base64.standard.decode(text(input))
  },
]

/// Diagnostics point into the file, whatever is printed prints again the same, and evaluation ends.
private func checkSource(_ bytes: [UInt8]) throws {
  let file = SourceFile(name: "main.alloy", bytes: bytes)
  let (body, diagnostics) = parse(file)
  try check(diagnostics, file)
  for attribute in body.attributes { _ = try? evaluate(attribute.value, in: Scope()) }
  for block in body.blocks {
    let (evaluated, found) = evaluate(block, in: Scope())
    try check(found + BlockDecoder(evaluated).finish(), file)
  }
  guard case .success(let once) = format(file) else { return }
  guard case .success(let twice) = format(SourceFile(name: "main.alloy", bytes: once)) else {
    throw Broken("what was printed has errors")
  }
  try require(once == twice, "printed again, it is another text")
}

private func check(_ diagnostics: [Diagnostic], _ file: SourceFile) throws {
  for range in diagnostics.compactMap(\.range) {
    try require(
      range.start.offset >= 0 && range.start.offset <= range.end.offset && range.end.offset <= file.bytes.count,
      "a diagnostic at \(range.start.offset) to \(range.end.offset) of \(file.bytes.count) bytes")
    try require(file.position(at: range.start.offset) == range.start, "a diagnostic at a place that is not there")
  }
  _ = render(diagnostics, sources: [file])
}

extension String {
  /// Everything before `separator`.
  fileprivate func components(before separator: String) -> String {
    String(split(separator: separator, maxSplits: 1, omittingEmptySubsequences: false)[0])
  }
}
