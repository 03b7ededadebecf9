// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Linux

/// What statfs tells, as far as we want it.
struct FilesystemNumbers: Equatable {
  var blockSize = 0.0
  var blocks = 0.0
  var freeBlocks = 0.0
  var availableBlocks = 0.0
  var files = 0.0
  var freeFiles = 0.0
}

/// What came of asking a mount.
enum StatfsAnswer: Equatable {
  case numbers(FilesystemNumbers)
  case failed(errno: Int32)
  case late

  var numbers: FilesystemNumbers? {
    if case .numbers(let numbers) = self { numbers } else { nil }
  }
}

/// A mount to be asked again and again, never twice at once.
///
/// `@unchecked`: everything mutable is touched only with the pool's monitor held.
final class StatfsQuestion: @unchecked Sendable {
  /// The mount point, ending with a 0.
  let path: [UInt8]

  fileprivate enum State { case idle, queued, asked }
  fileprivate var state = State.idle
  fileprivate var round = 0  // the last in which it was queued
  fileprivate var answer = StatfsAnswer.late

  init(path: [UInt8]) { self.path = path }
}

/// Asks statfs(2), which can hang, on threads of its own.
///
/// One thread answers for all mounts as long as they do answer. When it makes no progress another is started, up to a
/// limit; a thread that comes back from a long call and finds another waiting for work ends.
final class StatfsPool: Sendable {
  typealias Call = @Sendable (_ path: [UInt8]) -> StatfsAnswer

  private let shared: Shared

  init(_ call: @escaping Call = askKernel) { shared = Shared(call) }

  deinit { shared.close() }

  /// Asks every mount, and waits until all have answered or `limit` has come; those without answer are `late`, and so
  /// are, without being waited for, those still without answer from an earlier time.
  func ask(_ questions: [StatfsQuestion], until limit: Int64, answers: inout [StatfsAnswer]) {
    shared.ask(questions, until: limit, answers: &answers)
  }

  /// The number of threads there are; for tests.
  var threadCount: Int { shared.threadCount }
}

/// What the threads share with whoever asks; they outlive the pool when a call never returns.
///
/// `@unchecked`: everything mutable is touched only with `monitor` held.
private final class Shared: @unchecked Sendable {
  private let monitor = Monitor()
  private let call: StatfsPool.Call
  private var queue: [StatfsQuestion] = []
  private var next = 0  // index in `queue` of the next to be asked
  private var round = 0
  private var missing = 0  // answers of this round that are not there yet
  private var threads = 0
  private var idle = 0
  private var closed = false

  private static let most = 16
  private static let stall: Int64 = 100_000_000

  init(_ call: @escaping StatfsPool.Call) { self.call = call }

  var threadCount: Int { monitor.withLock { threads } }

  func close() {
    monitor.withLock {
      closed = true
      monitor.wakeAll()
    }
  }

  func ask(_ questions: [StatfsQuestion], until limit: Int64, answers: inout [StatfsAnswer]) {
    monitor.withLock {
      begin(questions)
      waitForAnswers(until: limit)
      withdraw()
      answers.removeAll(keepingCapacity: true)
      for question in questions { answers.append(question.state == .idle ? question.answer : .late) }
    }
  }

  private func begin(_ questions: [StatfsQuestion]) {
    round += 1
    missing = 0
    for question in questions where question.state == .idle {
      question.state = .queued
      question.round = round
      question.answer = .late
      queue.append(question)
      missing += 1
    }
    guard missing > 0 else { return }
    if idle == 0 { addThread() }
    monitor.wakeAll()
  }

  private func waitForAnswers(until limit: Int64) {
    while missing > 0, threads > 0 {
      let before = missing
      let now = monotonicNanoseconds()
      guard now < limit else { return }
      let pause = min(limit, now + Self.stall)
      while missing > 0, monotonicNanoseconds() < pause { monitor.wait(until: pause) }
      if missing == before, next < queue.count {
        guard threads < Self.most else { return }
        addThread()
      }
    }
  }

  /// Takes back what nobody has begun to ask.
  private func withdraw() {
    while next < queue.count {
      queue[next].state = .idle
      next += 1
    }
    queue.removeAll(keepingCapacity: true)
    next = 0
    missing = 0
  }

  private func addThread() {
    guard threads < Self.most, startThread(name: "statfs", { [self] in work() }) else { return }
    threads += 1
  }

  private func work() {
    while let question = takeQuestion() {
      let answer = call(question.path)
      monitor.withLock { finish(question, answer) }
    }
  }

  private func finish(_ question: StatfsQuestion, _ answer: StatfsAnswer) {
    question.state = .idle
    question.answer = answer
    guard question.round == round, missing > 0 else { return }
    missing -= 1
    if missing == 0 { monitor.wakeAll() }
  }

  /// The next question; nil when this thread is not needed any more.
  private func takeQuestion() -> StatfsQuestion? {
    monitor.withLock {
      while next >= queue.count, !closed, idle == 0 {
        idle += 1
        monitor.wait()
        idle -= 1
      }
      guard next < queue.count, !closed else {
        threads -= 1
        return nil
      }
      let question = queue[next]
      next += 1
      question.state = .asked
      return question
    }
  }
}

/// statfs(2), in the clothes Swift can see. Sizes count in `f_bsize`, as node_exporter has them, not in `f_frsize`.
@Sendable func askKernel(_ path: [UInt8]) -> StatfsAnswer {
  var result = statvfs()
  let status = unsafe path.withUnsafeBytes { bytes -> Int32 in
    guard let start = bytes.baseAddress else { return -1 }
    return unsafe statvfs(start.assumingMemoryBound(to: CChar.self), &result)
  }
  guard status == 0 else { return .failed(errno: errno) }
  return .numbers(
    FilesystemNumbers(
      blockSize: Double(result.f_bsize), blocks: Double(result.f_blocks), freeBlocks: Double(result.f_bfree),
      availableBlocks: Double(result.f_bavail), files: Double(result.f_files), freeFiles: Double(result.f_ffree)))
}
