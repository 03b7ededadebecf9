// SPDX-License-Identifier: Apache-2.0

import Linux

/// Somewhere bytes come in that nobody vouches for.
///
/// Whatever they are, the code behind must neither crash nor hang nor take memory without bound, and what it makes of
/// them must keep its own laws.
public struct Surface: Sendable {
  /// Looks at one input; throws `Broken` where a law does not hold. Everything else it catches itself.
  public typealias Examination = @Sendable ([UInt8]) async throws -> Void

  /// What it is called, also in `Corpus/`.
  public let name: String
  /// Inputs as they should be, to begin with.
  let seeds: @Sendable () throws -> [[UInt8]]
  /// What means something there.
  public let tokens: [String]
  /// The longest input worth trying.
  public let longest: Int
  /// How many inputs `make test` tries.
  public let runs: Int
  /// Makes what looks at inputs; it may keep something from one input to the next.
  public let examine: @Sendable () async throws -> Examination

  init(
    _ name: String, seeds: @escaping @Sendable () throws -> [[UInt8]], tokens: [String] = [], longest: Int = 16 << 10,
    runs: Int = 500, examine: @escaping @Sendable () async throws -> Examination
  ) {
    self.name = name
    self.seeds = seeds
    self.tokens = tokens
    self.longest = longest
    self.runs = runs
    self.examine = examine
  }

  /// One that keeps nothing.
  init(
    _ name: String, seeds: [String], tokens: [String] = [], longest: Int = 16 << 10, runs: Int = 500,
    _ examine: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    self.init(
      name, seeds: { seeds.map { Array($0.utf8) } }, tokens: tokens, longest: longest, runs: runs,
      examine: { { try examine($0) } })
  }

  /// What to begin with: the inputs that once did harm, `FuzzTests/Corpus/NAME/*`, then those as they should be.
  public func beginnings() throws -> [[UInt8]] {
    let folder = "\(testFolder("FuzzTests"))/Corpus/\(name)"
    let known = fileKind(folder) == .directory ? try listDirectory(folder).sorted() : []
    return try known.map { try readFile("\(folder)/\($0)") } + seeds()
  }

  /// All of them.
  public static let all =
    scrapeSurfaces + stageSurfaces + syntaxSurfaces + queueSurfaces + positionSurfaces + wireSurfaces + answerSurfaces
    + serverSurfaces + fileSurfaces + hostSurfaces + relabelSurfaces
}

/// A law that does not hold.
struct Broken: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// Throws `Broken` unless `condition` holds.
func require(_ condition: Bool, _ law: @autoclosure () -> String) throws {
  guard condition else { throw Broken(law()) }
}

/// The folder of tests called `name`.
func testFolder(_ name: String) -> String { "\(parent(of: parent(of: #filePath)))/\(name)" }

/// The documents in the fixtures of `target` whose names end with `.kind`, split at lines of `=` signs.
func fixtures(_ target: String, _ kind: String) throws -> [[UInt8]] {
  let folder = "\(testFolder(target))/Fixtures"
  return try listDirectory(folder).filter { $0.hasSuffix(".\(kind)") }.flatMap { name in
    String(decoding: try readFile("\(folder)/\(name)"), as: UTF8.self).split(separator: "==========\n").map {
      Array($0.utf8)
    }
  }
}

/// `bytes` up to the first `separator` and behind it; all of them and nothing where there is none.
func split(_ bytes: [UInt8], at separator: UInt8 = 0x0a) -> (first: [UInt8], rest: [UInt8]) {
  guard let place = bytes.firstIndex(of: separator) else { return (bytes, []) }
  return (Array(bytes[..<place]), Array(bytes[(place + 1)...]))
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
