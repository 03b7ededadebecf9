// SPDX-License-Identifier: Apache-2.0

extension Int64 {
  /// Quotient rounded down, and remainder that is never negative: seconds and nanoseconds before 1970 too.
  public func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
