// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Logs
import TestSupport
import Testing

@Suite struct GlobTests {
  @Test(arguments: [
    ("/var/log/*.log", "/var/log/a.log", true), ("/var/log/*.log", "/var/log/x/a.log", false),
    ("/var/log/**/*.log", "/var/log/a.log", true), ("/var/log/**/*.log", "/var/log/x/y/a.log", true),
    ("/var/log/**", "/var/log/x/y", true), ("/var/**/log/a", "/var/log/a", true),
    ("/var/log/?.log", "/var/log/ä.log", true), ("/var/log/[a-c]x", "/var/log/bx", true),
    ("/var/log/[!a-c]x", "/var/log/bx", false), ("/var/log/[^a-c]x", "/var/log/dx", true),
    ("/{var/log,tmp}/{a,b{1,2}}.log", "/tmp/b2.log", true), ("/{var/log,tmp}/a.log", "/var/a.log", false),
    ("/a/\\*.log", "/a/*.log", true), ("/a/\\*.log", "/a/b.log", false), ("/a/*", "/a/.hidden", true),
    ("/**/a/**", "/x/y/a", true), ("/**/a/**/b/**/c", "/x/a/y/b/z/b/q/c", true), ("/**/a/**/b", "/a/x/a/b/c", false),
    // In the time it takes to try each place once.
    (
      String(repeating: "/**/a", count: 20) + "/x", String(repeating: "/a", count: 60), false
    ), ("/a/b**c", "/a/bxc", true), ("/a/*a*a*a*b", "/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
  ]) func `a pattern stands for paths as doublestar has it`(pattern: String, path: String, matches: Bool) throws {
    #expect(try Glob(pattern).matches(path) == matches)
  }

  @Test(arguments: [
    String(repeating: "{", count: 21) + String(repeating: "}", count: 21), "/a/[b", "/a/{b", "/a/[z-a]", "/a/[]",
  ]) func `what is no pattern is refused`(text: String) {
    #expect(throws: GlobError.self) { try Glob(text) }
  }

  @Test func `files are found below directories, but not below links to directories`() throws {
    let directory = try TemporaryDirectory()
    let noBytes: [UInt8] = []
    for name in ["a.log", "x/b.log", "x/y/c.log", "x/y/d.txt", "skip/e.log"] {
      try makeDirectory(parent(of: directory.path(name)))
      try replaceFile(directory.path(name), with: noBytes.span)
    }
    #expect(symlink(directory.path("x"), directory.path("link")) == 0)
    let walk = GlobWalk(
      try Glob(directory.path("**/*.{log,txt}")), excluding: try Glob(directory.path("skip/*")))
    let names = walk.files.map { $0.dropFirst(directory.path.count + 1) }.sorted()
    #expect(names == ["a.log", "x/b.log", "x/y/c.log", "x/y/d.txt"])
    #expect(GlobWalk(try Glob(directory.path("link/*"))).files == [directory.path("link/b.log")])
    #expect(GlobWalk(try Glob(directory.path("*.log")), writtenAfter: .max).files.isEmpty)
  }
}
