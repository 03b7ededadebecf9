// SPDX-License-Identifier: Apache-2.0

/// The arguments of a call, of which there are as many as there should be.
struct Arguments {
  private let values: [Value]

  init(_ values: [Value], _ count: Int) throws(ConversionError) {
    guard values.count == count else {
      throw ConversionError("expected \(count) args, got \(values.count)")
    }
    self.values = values
  }

  init(_ values: [Value], _ count: PartialRangeFrom<Int>) throws(ConversionError) {
    guard values.count >= count.lowerBound else {
      throw ConversionError("expected at least \(count.lowerBound) args, got \(values.count)")
    }
    self.values = values
  }

  init(_ values: [Value], _ count: ClosedRange<Int>) throws(ConversionError) {
    guard count.contains(values.count) else {
      throw ConversionError("expected \(count.lowerBound) to \(count.upperBound) args, got \(values.count)")
    }
    self.values = values
  }

  var count: Int { values.count }

  func take<T>(_ index: Int, _ type: ValueType<T>) throws(ConversionError) -> T {
    do throws(ConversionError) {
      return try type(values[index])
    } catch {
      throw error.inside(.index(index))
    }
  }

  func string(_ index: Int) throws(ConversionError) -> String { try take(index, .string) }

  /// What `transform` makes of a text argument, whose fault its errors are.
  func at<T>(
    _ index: Int, _ transform: (String) throws(ConversionError) -> T
  ) throws(ConversionError) -> T {
    let text = try string(index)
    do throws(ConversionError) {
      return try transform(text)
    } catch {
      throw error.inside(.index(index))
    }
  }
}
