// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Fuzzing
import Glibc
import Linux

/// `spoke-libfuzzer SURFACE FOLDER [OPTION ...]`: libFuzzer, guided by coverage, on one surface; without arguments, the
/// surfaces. FOLDER keeps the inputs that reached something new; options are libFuzzer's, whose main calls what is here.
///
/// `scripts/libfuzzer` runs it.
private enum LibFuzzer {
  /// Set once, before the first input.
  nonisolated(unsafe) static var examine: Surface.Examination = { _ in }
}

/// Chooses the surface and tells libFuzzer what belongs to it.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> Int32 {
  let given = (0..<Int(count.pointee)).compactMap { arguments.pointee[$0].map { String(cString: $0) } }
  guard given.count >= 3, let surface = Surface.all.first(where: { $0.name == given[1] }) else {
    for surface in Surface.all { print("surface \(surface.name)") }
    exit(given.count == 1 ? 0 : 2)
  }
  let folder = given[2]
  finish {
    try prepare(surface, folder)
    LibFuzzer.examine = try await surface.examine()
  }
  let options =
    [given[0], "-max_len=\(surface.longest)", "-dict=\(folder).dict"] + given.dropFirst(3) + [folder]
  let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: options.count + 1)
  for (place, option) in options.enumerated() { (list + place).initialize(to: strdup(option)) }
  (list + options.count).initialize(to: nil)
  arguments.pointee = list
  count.pointee = Int32(options.count)
  return 0
}

/// Looks at one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: bytes, count: size))
  finish { try await LibFuzzer.examine(input) }
  return 0
}

/// Writes what to begin with, and the words to build with.
private func prepare(_ surface: Surface, _ folder: String) throws {
  try makeDirectory(folder)
  for (number, input) in try surface.beginnings().enumerated() {
    try replaceFile("\(folder)/beginning-\(number)", with: input.span)
  }
  let words = surface.tokens.filter { !$0.isEmpty }.map { token in
    "\"" + token.utf8.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\"\n"
  }
  // One without words is refused.
  try replaceFile("\(folder).dict", with: Array((["\"0\"\n"] + words).joined().utf8).span)
}

/// Does `work` on another thread, this one being libFuzzer's, and ends the process where it throws.
private func finish(_ work: @escaping @Sendable () async throws -> Void) {
  let isDone = DispatchSemaphore(value: 0)
  Task.detached {
    do { try await work() } catch {
      print("broken: \(error)")
      fflush(nil)
      abort()
    }
    isDone.signal()
  }
  isDone.wait()
}
