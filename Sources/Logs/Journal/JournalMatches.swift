// SPDX-License-Identifier: Apache-2.0

/// Which entries are wanted: `FIELD=VALUE` several times, as journalctl takes them.
///
/// Of one field any value will do, of different fields all must; `+` between them means that either side will do.
public struct JournalMatches: Sendable, Equatable {
  /// What is said about one piece that is no match.
  public struct Mistake: Error, Equatable, CustomStringConvertible {
    /// The piece.
    public var piece: String
    /// What is wrong with it.
    public var problem: String
    /// One line for the operator.
    public var description: String { "\"\(piece)\" in matches \(problem)" }
  }

  /// `FIELD=VALUE` each; sides of `+` apart.
  let alternatives: [[String]]

  /// Every entry.
  public static let all = JournalMatches(alternatives: [])

  private init(alternatives: [[String]]) { self.alternatives = alternatives }

  /// Reads `text`, pieces with spaces between them.
  public init(parsing text: String) throws(Mistake) {
    var alternatives: [[String]] = [[]]
    for piece in text.split(whereSeparator: \.isWhitespace).map(String.init) {
      if piece == "+" {
        guard let side = alternatives.last, !side.isEmpty else {
          throw Mistake(piece: piece, problem: "has no match before it")
        }
        alternatives.append([])
      } else {
        try Self.check(piece)
        alternatives[alternatives.count - 1].append(piece)
      }
    }
    if alternatives.count > 1, alternatives.last?.isEmpty == true {
      throw Mistake(piece: "+", problem: "has no match after it")
    }
    self.alternatives = alternatives.filter { !$0.isEmpty }
  }

  private static func check(_ piece: String) throws(Mistake) {
    guard let sign = piece.utf8.firstIndex(of: UInt8(ascii: "=")) else {
      throw Mistake(piece: piece, problem: "is not FIELD=VALUE")
    }
    let field = piece[..<sign].utf8
    let isField = field.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
      default: false
      }
    }
    guard !field.isEmpty, field.count <= 64, isField else {
      throw Mistake(piece: piece, problem: "has no field of the journal before the =")
    }
  }
}
