// SPDX-License-Identifier: Apache-2.0

internal import CSystemd
internal import Glibc
internal import Linux

/// A connection to D-Bus that asks many things at once: all questions are sent before the answers are read, so that a
/// scrape costs a few round trips instead of hundreds.
@safe final class BusConnection {
  /// A call of a method of systemd.
  struct Call {
    var path: String
    var interface: StaticString
    var member: StaticString
    /// The two arguments of `Properties.Get`; none for other calls.
    var property: (interface: StaticString, name: StaticString)?

    /// `Properties.Get`.
    static func get(_ name: StaticString, of interface: StaticString, at path: String) -> Call {
      Call(path: path, interface: "org.freedesktop.DBus.Properties", member: "Get", property: (interface, name))
    }
  }

  private let bus: OpaquePointer  // ours alone: made in init, released in deinit

  /// A bus limits how many calls of one connection may be without answer; 128 is common.
  private static let mostAtOnce = 64

  /// Connects to `address`: to a bus, or (`direct`) to systemd itself.
  init(address: String, direct: Bool = false) throws {
    var made: OpaquePointer?
    try check(unsafe sd_bus_new(&made), "sd_bus_new", address)
    guard let made = unsafe made else { throw SystemError("sd_bus_new", address, errno: ENOMEM) }
    unsafe bus = made
    try check(unsafe sd_bus_set_address(bus, address), "set address", address)
    try check(unsafe sd_bus_set_bus_client(bus, direct ? 0 : 1), "connect", address)
    try check(unsafe sd_bus_start(bus), "connect", address)
  }

  // Without sending what is queued: that could block.
  deinit { unsafe _ = sd_bus_close_unref(bus) }

  /// Makes all `calls` and gives each answer, as it comes, to `answered` with the index of its call.
  ///
  /// - Throws: when the connection broke, or `limit` (in `monotonicNanoseconds`) came before all answers.
  func ask(_ calls: [Call], until limit: Int64, _ answered: (Int, BusMessage) -> Void) throws {
    var cookies: [UInt64: Int] = [:]
    var sent = 0
    while sent < calls.count || !cookies.isEmpty {
      guard monotonicNanoseconds() < limit else { throw SystemError("wait for D-Bus", errno: ETIMEDOUT) }
      while sent < calls.count, cookies.count < Self.mostAtOnce {
        cookies[try send(calls[sent])] = sent
        sent += 1
      }
      var message: OpaquePointer?
      let progress = try check(unsafe sd_bus_process(bus, &message), "read from D-Bus")
      if let message = unsafe message {
        defer { unsafe _ = sd_bus_message_unref(message) }
        var cookie: UInt64 = 0
        guard unsafe sd_bus_message_get_reply_cookie(message, &cookie) >= 0 else { continue }
        if let index = cookies.removeValue(forKey: cookie) { unsafe answered(index, BusMessage(message)) }
      } else if progress == 0 {
        try wait(until: limit)
      }
    }
  }

  private func wait(until limit: Int64) throws {
    let left = limit - monotonicNanoseconds()
    guard left > 0 else { return }
    let result = unsafe sd_bus_wait(bus, UInt64(left) / 1000 + 1)
    if result != -EINTR { try check(result, "wait for D-Bus") }
  }

  private func send(_ call: Call) throws -> UInt64 {
    var made: OpaquePointer?
    try check(
      unsafe sd_bus_message_new_method_call(
        bus, &made, "org.freedesktop.systemd1", call.path, cString(call.interface), cString(call.member)),
      "call", call.path)
    guard let message = unsafe made else { throw SystemError("call", call.path, errno: ENOMEM) }
    defer { unsafe _ = sd_bus_message_unref(message) }
    if let property = call.property {
      try check(unsafe sd_bus_message_append_basic(message, stringType, cString(property.interface)), "call")
      try check(unsafe sd_bus_message_append_basic(message, stringType, cString(property.name)), "call")
    }
    var cookie: UInt64 = 0
    try check(unsafe sd_bus_send(bus, message, &cookie), "send to D-Bus")
    return cookie
  }
}

