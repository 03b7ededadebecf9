// SPDX-License-Identifier: Apache-2.0

import Testing
import TestSupport

@testable import Stages

@Suite struct TemplateTests {
  private static let data = [
    "Value": "Hello World", "Entry": "the whole line", "level": "WARN", "empty": "", "n": "42", "csv": "a,b,c",
    "json": #"{"k":{"x":[1,2.5,"t"]},"z":null}"#, "pad": "  x  ", "wide": "Größe",
  ]

  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("{{ .Value }}", "Hello World"), ("{{.Value}}!", "Hello World!"),
    ("{{ .nope }}", "<no value>"),
    ("a {{- .n -}} b", "a42b"), ("a {{ .n }} b", "a 42 b"), ("x{{/* no */}}y", "xy"), ("x {{- /* no */ -}} y", "xy"),
    ("{{ .Value | ToUpper }}", "HELLO WORLD"), ("{{ ToLower .Value | ToUpper | printf \"%s!\" }}", "HELLO WORLD!"),
    ("{{ if eq .level \"WARN\" }}w{{ else if eq .level \"INFO\" }}i{{ else }}o{{ end }}", "w"),
    ("{{ if eq .level \"X\" }}w{{ else if eq .level \"WARN\" }}i{{ else }}o{{ end }}", "i"),
    ("{{ if .empty }}a{{ else }}b{{ end }}{{ if .nope }}c{{ end }}", "b"),
    ("{{ if and .n (ne .level \"INFO\") }}y{{ end }}", "y"), ("{{ if or .empty .nope .n }}y{{ end }}", "y"),
    ("{{ not .empty }} {{ and .n .empty }}|{{ or .empty .n }}", "true |42"), ("{{ eq .n \"1\" \"42\" }}", "true"),
    ("{{ with .n }}[{{ . }}]{{ end }}{{ with .empty }}x{{ else }}none{{ end }}", "[42]none"),
    ("{{ $x := .n }}{{ $x }}{{ $x = \"z\" }}{{ $x }}{{ $.level }}", "42zWARN"),
    ("{{ range splitList \",\" .csv }}<{{ . }}>{{ end }}", "<a><b><c>"),
    ("{{ range $i, $v := splitList \",\" .csv }}{{ $i }}{{ $v }}{{ $.n }} {{ end }}", "0a42 1b42 2c42 "),
    ("{{ range $k, $v := (fromJson .json).k }}{{ $k }}={{ $v }}{{ end }}", "x=[1 2.5 t]"),
    ("{{ range .nope }}x{{ else }}none{{ end }}", "none"), ("{{ range 3 }}{{ . }}{{ end }}", "012"),
    ("{{ (split \",\" .csv)._1 }}", "b"), ("{{ $p := split \",\" .csv }}{{ $p._0 }}{{ $p._9 }}", "a<no value>"),
    ("{{ index . \"level\" }}", "WARN"), ("{{ index (splitList \",\" .csv) 2 }}", "c"), ("{{ len .csv }}", "5"),
    ("{{ print 1 2 \"a\" \"b\" 3 }}", "1 2ab3"), ("{{ print 1.5 true nil }}", "1.5 true <nil>"),
    (
      "{{ printf \"%-5s|%5d|%05d|%.2f|%q|%x|%v|%%|%t\" \"ab\" 42 -42 1.005 \"a\\\"b\" 255 .n true }}",
      #"ab   |   42|-0042|1.00|"a\"b"|ff|42|%|true"#
    ),
    ("{{ printf \"%d %s\" \"x\" }}", "%!d(string=x) %!s(MISSING)"), ("{{ printf \"x\" 1 }}", "x%!(EXTRA int=1)"),
    ("{{ Replace .Value \"l\" \"L\" 2 }} {{ Replace .Value \"l\" \"\" -1 }}", "HeLLo World Heo Word"),
    ("{{ Trim \"--a--\" \"-\" }}{{ TrimLeft \"--a--\" \"-\" }}{{ TrimRight \"--a--\" \"-\" }}", "aa----a"),
    ("{{ TrimPrefix .level \"WA\" }}{{ TrimSuffix .level \"RN\" }}[{{ TrimSpace .pad }}]", "RNWA[x]"),
    ("{{ trim .pad }}{{ trimAll \"$\" \"$5$\" }}{{ trimPrefix \"a\" \"ab\" }}{{ trimSuffix \"b\" \"ab\" }}", "x5ba"),
    ("{{ .Value | lower | replace \" \" \"_\" | trunc 7 }}", "hello_w"), ("{{ trunc -3 .Value }}", "rld"),
    ("{{ substr 0 4 .Value }}|{{ substr 6 -1 .Value }}", "Hell|World"), ("{{ upper .wide }}", "GRÖßE"),
    ("{{ default \"d\" .nope }}{{ default \"d\" .n }}{{ .empty | default \"e\" }}", "d42e"),
    ("{{ coalesce .nope .empty .n }}", "42"), ("{{ ternary \"y\" \"n\" (eq .n \"42\") }}", "y"),
    ("{{ contains \"World\" .Value }}{{ hasPrefix \"He\" .Value }}{{ hasSuffix \"x\" .Value }}", "truetruefalse"),
    ("{{ join \"-\" (splitList \",\" .csv) }}", "a-b-c"), ("{{ quote .n 5 }}", #""42" "5""#),
    ("{{ nospace .Value }}", "HelloWorld"),
    ("{{ regexReplaceAll \"(\\\\w+) (\\\\w+)\" .Value \"${2} $1x$1\" }}", "World Hello"),
    ("{{ regexReplaceAllLiteral \"o\" .Value \"$0\" }}", "Hell$0 W$0rld"),
    ("{{ regexReplaceAll \"x*\" \"abc\" \"-\" }}", "-a-b-c-"),
    ("{{ regexMatch \"^H\" .Value }}{{ regexFind `[A-Z]\\w+d` .Value }}", "trueWorld"),
    ("{{ add 1 2 .n }} {{ sub 5 7 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 2 }}", "45 -2 6 3 1"),
    ("{{ int \"08\" }} {{ int \"x\" }} {{ float64 \"1.50\" }} {{ if gt (int .n) 41 }}big{{ end }}", "8 0 1.5 big"),
    ("{{ if lt 1 2 }}a{{ end }}{{ if le 2 2 }}b{{ end }}{{ if ge \"b\" \"a\" }}c{{ end }}", "abc"),
    ("{{ b64enc \"hello\" }} {{ b64dec \"aGVsbG8=\" }}", "aGVsbG8= hello"),
    (
      "{{ (fromJson .json).k.x | toJson }} {{ toJson .Value }} {{ toJson (fromJson .json) }}",
      #"[1,2.5,"t"] "Hello World" {"k":{"x":[1,2.5,"t"]},"z":null}"#
    ),
    ("{{ Hash \"pepper\" \"x\" }}", "HASH3"), ("{{ Sha2Hash \"pepper\" \"x\" }}", "HASH2"),
    ("{{ dateInZone \"2006-01-02 15:04:05.000 MST\" 86399 \"UTC\" }}", "1970-01-01 23:59:59.000 UTC"),
    (
      "{{ dateInZone \"Mon 2 Jan 3:04pm -07:00\" (toDate \"2006-01-02 -0700\" \"2024-07-15 +0000\") \"Europe/Berlin\" }}",
      "Mon 15 Jul 2:00am +02:00"
    ),
    ("{{ unixEpoch (toDate \"2006-01-02 -0700\" \"1970-01-02 +0000\") }}", "86400"),
    ("{{ 'a' }} {{ 0x1F }} {{ 1e3 }} {{ `r\\n` }}", "97 31 1000 r\\n"),
    ("{{ \"\\u00e9\\t\\x41\" }}", "é\tA"), ("{{ .Entry }}", "the whole line"), ("{{ $ | len }}", "9"),
  ])
  func `templates make what Go's make`(_ template: String, _ expected: String) throws {
    let digests = [
      "HASH3": String(decoding: hexadecimal(sha3_256(Array("pepperx".utf8))), as: UTF8.self),
      "HASH2": String(decoding: hexadecimal(sha256(Array("pepperx".utf8))), as: UTF8.self),
    ]
    #expect(try run(template) == digests[expected] ?? expected)
  }

  @Test(arguments: [
    "{{ ToUpper .nope }}", "{{ eq .n 42 }}", "{{ lt .n 42 }}", "{{ div 1 0 }}", "{{ mod 1 0 }}", "{{ .n.x }}",
    "{{ index (splitList \",\" .csv) 9 }}", "{{ ternary 1 2 3 }}", "{{ substr 5 2 .Value }}", "{{ range .n }}{{ end }}",
    "{{ toDate \"2006\" \"x\" }}", "{{ len 5 }}", "{{ trunc \"1\" .n }}",
  ])
  func `what a function has no use for makes nothing`(_ template: String) throws {
    #expect(try run(template) == nil)
  }

  @Test(arguments: [
    ("{{ nope .Value }}", 1, 4, "the function nope is not supported"),
    ("a\n {{ .x | env }}", 2, 10, "the function env is not supported"),
    ("{{ .Value", 1, 1, "{{ without }}"), ("{{ if .x }}a", 1, 4, "{{if}} without {{end}}"),
    ("{{ end }}", 1, 4, "{{end}} without a beginning"), ("{{ else }}", 1, 4, "{{else}} without a beginning"),
    ("{{ template \"x\" }}", 1, 4, "{{template}} is not supported"),
    ("{{ define \"x\" }}{{ end }}", 1, 4, "{{define}} is not supported"),
    ("{{ $x }}", 1, 4, "unknown variable $x"), ("{{ $x = 1 }}", 1, 4, "unknown variable $x"),
    ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", 1, 39, "unknown variable $x"),
    ("{{ ToUpper }}", 1, 4, "ToUpper takes 1 argument, not 0"),
    ("{{ .Value | Replace \"a\" }}", 1, 13, "Replace takes 4 arguments, not 2"),
    ("{{ .Value .n }}", 1, 11, "only a function can have arguments"),
    ("{{ .n | .Value }}", 1, 9, "after | a function is expected"),
    ("{{ }}", 1, 6, "a value is expected"), ("{{ ( .n }}", 1, 11, ") is expected"),
    ("{{ 'abc' }}", 1, 4, "strings stand in double quotes or back-quotes"),
    ("{{ \"a }}", 1, 4, "a string does not end"),
    ("{{ \"\\d\" }}", 1, 5, "unknown escape; in a string with back-quotes \\ stands for itself"),
    ("{{ regexMatch \"(\" .n }}", 1, 4, "invalid regular expression \"(\": missing ): ("),
    ("{{ regexMatch .Value .n }}", 1, 4, "regexMatch needs its regular expression written out in the template"),
    ("{{ 1x }}", 1, 4, "1x is no number"), ("{{ .n & }}", 1, 7, "'&' is not expected"),
  ])
  func `what is wrong or not supported is said with its place`(
    _ template: String, _ line: Int, _ column: Int, _ reason: String
  ) {
    #expect(throws: TemplateError(line: line, column: column, reason: reason)) { try GoTemplate(template) }
  }

  @Test(arguments: [
    "{{ range 1000 }}{{ range 1000 }}x{{ end }}{{ end }}", "{{ range 999999999 }}{{ end }}",
    "{{ $x := \"aaaaaaaaaa\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}", "{{ printf \"%999999d\" 1 }}",
    "{{ $x := .Value }}{{ range 20 }}{{ $x = Replace $x \"\" $x -1 }}{{ end }}",
    "{{ $x := splitList \"\" .Value }}{{ range 50 }}{{ $x = splitList \"\" (printf \"%v%v\" $x $x) }}{{ end }}",
  ])
  func `a template that grows without end is stopped`(_ template: String) throws {
    #expect(try run(template) == nil)
  }

  @Test func `what a template asks for is known`() throws {
    let template = try GoTemplate(
      "{{ .Value }}{{ if .a }}{{ $.b }}{{ end }}{{ range splitList .c .d }}{{ . }}{{ end }}")
    #expect(template.fieldNames == ["Value", "a", "b", "c", "d"].map { Array($0.utf8) } && !template.usesAll)
    #expect(try GoTemplate("{{ . }}").usesAll && GoTemplate("{{ index $ \"a\" }}").usesAll)
  }

  @Test(arguments: testSeeds(count: 5)) func `damaged templates never do harm`(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "{{", "}}", "-}}", "{{-", " ", ".Value", "$x", ":=", "=", "|", "(", ")", "if", "else", "end", "range", "with",
      "\"a\"",
      "ToUpper", "eq", "index", "len", "printf", "1", "-", "'", "`", "/*", "*/", ",", "é", "regexMatch", "\\", "nil",
      ".",
    ]
    for _ in 0..<5000 {
      let text = (0..<random.below(20)).map { _ in pieces[random.below(pieces.count)] }.joined()
      guard let template = try? GoTemplate("{{" + text) else { continue }
      var output: [UInt8] = []
      _ = template.execute(fields, into: &output)
    }
  }

  @Test func `the first moments there are have a date and seconds like all others`() throws {
    let layout = "\"2006-01-02 15:04:05\""
    #expect(
      try run("{{ $t := toDate \(layout) \"1677-09-21 00:12:44\" }}{{ unixEpoch $t }} {{ $t | date \"2006\" }}")
        == "-9223372036 1677")
  }

  private var fields: TemplateFields {
    var fields = TemplateFields()
    for (key, value) in Self.data { fields.set(Array(key.utf8), to: Array(value.utf8)) }
    return fields
  }

  private func run(_ template: String) throws -> String? {
    var output: [UInt8] = []
    return try GoTemplate(template).execute(fields, into: &output) ? String(decoding: output, as: UTF8.self) : nil
  }
}
