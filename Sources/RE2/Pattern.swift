// SPDX-License-Identifier: Apache-2.0

internal import CRE2

/// A regular expression in RE2 syntax: what Prometheus, Loki and Alloy mean by "regex", in time linear in the text.
///
/// Immutable once compiled, and safe to match from several threads at once, as RE2 itself promises.
@safe public final class Pattern: Sendable {
  /// The expression as it was written.
  public let source: String
  /// The number of capturing groups, the whole match not counted.
  public let groupCount: Int

  // RE2 objects are thread-safe for matching ("RE2 objects are safe for concurrent use"), and this one is
  // never changed after init, so sharing the pointer between threads is sound.
  nonisolated(unsafe) private let compiled: OpaquePointer
  private let anchored: Bool

  /// How a pattern must fit the text.
  public enum Anchoring: Sendable {
    /// Found anywhere, as in node_exporter's device filters.
    case search
    /// The whole text, with `.` matching newlines: `^(?s:SOURCE)$`, as Prometheus relabelling compiles it.
    case full
  }

  /// Compiles `source`.
  ///
  /// - Throws: `PatternError` with RE2's reason.
  public init(_ source: String, _ anchoring: Anchoring = .search) throws(PatternError) {
    let portable = withPortableGroupNames(source)
    var text = anchoring == .full ? "(?s:\(portable))" : portable
    var reason: [CChar] = Array(repeating: 0, count: 256)
    let pattern = text.withUTF8 { bytes in
      unsafe reason.withUnsafeMutableBufferPointer { reason in
        unsafe bytes.withMemoryRebound(to: CChar.self) { bytes in
          unsafe cre2_compile(bytes.baseAddress, bytes.count, reason.baseAddress, reason.count)
        }
      }
    }
    guard let pattern = unsafe pattern else {
      let length = reason.firstIndex(of: 0) ?? reason.endIndex
      var message = String(decoding: reason[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // RE2 may repeat the whole expression; what we put around it is not the user's.
      if message.hasSuffix(text) { message = message.dropLast(text.count) + source }
      throw PatternError(pattern: source, reason: message)
    }
    self.source = source
    anchored = anchoring == .full
    groupCount = unsafe Int(cre2_group_count(pattern))
    unsafe compiled = pattern
  }

  deinit { unsafe cre2_free(compiled) }

  /// Whether `text` matches.
  public func matches(_ text: Span<UInt8>) -> Bool {
    unsafe text.withUnsafeBufferPointer { text in
      unsafe text.withMemoryRebound(to: CChar.self) { text in
        unsafe cre2_match(compiled, text.baseAddress, text.count, 0, anchored, nil, 0)
      }
    }
  }

  /// Whether `text` matches.
  public func matches(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { text in
      unsafe text.withMemoryRebound(to: CChar.self) { text in
        unsafe cre2_match(compiled, text.baseAddress, text.count, 0, anchored, nil, 0)
      }
    }
  }

  /// The byte ranges of the first match at or after `from` and its groups: the whole match first, then group 1, 2, …;
  /// nil for a group that took no part. Nil when nothing matches.
  public func firstMatch(in text: Span<UInt8>, from: Int = 0) -> [Range<Int>?]? {
    var groups: [Range<Int>?] = []
    return firstMatch(in: text, from: from, groups: &groups) ? groups : nil
  }

  /// The same into `groups`, which are replaced: nothing is allocated once they have grown. False when nothing matches.
  public func firstMatch(in text: Span<UInt8>, from: Int = 0, groups: inout [Range<Int>?]) -> Bool {
    groups.removeAll(keepingCapacity: true)
    // The buffer is as long as `cre2_match` is told, and every slice it writes lies in `text`.
    return unsafe text.withUnsafeBufferPointer { text in
      unsafe text.withMemoryRebound(to: CChar.self) { text in
        unsafe withUnsafeTemporaryAllocation(of: cre2_slice.self, capacity: groupCount + 1) { slices in
          unsafe slices.initialize(repeating: cre2_slice())
          guard
            unsafe cre2_match(
              compiled, text.baseAddress, text.count, from, anchored, slices.baseAddress, Int32(slices.count))
          else { return false }
          for index in 0..<slices.count { unsafe groups.append(Self.range(of: slices[index], in: text.baseAddress)) }
          return true
        }
      }
    }
  }

  private static func range(of slice: cre2_slice, in text: UnsafePointer<CChar>?) -> Range<Int>? {
    guard let start = unsafe slice.start else { return nil }
    guard let text = unsafe text else { return 0..<0 }
    let offset = unsafe start - text
    return unsafe offset..<(offset + slice.length)
  }

  /// The number of the group called `name` in `(?P<name>…)`.
  public func groupNumber(named name: String) -> Int? {
    var name = name
    let number = name.withUTF8 { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { bytes in
        unsafe cre2_group_number(compiled, bytes.baseAddress, bytes.count)
      }
    }
    return number < 0 ? nil : Int(number)
  }

  /// The name of group `number`, counted from 1, when it has one.
  public func groupName(_ number: Int) -> String? {
    guard let name = unsafe cre2_group_name(compiled, Int32(number)) else { return nil }
    return unsafe String(cString: name)
  }
}

extension Pattern: Equatable {
  /// Patterns are equal when they were written alike.
  public static func == (left: Pattern, right: Pattern) -> Bool {
    left.source == right.source && left.anchored == right.anchored
  }
}

/// An expression RE2 does not accept.
public struct PatternError: Error, Equatable, CustomStringConvertible {
  /// The expression as it was written.
  public var pattern: String
  /// RE2's reason, such as `missing ): (abc`.
  public var reason: String

  /// One line for the operator.
  public var description: String { "invalid regular expression \"\(pattern)\": \(reason)" }
}
