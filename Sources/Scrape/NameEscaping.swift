// SPDX-License-Identifier: Apache-2.0

/// What becomes of metric and label names outside `[a-zA-Z_:][a-zA-Z0-9_:]*` (labels: without the colon).
///
/// The raw values are those of `metric_name_escaping_scheme`. A target is asked to do it itself (`escaping=` in
/// `Accept`); for one that does not, it is done here, so that its scrape need not fail.
public enum NameEscaping: String, Sendable {
  /// Names stay as they are: `metric_name_validation_scheme = "utf8"`.
  case allowUTF8 = "allow-utf-8"
  /// Every character that does not fit becomes `_`.
  case underscores
  /// `.` becomes `_dot_`, `_` becomes `__`, the rest `__`.
  case dots
  /// `U__` before the name, `_` becomes `__`, the rest the code point as `_2e_`.
  case values

  /// `name` as this scheme writes it; names that fit stay as they are.
  func escape(_ name: String, allowColon: Bool) -> String {
    if self == .allowUTF8 || isLegacyName(Array(name.utf8).span, allowColon: allowColon) { return name }
    var escaped = self == .values ? "U__" : ""
    for (index, scalar) in name.unicodeScalars.enumerated() {
      let fits = isLegacyScalar(scalar, first: index == 0, allowColon: allowColon)
      switch (self, scalar) {
      case (.dots, "_"), (.values, "_"): escaped += "__"
      case (.dots, "."): escaped += "_dot_"
      case _ where fits: escaped.unicodeScalars.append(scalar)
      case (.underscores, _): escaped += "_"
      case (.dots, _): escaped += "__"
      default: escaped += "_\(String(scalar.value, radix: 16))_"
      }
    }
    return escaped
  }
}

/// Whether `name` is one that Prometheus 2 accepts.
func isLegacyName(_ name: Span<UInt8>, allowColon: Bool) -> Bool {
  guard !name.isEmpty else { return false }
  for index in 0..<name.count {
    guard isLegacyScalar(Unicode.Scalar(name[index]), first: index == 0, allowColon: allowColon) else { return false }
  }
  return true
}

private func isLegacyScalar(_ scalar: Unicode.Scalar, first: Bool, allowColon: Bool) -> Bool {
  switch scalar {
  case "a"..."z", "A"..."Z", "_": true
  case "0"..."9": !first
  case ":": allowColon
  default: false
  }
}
