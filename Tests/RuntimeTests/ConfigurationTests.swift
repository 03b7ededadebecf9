// SPDX-License-Identifier: Apache-2.0

import Linux
import Runtime
import Syntax
import Testing

/// What is wrong with configurations.
@Suite struct ConfigurationTests {
  @Test func `all mistakes are told at once`() throws {
    let found = try Bench.problems(
      """
      test.part "a" { value = test.part.c.value }
      test.part "b" {
        wrong = true
        surplus = 1
      }
      test.prat "c" { }
      test.part { }
      """)
    #expect(
      found == [
        "Error: config.alloy:1:25: component \"test.part.c.value\" does not exist or is out of scope (did you mean test.part.a.value?)",
        "Error: config.alloy:3:11: wrong is wrong",
        "Error: config.alloy:4:3: unrecognized attribute name \"surplus\"",
        "Error: config.alloy:6:1: cannot find the definition of component name \"test.prat\" (did you mean \"test.part\"?)",
        "Error: config.alloy:7:1: component \"test.part\" must have a label (write test.part \"default\" {)",
      ])
  }

  @Test func `cycles are told for each member, and a component that refers to itself as such`() throws {
    let found = try Bench.problems(
      """
      test.part "a" { value = test.part.b.value }
      test.part "b" { value = test.part.c.value }
      test.part "c" { value = test.part.a.value }
      test.part "d" { value = test.part.d.value }
      test.part "e" { value = test.part.a.value }
      """)
    let cycle = "cycle detected: test.part.a, test.part.b, test.part.c"
    #expect(
      found == [
        "Error: config.alloy:1:1: \(cycle)", "Error: config.alloy:2:1: \(cycle)", "Error: config.alloy:3:1: \(cycle)",
        "Error: config.alloy:4:1: cannot reference self",
      ])
  }

  @Test func `a custom component that is given its own export refers to itself`() throws {
    let found = try Bench.problems(
      """
      declare "box" {
        argument "in" { }
        export "out" { value = argument.in.value }
      }
      box "a" { in = box.a.out }
      """)
    #expect(found == ["Error: config.alloy:5:1: cannot reference self"])
  }

  @Test func `a chain of many components is put in order`() throws {
    let chain = (1..<5000).map { "test.part \"p\($0)\" { value = test.part.p\($0 - 1).value }\n" }.reversed().joined()
    #expect(try Bench.problems(chain + "test.part \"p0\" { value = 1 }\n") == [])
  }

  @Test func `the files of a directory are one configuration, and a name may be given once in them`() throws {
    let found = try Bench.problems(
      [
        "a.alloy": "test.part \"x\" { value = test.part.y.value }\n",
        "b.alloy": "test.part \"y\" { }\ntest.part \"x\" { }\nlogging { }\n",
        "c.river": "logging { level = \"debug\" }\n", "d.txt": "nonsense",
      ], at: "")
    #expect(
      found == [
        "Warning: c.river was read although it ends in .river, which Alloy passes over in a directory"
          + " (rename it to \(found.first?.split(separator: "rename it to ").last?.dropLast(1) ?? ""))",
        "Error: b.alloy:2:1: block test.part.x already declared at a.alloy:1:1 (give one of them another label)",
        "Error: c.river:1:1: block logging already declared at b.alloy:3:1 (give one of them another label)",
      ])
  }

  @Test func `a configuration that cannot be read says why`() throws {
    #expect(try Bench.problems([:]).first?.contains("config.alloy: No such file") == true)
    #expect(
      try Bench.problems(["d.txt": ""], at: "").first?.hasSuffix("the directory has no *.alloy file in it") == true)
  }

  @Test func `a component of Alloy's that is missing here is named as such`() throws {
    let found = try Bench.problems("otelcol.receiver.otlp \"x\" { }\n")
    #expect(
      found == [
        #"Error: config.alloy:1:1: "otelcol.receiver.otlp" exists in Alloy but not in this agent (it has test.part, test.other; --skip-unsupported runs the rest of the file)"#
      ]
        || found == [
          #"Error: config.alloy:1:1: "otelcol.receiver.otlp" exists in Alloy but not in this agent (it has test.other, test.part; --skip-unsupported runs the rest of the file)"#
        ])
  }

  @Test func `unsupported components are left out on demand, with all that refers to them`() throws {
    let text = """
      otelcol.receiver.otlp "x" { }
      test.part "a" { value = otelcol.receiver.otlp.x.value }
      test.part "b" { value = test.part.a.value }
      test.part "c" { value = 1 }
      """
    #expect(
      try Bench.problems(text, skipUnsupported: true) == [
        "Warning: config.alloy:1:1: otelcol.receiver.otlp is left out: this agent does not have it",
        "Warning: config.alloy:2:1: test.part.a is left out: it refers to a component that is",
        "Warning: config.alloy:3:1: test.part.b is left out: it refers to a component that is",
      ])
  }

  @Test func `a misspelled component is never left out`() throws {
    let found = try Bench.problems("test.prat \"x\" { }\n", skipUnsupported: true)
    #expect(found.first?.hasPrefix("Error: config.alloy:1:1: cannot find the definition") == true)
  }

  @Test func `a custom component whose arguments are left out is left out as a whole`() async throws {
    let bench = try Bench(
      """
      otelcol.receiver.otlp "x" { }
      declare "box" {
        argument "in" { optional = true }
        test.part "inner" { value = 1 }
        export "out" { value = test.part.inner.value }
      }
      box "gone" { in = otelcol.receiver.otlp.x.value }
      box "there" { }
      test.part "after_gone" { value = box.gone.out }
      test.part "after_there" { value = box.there.out }
      """, skipUnsupported: true)
    try await bench.start()
    let ids = await bench.controller.statuses.map(\.id)
    #expect(ids == ["box.there/test.part.inner", "test.part.after_there"])
    #expect(bench.journal.value("test.part.after_there") == .int(1))
    await bench.controller.stop()
  }

  @Test func `a custom component part of which is left out is there without its exports`() throws {
    let found = try Bench.problems(
      """
      declare "box" {
        otelcol.receiver.otlp "x" { }
        test.part "inner" { value = 1 }
        export "out" { value = otelcol.receiver.otlp.x.value }
      }
      box "a" { }
      test.part "after" { value = box.a.out }
      """, skipUnsupported: true)
    #expect(
      found == [
        "Warning: config.alloy:2:3: otelcol.receiver.otlp is left out: this agent does not have it",
        "Warning: config.alloy:6:1: box.a is left out: it refers to a component that is",
        "Warning: config.alloy:7:1: test.part.after is left out: it refers to a component that is",
      ])
  }

  // MARK: Settings

  @Test func `blocks about the agent are read, and applied when the configuration is put to work`() async throws {
    let bench = try Bench(
      """
      logging {
        level    = "warn"
        format   = "json"
        write_to = []
      }
      livedebugging { enabled = true }
      http {
        auth.basic {
          username = "me"
          password = "secret"
        }
        auth.filter {
          paths                       = ["/metrics"]
          authenticate_matching_paths = false
        }
      }
      """)
    try await bench.start()
    await #expect(throws: ConfigurationError.self) { try await bench.reload("logging { level = \"loud\" }\n") }
    #expect(bench.applied.settings.count == 1)
    let settings = try #require(bench.applied.settings.first)
    #expect(settings.logLevel == .warn)
    #expect(settings.logFormat == .json)
    #expect(settings.liveDebugging)
    #expect(settings.httpUser?.name == "me")
    #expect(settings.httpUser?.password == "secret")
    #expect(settings.httpAuthPaths == ["/metrics"])
    #expect(!settings.httpAuthMatchingPaths)
    await bench.controller.stop()
  }

  @Test func `mistakes in blocks about the agent are told`() throws {
    let found = try Bench.problems(
      """
      logging {
        level       = "loud"
        format      = "xml"
        destination = "windows_event_log"
        write_to    = [loki.write.hub.receiver]
      }
      logging { }
      http {
        auth.basic { username = "me" }
        auth.basic { username = "you" }
        tls { cert_file = "/x" }
      }
      """)
    #expect(
      found == [
        "Error: config.alloy:2:17: unrecognized log level \"loud\" (one of debug, info, warn, error)",
        "Error: config.alloy:3:17: unrecognized log format \"xml\" (logfmt or json)",
        "Error: config.alloy:4:17: destination \"windows_event_log\" is not for Linux (leave it out, or write \"stderr\")",
        "Error: config.alloy:5:18: component \"loki.write.hub.receiver\" does not exist or is out of scope",
        "Error: config.alloy:7:1: block logging already declared at config.alloy:1:1 (give one of them another label)",
        "Error: config.alloy:9:3: missing required attribute \"password\"",
        "Error: config.alloy:10:3: block \"auth.basic\" may only be specified once",
        "Error: config.alloy:11:3: the tls block needs the certificate's key (give key_file or key_pem)",
      ])
  }

  @Test func `tracing and remotecfg are accepted whatever they name`() throws {
    let found = try Bench.problems(
      """
      tracing { write_to = [otelcol.exporter.otlp.x.input] }
      remotecfg {
        url = "https://example.com"
        basic_auth { password_file = "/x" }
      }
      """)
    #expect(found.count == 2)
    #expect(found.allSatisfy { $0.hasPrefix("Warning: ") && $0.contains("accepted and does nothing") })
  }

  @Test func `log lines to unsupported components are left out on demand`() throws {
    let text = "logging { write_to = [loki.write.hub.receiver] }\n"
    #expect(try Bench.problems(text, skipUnsupported: true).map { $0.hasPrefix("Warning: ") } == [true])
  }
}
