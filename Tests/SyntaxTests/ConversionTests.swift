// SPDX-License-Identifier: Apache-2.0

import Syntax
import Testing

@Suite struct ConversionTests {
  @Test(arguments: [
    ("0", 0), ("1h30m", 5_400_000), ("1.5s", 1500), ("-2m", -120_000), ("+3ms", 3), (".5s", 500), ("1.s", 1000),
    ("100us1ms", 1), ("2h45m30.5s", 9_930_500), ("-0", 0),
  ]) func `durations are read as Go reads them`(text: String, milliseconds: Int) throws {
    let expected = text == "100us1ms" ? Duration.microseconds(1100) : .milliseconds(milliseconds)
    #expect(try parseDuration(text) == expected)
  }

  @Test(arguments: [
    ("", "time: invalid duration \"\""), ("5", "time: missing unit in duration \"5\""),
    ("1d", "time: unknown unit \"d\" in duration \"1d\""), ("s", "time: invalid duration \"s\""),
    (".s", "time: invalid duration \".s\""), ("1 s", "time: unknown unit \" s\" in duration \"1 s\""),
    ("-", "time: invalid duration \"-\""), ("9999999999h", "time: invalid duration \"9999999999h\""),
    ("99999999999999999999s", "time: invalid duration \"99999999999999999999s\""),
    ("1s2", "time: missing unit in duration \"1s2\""),
  ]) func `what is no duration is told in Go's words`(text: String, message: String) {
    let error = #expect(throws: DurationError.self) { try parseDuration(text) }
    #expect(error?.description == message)
  }

  @Test func `a micro sign of either kind is a micro sign`() throws {
    #expect(try parseDuration("5\u{b5}s") == .microseconds(5))
    #expect(try parseDuration("5\u{3bc}s") == .microseconds(5))
  }

  @Test(arguments: [
    ("0", 0), ("5", 5), ("5B", 5), ("1KB", 1024), ("1KiB", 1024), ("512kb", 524_288), ("10MiB", 10_485_760),
    ("1.5 GB", 1_610_612_736), ("2TiB", 2_199_023_255_552), ("1M", 1_048_576),
  ]) func `byte sizes are powers of 1024, whatever the unit`(text: String, bytes: Int) {
    #expect(parseByteSize(text) == bytes)
  }

  @Test(arguments: ["", "MB", "-1MB", "1XB", "1iB", "1BB", "1.2.3MB", "9999999999TB", "1e3", "one"])
  func `what is no byte size is refused`(text: String) { #expect(parseByteSize(text) == nil) }

  @Test(arguments: [
    (Value.int(-5), "-5"), (.uint(.max), "18446744073709551615"), (.float(1.5), "1.5"),
    (.float(1e21), "1000000000000000000000"),
    (.float(1e-7), "0.0000001"), (.string("x"), "x"), (.null, ""),
  ]) func `numbers become decimal text`(value: Value, text: String) throws {
    #expect(try ValueType<String>.string(value) == text)
  }

  @Test(arguments: [
    (Value.string("-5"), -5.0), (.string("5"), 5), (.string("1.5"), 1.5), (.string("1e3"), 1000), (.int(3), 3),
    (.null, 0),
    (.string("18446744073709551615"), 1.8446744073709552e19),
  ]) func `text becomes a number by its first character and its point`(value: Value, number: Double) throws {
    #expect(try ValueType<Double>.double(value) == number)
  }

  @Test(arguments: ["", "abc", "+5", " 5", "0x10", "1_000", "-", "5 ", "inf", "nan", "1e999"])
  func `other text is no number`(text: String) {
    #expect(throws: ConversionError("\(Value.string(text)) should be number, got string")) {
      try ValueType<Double>.double(.string(text))
    }
  }

  @Test func `whole numbers cut fractions off and refuse what does not fit`() throws {
    #expect(try ValueType<Int>.int(.float(2.9)) == 2)
    #expect(throws: ConversionError.self) { try ValueType<Int>.int(.float(1e300)) }
    #expect(throws: ConversionError.self) { try ValueType<Int>.int(.uint(.max)) }
    #expect(try ValueType<UInt>.uint(.uint(.max)) == .max)
    #expect(throws: ConversionError("-1 must not be negative")) { try ValueType<UInt>.uint(.int(-1)) }
  }

  @Test func `nothing but a bool is a bool`() {
    for value in [Value.string("true"), .int(1), .array([])] {
      #expect(throws: ConversionError("expected bool, got \(value.kind)")) { try ValueType<Bool>.bool(value) }
    }
    #expect(throws: ConversionError("expected string, got bool")) { try ValueType<String>.string(.bool(true)) }
  }

  @Test func `text becomes a secret, a secret never text`() throws {
    #expect(try ValueType<Secret>.secret(.string("x")).revealed == "x")
    #expect(try ValueType<Secret>.optionalSecret(.secret(Secret("x"))).revealed == "x")
    let error = #expect(throws: ConversionError.self) { try ValueType<String>.string(.secret(Secret("x"))) }
    #expect(error?.message == "secrets may not be converted into strings")
  }

  @Test func `members of targets become text, nested ones are refused with their place`() throws {
    let object = Value.object(["a": .int(1), "b": .bool(true), "c": .float(1.5), "d": .string("x"), "e": .null])
    #expect(
      try ValueType<[[String: String]]>.targets(.array([object])) == [
        ["a": "1", "b": "true", "c": "1.5", "d": "x", "e": ""]
      ])
    let error = #expect(throws: ConversionError.self) {
      try ValueType<[[String: String]]>.targets(.array([.object([:]), .object(["x": .array([])])]))
    }
    #expect(error?.path == [.index(1), .key("x")])
  }

  @Test func `a capsule is what it says and nothing else`() throws {
    final class Thing: Sendable {}
    let thing = Thing()
    let capsule = Value.capsule(Capsule(kind: "LogsReceiver", object: thing))
    let type = ValueType<(any AnyObject & Sendable)?>.capsule(kind: "LogsReceiver")
    #expect(try type(capsule) === thing)
    #expect(throws: ConversionError("expected capsule(\"MetricsReceiver\"), got capsule(\"LogsReceiver\")")) {
      try ValueType<(any AnyObject & Sendable)?>.capsule(kind: "MetricsReceiver")(capsule)
    }
    #expect(throws: ConversionError("expected capsule, got string")) { try type(.string("x")) }
    #expect(capsule != .capsule(Capsule(kind: "LogsReceiver", object: Thing())))
  }
}
