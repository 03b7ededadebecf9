// SPDX-License-Identifier: Apache-2.0

import Linux
import Runtime
import Syntax
import TestSupport
import Testing

/// Custom components and imports.
@Suite struct ModuleTests {
  @Test func `arguments go in, exports come out, and names inside stay inside`() async throws {
    let bench = try Bench(
      """
      declare "box" {
        argument "in" { comment = "what goes in" }
        argument "suffix" {
          optional = true
          default  = "!"
        }
        argument "none" { optional = true }
        test.part "inner" {
          value = argument.in.value + argument.suffix.value
          more  = argument.none.value
        }
        export "out" { value = test.part.inner.value }
      }
      test.part "source" { value = "a" }
      box "one" { in = test.part.source.value }
      box "two" {
        in     = box.one.out
        suffix = "?"
      }
      test.part "end" { value = box.two.out }
      """)
    try await bench.start()
    #expect(bench.journal.value("test.part.end") == .string("a!?"))
    let ids = await bench.controller.statuses.map(\.id)
    #expect(
      ids == ["test.part.source", "box.one/test.part.inner", "box.two/test.part.inner", "test.part.end"])
    await bench.controller.stop()
  }

  @Test func `a declare can use those written after it, around it and imported beside it`() async throws {
    let bench = try Bench(
      """
      declare "outer" {
        argument "in" { }
        inner "x" { in = argument.in.value }
        lib.thing "x" { in = inner.x.out }
        export "out" { value = lib.thing.x.out }
      }
      declare "inner" {
        argument "in" { }
        export "out" { value = argument.in.value + 1 }
      }
      import.file "lib" { filename = module_path + "/lib.alloy" }
      outer "x" { in = 1 }
      test.part "end" { value = outer.x.out }
      """)
    try bench.write(
      """
      declare "thing" {
        argument "in" { }
        helper "x" { in = argument.in.value }
        export "out" { value = helper.x.out }
      }
      declare "helper" {
        argument "in" { }
        export "out" { value = argument.in.value + 10 }
      }
      """, to: "lib.alloy")
    try await bench.start()
    #expect(bench.journal.value("test.part.end") == .int(12))
    await bench.controller.stop()
  }

  @Test func `mistakes about custom components are told, once for all instances`() throws {
    let found = try Bench.problems(
      """
      declare "box" {
        argument "in" { surplus = 1 }
        export "out" {
          value = 1
          other = 2
        }
        test.part "inner" { value = test.part.outside.value }
        logging { }
      }
      declare "box" { }
      declare { }
      declare "test" { }
      test.part "outside" { }
      box "a" { in = 1 }
      box "b" { inn = 1 }
      argument "x" { }
      export "x" { value = 1 }
      """)
    #expect(
      found == [
        "Error: config.alloy:2:19: unrecognized attribute name \"surplus\"",
        "Error: config.alloy:5:5: unrecognized attribute name \"other\"",
        "Error: config.alloy:7:31: component \"test.part.outside.value\" does not exist or is out of scope",
        "Error: config.alloy:8:3: logging not allowed in module",
        "Error: config.alloy:10:1: block declare.box already declared at config.alloy:1:1 (give one of them another label)",
        "Error: config.alloy:11:1: declare block must have a label",
        "Error: config.alloy:12:1: declare.test: \"test\" is a name of the configuration language (choose a label that no built-in block begins with)",
        "Error: config.alloy:15:1: missing required attribute \"in\" (\"inn\" may be a misspelling of it)",
        "Error: config.alloy:15:11: unrecognized attribute name \"inn\" (did you mean \"in\"?)",
        "Error: config.alloy:16:1: argument blocks only allowed inside a module",
        "Error: config.alloy:17:1: export blocks only allowed inside a module",
      ])
  }

  @Test func `a custom component that contains itself is refused at once`() throws {
    let found = try Bench.problems(
      """
      declare "a" {
        b "x" { }
        b "y" { }
      }
      declare "b" {
        a "x" { }
        a "y" { }
      }
      a "x" { }
      """)
    #expect(
      found == [
        "Error: config.alloy:6:3: a contains itself (a declare cannot use itself, nor what uses it)",
        "Error: config.alloy:7:3: a contains itself (a declare cannot use itself, nor what uses it)",
      ])
  }

  @Test func `a small file that would be a large graph is refused`() throws {
    var text = "declare \"d0\" { test.part \"x\" { } }\n"
    for level in 1...8 {
      let instances = (0..<10).map { "  d\(level - 1) \"i\($0)\" { }\n" }.joined()
      text += "declare \"d\(level)\" {\n\(instances)}\n"
    }
    let found = try Bench.problems(text + "d8 \"x\" { }\n")
    #expect(found.count == 1)
    #expect(found.first?.contains("the configuration has more than 20000 components") == true)
  }

  // MARK: Imports

  @Test func `a directory is imported as one namespace, and module_path is where the module is`() async throws {
    let bench = try Bench(
      """
      import.file "lib" { filename = module_path + "/lib" }
      lib.one "x" { }
      lib.two "x" { }
      test.part "end" { value = [lib.one.x.out, lib.two.x.out] }
      """)
    try makeDirectory(bench.directory.path("lib"))
    try bench.write("declare \"one\" { export \"out\" { value = module_path } }\n", to: "lib/a.alloy")
    try bench.write("declare \"two\" { export \"out\" { value = 2 } }\n", to: "lib/b.alloy")
    try bench.write("declare \"two\" { export \"out\" { value = 3 } }\n", to: "lib/c.txt")
    try await bench.start()
    #expect(bench.journal.value("test.part.end") == .array([.string(bench.directory.path("lib")), .int(2)]))
    await bench.controller.stop()
  }

  @Test func `what is wrong with imports is told`() throws {
    let directory = try TemporaryDirectory()
    func module(_ name: String, _ text: String) throws -> String {
      try replaceFile(directory.path(name), with: Array(text.utf8).span)
      return directory.path(name)
    }
    let include = try module("include", "test.part \"x\" { value = 1 }\nlogging { }\n")
    let itself = directory.path("itself")
    _ = try module("itself", "import.file \"again\" { filename = \"\(itself)\" }\ndeclare \"x\" { }\n")
    let broken = try module("broken", "declare \"x\" {\n")
    let found = try Bench.problems(
      """
      import.file "missing" { filename = "/does/not/exist" }
      import.file "include" { filename = "\(include)" }
      import.file "itself" { filename = "\(itself)" }
      import.file "broken" { filename = "\(broken)" }
      import.file "incomplete" { detector = "guess" }
      import.file { filename = "/x" }
      import.git "git" { repository = "x" }
      """
    ).map { $0.replacing(directory.path + "/", with: "") }
    #expect(
      found == [
        "Error: config.alloy:1:36: import.file \"missing\" cannot be read: open /does/not/exist: No such file or directory",
        "Error: config.alloy:5:1: missing required attribute \"filename\"",
        "Error: config.alloy:5:39: unrecognized detector \"guess\" (fsnotify or poll)",
        "Error: config.alloy:6:1: import.file block must have a label",
        "Error: config.alloy:7:1: import.git exists in Alloy but not in this agent (put the module in a file and use import.file)",
        "Error: include:1:1: only declare and import blocks are allowed in a module (to load several files as one configuration, put them in a directory and run that)",
        "Error: include:2:1: only declare and import blocks are allowed in a module (to load several files as one configuration, put them in a directory and run that)",
        "Error: itself:1:1: import.file \"again\": itself imports itself",
        "Error: broken:2:1: expected }, got EOF (the '{' of line 1 is not closed)",
      ])
  }

  @Test func `a changed module is loaded by itself, and one with mistakes changes nothing`() async throws {
    let bench = try Bench(
      """
      import.file "lib" {
        filename       = module_path + "/lib.alloy"
        poll_frequency = "1s"
      }
      lib.one "x" { }
      test.part "end" { value = lib.one.x.out }
      test.part "still" { }
      """)
    try bench.write("declare \"one\" { export \"out\" { value = 1 } }\n", to: "lib.alloy")
    try await bench.start()
    #expect(bench.journal.value("test.part.end") == .int(1))

    try bench.write("declare \"one\" { export \"out\" { value = } }\n", to: "lib.alloy")
    await eventually("the mistake is found") {
      await bench.metric("alloy_config_load_failures_total") == 1
    }
    #expect(await bench.health("test.part.end") == .healthy)

    try bench.write("declare \"one\" { export \"out\" { value = 2 } }\n", to: "lib.alloy")
    await eventually("the new value arrives") { bench.journal.value("test.part.end") == .int(2) }
    #expect(bench.journal.count("start test.part.still#1") == 1)
    #expect(bench.journal.count("stop test.part.still#1") == 0)
    await bench.controller.stop()
  }
}