/// An answer, valid only while it is being handled.
@safe struct BusMessage {
  private let message: OpaquePointer

  fileprivate init(_ message: OpaquePointer) { unsafe self.message = message }

  /// Whether the call failed.
  var isError: Bool { unsafe sd_bus_message_is_method_error(message, nil) > 0 }

  /// The text in the variant that a property is answered with.
  func propertyText() -> String? {
    guard !isError, enterVariant() == CChar(bitPattern: UInt8(ascii: "s")) else { return nil }
    return text(stringType)
  }

  /// The number in the variant that a property is answered with.
  func propertyNumber() -> UInt64? {
    guard !isError, let type = enterVariant() else { return nil }
    var wide: UInt64 = 0
    var narrow: UInt32 = 0
    switch UInt8(bitPattern: type) {
    case UInt8(ascii: "t"): return unsafe sd_bus_message_read_basic(message, type, &wide) > 0 ? wide : nil
    case UInt8(ascii: "u"): return unsafe sd_bus_message_read_basic(message, type, &narrow) > 0 ? UInt64(narrow) : nil
    default: return nil
    }
  }

  private func enterVariant() -> CChar? {
    var type: CChar = 0
    var contents: UnsafePointer<CChar>?
    guard unsafe sd_bus_message_peek_type(message, &type, &contents) > 0, let contents = unsafe contents,
      unsafe sd_bus_message_enter_container(message, CChar(bitPattern: UInt8(ascii: "v")), contents) > 0
    else { return nil }
    return unsafe contents[0]
  }

  /// A unit in the answer to `ListUnits`; its bytes are borrowed from the message.
  @safe struct Unit {
    var name: UnsafePointer<CChar>
    var load: UnsafePointer<CChar>
    var active: UnsafePointer<CChar>
    var path: UnsafePointer<CChar>
  }

  /// Gives every unit of the answer to `ListUnits` to `body`; false when the answer has another form.
  func forEachUnit(_ body: (Unit) -> Void) -> Bool {
    guard !isError, enter("a", "(ssssssouso)") else { return false }
    while enter("r", "ssssssouso") {
      guard let name = unsafe pointer("s"), unsafe pointer("s") != nil, let load = unsafe pointer("s"),
        let active = unsafe pointer("s"), unsafe pointer("s") != nil, unsafe pointer("s") != nil,
        let path = unsafe pointer("o"), unsafe sd_bus_message_skip(message, "uso") > 0
      else { return false }
      unsafe body(Unit(name: name, load: load, active: active, path: path))
      guard unsafe sd_bus_message_exit_container(message) >= 0 else { return false }
    }
    return true
  }

  private func enter(_ type: Unicode.Scalar, _ contents: StaticString) -> Bool {
    unsafe sd_bus_message_enter_container(message, CChar(truncatingIfNeeded: type.value), cString(contents)) > 0
  }

  private func pointer(_ type: Unicode.Scalar) -> UnsafePointer<CChar>? {
    var start: UnsafePointer<CChar>?
    guard unsafe sd_bus_message_read_basic(message, CChar(truncatingIfNeeded: type.value), &start) > 0 else {
      return nil
    }
    return unsafe start
  }

  private func text(_ type: CChar) -> String? {
    var start: UnsafePointer<CChar>?
    guard unsafe sd_bus_message_read_basic(message, type, &start) > 0, let start = unsafe start else { return nil }
    return unsafe String(cString: start)
  }
}

private let stringType = CChar(bitPattern: UInt8(ascii: "s"))

/// The literal as C has it: Swift ends literals with a 0, too.
private func cString(_ text: StaticString) -> UnsafePointer<CChar> {
  unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@discardableResult
private func check(_ result: Int32, _ operation: String, _ path: String = "") throws(SystemError) -> Int32 {
  guard result >= 0 else { throw SystemError(operation, path, errno: -result) }
  return result
}
