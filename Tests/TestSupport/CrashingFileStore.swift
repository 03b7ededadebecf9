// SPDX-License-Identifier: Apache-2.0

import Glibc
public import Linux
public import Queue
import Synchronization

/// A disk in memory that can lose power, fill up, turn read-only and fail.
///
/// Every file has what programs see and what would survive. Writes are seen at once and survive when synced; a power
/// cut keeps, loses or tears each unsynced sector of 512 bytes, in any order, and each unsynced creation, renaming and
/// removal, of directories too. A sync that failed has forgotten what it should have written: another one does not
/// write it.
public final class CrashingFileStore: FileStore {
  /// What can be made to fail.
  public enum Operation: String, Sendable, CaseIterable {
    /// Opening a file that exists.
    case open
    /// Opening for writing.
    case create
    /// Everything else by its name.
    case read, write, sync, truncate, rename, remove, list, size, lock, makeDirectory, syncDirectory
  }

  /// One operation that will fail.
  fileprivate struct Planned {
    var operation: Operation
    var left: Int
    var errno: Int32?  // nil for a write that takes one byte
  }

  /// What is wrong with the disk.
  public enum Trouble: Sendable, Equatable {
    /// Nothing.
    case none
    /// `ENOSPC` for whatever needs more space; sometimes half of a write is taken first.
    case full
    /// `EROFS` for every change.
    case readOnly
    /// `EIO` for that many percent of writes and syncs.
    case failing(percent: Int)
    /// `EIO` for every sync.
    case syncFails
  }

  /// How the machine stops.
  public enum Crash: Sendable {
    /// The process dies; the kernel keeps what it was given.
    case process
    /// Nothing unsynced survives.
    case powerLosingAll
    /// Any part of what is unsynced survives.
    case powerLosingSome
  }

  fileprivate final class Inode {
    var seen: [UInt8] = []
    var durable: [UInt8] = []
    var dirty: Set<Int> = []  // sectors
  }

  fileprivate enum Change {
    case link(String, Inode)
    case move(String, String, Inode)
    case unlink(String)
    case makeDirectory(String)

    var path: String {
      switch self {
      case .link(let path, _), .move(let path, _, _), .unlink(let path), .makeDirectory(let path): path
      }
    }
  }

  fileprivate struct State {
    var seen: [String: Inode] = [:]
    var durable: [String: Inode] = [:]
    var changes: [Change] = []
    var directories: Set<String> = ["/"]
    var durableDirectories: Set<String> = ["/"]
    var boot = 0
    var planned: [Planned] = []
    var faults: [String: Int] = [:]
    var locked: Set<String> = []
    var random: SplitMix64
    var trouble = Trouble.none
    var operationsLeft: Int?
    var shortWrites = false
    var free = Int64.max
    var syncs = 0
    var operations = 0

    var isOut: Bool { operationsLeft == 0 }
  }

  static let sector = 512
  fileprivate static let names = [
    ENOSPC: "ENOSPC", EIO: "EIO", EROFS: "EROFS", EINTR: "EINTR", EMFILE: "EMFILE", ENOMEM: "ENOMEM",
  ]

  private let state: Box

  /// `@unchecked`: inodes are reached through the mutex only.
  private final class Box: @unchecked Sendable {
    let mutex: Mutex<State>
    init(seed: UInt64) { mutex = Mutex(State(random: SplitMix64(seed: seed))) }
  }

  /// The start of the machine whose program this is the disk of; nil for whichever runs.
  private let boot: Int?

  /// An empty disk whose misfortunes follow from `seed`.
  public init(seed: UInt64 = 1) {
    state = Box(seed: seed)
    boot = nil
  }

  private init(_ state: Box, boot: Int) {
    self.state = state
    self.boot = boot
  }

  /// The same disk as a program sees it that dies with the next crash: from then on nothing it does has any effect.
  public func mounted() -> CrashingFileStore { CrashingFileStore(state, boot: with { $0.boot }) }

  // MARK: What a test does to it

  /// What is wrong with it.
  public var trouble: Trouble {
    get { with { $0.trouble } }
    set { with { $0.trouble = newValue } }
  }

  /// Whether writes may take less than they are given.
  public var shortWrites: Bool {
    get { with { $0.shortWrites } }
    set { with { $0.shortWrites = newValue } }
  }

  /// What `freeBytes` says.
  public var free: Int64 {
    get { with { $0.free } }
    set { with { $0.free = newValue } }
  }

  /// Lets misfortunes from here on follow from `seed`.
  public func reseed(_ seed: UInt64) { with { $0.random = SplitMix64(seed: seed) } }

  /// Makes the operation `after` so many others of its kind fail; with no `errno`, a write takes a single byte.
  public func plan(_ operation: Operation, after: Int, errno: Int32?) {
    with { $0.planned.append(Planned(operation: operation, left: after, errno: errno)) }
  }

  /// Lets nothing more fail that was planned to.
  public func planNothing() { with { $0.planned = [] } }

  /// How often which operation failed for which reason.
  public var faults: [String: Int] { with { $0.faults } }

  /// After so many more changes power is out: nothing has any effect until `crash`.
  public func cutPower(after operations: Int?) { with { $0.operationsLeft = operations } }

  /// Whether power is out.
  public var isOut: Bool { with { $0.isOut } }

  /// How many changes there were.
  public var operations: Int { with { $0.operations } }

  /// The machine, or the process, stops and starts again, healthy. What was opened before has no effect any more.
  public func crash(_ kind: Crash) {
    with { state in
      state.operationsLeft = nil
      state.trouble = .none
      state.planned = []
      state.locked = []
      state.boot += 1
      switch kind {
      case .process: break
      case .powerLosingAll: state.losePower(keepingPercent: 0)
      case .powerLosingSome: state.losePower(keepingPercent: state.random.chance(20) ? 100 : 50)
      }
    }
  }

  /// What programs see in the file at `path`.
  public func contents(_ path: String) -> [UInt8]? { with { $0.seen[path]?.seen } }

  /// Changes a file behind everyone's back, durably; nil removes it.
  public func overwrite(_ path: String, with bytes: [UInt8]?) {
    with { state in
      guard let bytes else {
        state.seen[path] = nil
        state.durable[path] = nil
        return
      }
      let inode = Inode()
      inode.seen = bytes
      inode.durable = bytes
      state.seen[path] = inode
      state.durable[path] = inode
    }
  }

  /// Removes a directory and all in it behind everyone's back.
  public func removeDirectory(_ path: String) {
    with { state in
      state.directories.remove(path)
      state.durableDirectories.remove(path)
      for name in state.seen.keys where name.hasPrefix(path + "/") {
        state.seen[name] = nil
        state.durable[name] = nil
      }
      state.changes = []
      state.locked.remove(path)
    }
  }

  /// A second disk with the same contents, all of it durable unless what is unsynced is to stay so.
  public func copy(seed: UInt64, keepingUnsynced: Bool = false) -> CrashingFileStore {
    let other = CrashingFileStore(seed: seed)
    let files: [String: (seen: [UInt8], durable: [UInt8], dirty: Set<Int>)] = with { state in
      state.seen.mapValues { ($0.seen, $0.durable, $0.dirty) }
    }
    for (path, file) in files {
      other.overwrite(path, with: file.seen)
      guard keepingUnsynced else { continue }
      other.with { state in
        state.seen[path]?.durable = file.durable
        state.seen[path]?.dirty = file.dirty
      }
    }
    let directories = with { $0.directories }
    other.with { ($0.directories, $0.durableDirectories) = (directories, directories) }
    return other
  }

  // MARK: FileStore

  /// Opens a file that exists.
  public func open(_ path: String) throws(SystemError) -> any StoredFile {
    try look(.open, path)
    guard let inode = with({ InodeReference($0.seen[path]) }).inode else {
      throw SystemError("open", path, errno: ENOENT)
    }
    return File(self, path, inode)
  }

  /// Opens or makes a file.
  public func openForWriting(_ path: String) throws(SystemError) -> any StoredFile {
    guard with({ $0.directories.contains(parent(of: path)) }) else { throw SystemError("open", path, errno: ENOENT) }
    if let inode = with({ InodeReference($0.seen[path]) }).inode {
      try look(.create, path)
      guard trouble != .readOnly else { throw SystemError("open", path, errno: EROFS) }
      return File(self, path, inode)
    }
    try change(.create, path, needsSpace: true)
    return File(
      self, path,
      with { state in
        let inode = Inode()
        state.record(.link(path, inode))
        return InodeReference(inode)
      }.inode!)
  }

  /// Takes a lock.
  public func lock(_ path: String) throws(SystemError) -> any StoredFile {
    try look(.lock, path)
    guard with({ $0.directories.contains(path) }) else { throw SystemError("open", path, errno: ENOENT) }
    guard with({ $0.locked.insert(path).inserted }) else { throw SystemError("flock", path, errno: EWOULDBLOCK) }
    return File(self, path, Inode(), isLock: true)
  }

  /// Renames.
  public func rename(_ path: String, to newPath: String) throws(SystemError) {
    guard with({ $0.seen[path] != nil }) else { throw SystemError("rename", path, errno: ENOENT) }
    try change(.rename, path)
    with { state in
      guard let inode = state.seen[path] else { return }
      state.record(.move(path, newPath, inode))
    }
  }

  /// Removes.
  public func remove(_ path: String) throws(SystemError) {
    guard with({ $0.seen[path] != nil }) else { throw SystemError("unlink", path, errno: ENOENT) }
    try change(.remove, path)
    with { $0.record(.unlink(path)) }
  }

  /// Lists.
  public func list(_ path: String) throws(SystemError) -> [String] {
    try look(.list, path)
    guard with({ $0.directories.contains(path) }) else { throw SystemError("opendir", path, errno: ENOENT) }
    return with { state in
      state.seen.keys.filter { parent(of: $0) == path }.map { String($0.dropFirst(path.utf8.count + 1)) }.sorted()
    }
  }

  /// Makes a directory and what is missing above it.
  public func makeDirectory(_ path: String) throws(SystemError) {
    guard with({ !$0.directories.contains(path) }) else { return }
    if parent(of: path) != path { try makeDirectory(parent(of: path)) }
    try change(.makeDirectory, path, needsSpace: true)
    with { $0.record(.makeDirectory(path)) }
  }

  /// Makes all entries durable.
  public func syncDirectory(_ path: String) throws(SystemError) {
    guard with({ $0.directories.contains(path) }) else { throw SystemError("open", path, errno: ENOENT) }
    try change(.syncDirectory, path, isSync: true)
    with { $0.syncDirectory(path) }
  }

  /// The size of a file.
  public func size(of path: String) throws(SystemError) -> Int64? {
    try look(.size, path)
    return with { state in state.directories.contains(path) ? 0 : state.seen[path].map { Int64($0.seen.count) } }
  }

  /// What `free` was set to.
  public func freeBytes(at path: String) throws(SystemError) -> Int64 { free }

  // MARK: Inside

  /// Lets an inode leave the mutex; it is used under it only.
  private struct InodeReference: @unchecked Sendable {
    let inode: Inode?
    init(_ inode: Inode?) { self.inode = inode }
  }

  private func with<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    state.mutex.withLock { body(&$0) }
  }

  /// Lets an operation that changes nothing fail when it is to.
  private func look(_ operation: Operation, _ path: String) throws(SystemError) {
    let errno: Int32? = with { state in
      if let boot, boot != state.boot { return EIO }
      return state.planned.isEmpty ? nil : state.plannedFault(operation).flatMap { state.fault(operation, $0) }
    }
    if let errno { throw SystemError(operation.rawValue, path, errno: errno) }
  }

  private func change(_ operation: Operation, _ path: String, needsSpace: Bool = false, isSync: Bool = false)
    throws(SystemError)
  {
    let errno: Int32? = with { state in
      if let boot, boot != state.boot { return EIO }
      state.operations += 1
      if state.isOut { return EIO }
      if let left = state.operationsLeft {
        state.operationsLeft = left - 1
        if left == 1 { return EIO }
      }
      if !state.planned.isEmpty, let errno = state.plannedFault(operation) { return state.fault(operation, errno) }
      switch state.trouble {
      case .full where needsSpace: return state.fault(operation, ENOSPC)
      case .readOnly where !isSync: return state.fault(operation, EROFS)
      case .failing(let percent) where state.random.chance(percent): return state.fault(operation, EIO)
      case .syncFails where isSync: return state.fault(operation, EIO)
      default: return nil
      }
    }
    if let errno { throw SystemError(operation.rawValue, path, errno: errno) }
  }

  /// `@unchecked`: the inode is touched with the disk's mutex held.
  private final class File: StoredFile, @unchecked Sendable {
    let disk: CrashingFileStore
    let path: String
    let inode: Inode
    let isLock: Bool
    let boot: Int

    init(_ disk: CrashingFileStore, _ path: String, _ inode: Inode, isLock: Bool = false) {
      self.disk = disk
      self.path = path
      self.inode = inode
      self.isLock = isLock
      boot = disk.with { $0.boot }
    }

    deinit {
      if isLock { disk.with { if $0.boot == boot { $0.locked.remove(path) } } }
    }

    private func beAlive() throws(SystemError) {
      guard disk.with({ $0.boot == boot }) else { throw SystemError("use", path, errno: EIO) }
    }

    func read(into buffer: inout [UInt8], at offset: Int64) throws(SystemError) -> Int {
      try beAlive()
      try disk.look(.read, path)
      let bytes = disk.with { _ in inode.seen.dropFirst(Int(offset)).prefix(buffer.count) }
      copyBytes(bytes, into: &buffer, at: 0)
      return bytes.count
    }

    func write(_ bytes: Span<UInt8>, at offset: Int64) throws(SystemError) -> Int {
      try beAlive()
      let copy = bytes.withUnsafeBufferPointer { Array($0) }
      let grows = disk.with { _ in Int(offset) + copy.count > inode.seen.count }
      let half = copy.count / 2
      if grows, half > 0, disk.with({ $0.trouble == .full && $0.random.chance(30) }) {
        return disk.with { _ in inode.write(copy[..<half], at: Int(offset)) }
      }
      try disk.change(.write, path, needsSpace: grows)
      return disk.with { state in
        var count = state.shortWrites && state.random.chance(50) ? 1 + state.random.below(copy.count) : copy.count
        if !state.planned.isEmpty, state.isShortWritePlanned() { count = 1 }
        if count < copy.count { state.count("write short") }
        return inode.write(copy[..<count], at: Int(offset))
      }
    }

    func sync() throws(SystemError) {
      try beAlive()
      do throws(SystemError) {
        try disk.change(.sync, path, isSync: true)
      } catch {
        if !disk.isOut { disk.with { inode.forgetDirty(&$0.random) } }
        throw error
      }
      disk.with { state in
        inode.sync()
        state.syncs += 1
      }
    }

    func truncate(to size: Int64) throws(SystemError) {
      try beAlive()
      try disk.change(.truncate, path)
      disk.with { _ in inode.truncate(Int(size)) }
    }

    func size() throws(SystemError) -> Int64 { disk.with { _ in Int64(inode.seen.count) } }
  }
}

extension CrashingFileStore.State {
  fileprivate mutating func record(_ change: CrashingFileStore.Change) {
    changes.append(change)
    seen.apply(change)
    if case .makeDirectory(let path) = change { directories.insert(path) }
  }

  fileprivate mutating func syncDirectory(_ path: String) {
    for change in changes where parent(of: change.path) == path { makeDurable(change) }
    changes.removeAll { parent(of: $0.path) == path }
  }

  private mutating func makeDurable(_ change: CrashingFileStore.Change) {
    durable.apply(change)
    if case .makeDirectory(let path) = change { durableDirectories.insert(path) }
  }

  /// Only what is durable is left, and that many percent of the rest.
  fileprivate mutating func losePower(keepingPercent percent: Int) {
    for change in changes where random.chance(percent) { makeDurable(change) }
    durableDirectories = durableDirectories.filter { path in
      var above = path
      while above != "/" {
        above = parent(of: above)
        if !durableDirectories.contains(above) { return false }
      }
      return true
    }
    durable = durable.filter { durableDirectories.contains(parent(of: $0.key)) }
    for (_, inode) in durable.sorted(by: { $0.key < $1.key }) {
      if percent > 0 { inode.survivePartly(&random, percent == 100) }
      inode.seen = inode.durable
      inode.dirty = []
    }
    changes = []
    seen = durable
    directories = durableDirectories
  }

  // MARK: Faults

  fileprivate mutating func plannedFault(_ operation: CrashingFileStore.Operation) -> Int32? {
    var errno: Int32?
    for index in planned.indices where planned[index].operation == operation && planned[index].errno != nil {
      planned[index].left -= 1
      if planned[index].left < 0 { errno = planned[index].errno }
    }
    planned.removeAll { $0.left < 0 }
    return errno
  }

  fileprivate mutating func isShortWritePlanned() -> Bool {
    guard let index = planned.firstIndex(where: { $0.errno == nil }) else { return false }
    planned[index].left -= 1
    guard planned[index].left < 0 else { return false }
    planned.remove(at: index)
    return true
  }

  fileprivate mutating func fault(_ operation: CrashingFileStore.Operation, _ errno: Int32) -> Int32 {
    count("\(operation.rawValue) \(CrashingFileStore.names[errno] ?? "\(errno)")")
    return errno
  }

  fileprivate mutating func count(_ fault: String) { faults[fault, default: 0] += 1 }
}

extension [String: CrashingFileStore.Inode] {
  fileprivate mutating func apply(_ change: CrashingFileStore.Change) {
    switch change {
    case .link(let path, let inode): self[path] = inode
    case .move(let path, let newPath, let inode):
      self[path] = nil
      self[newPath] = inode
    case .unlink(let path): self[path] = nil
    case .makeDirectory: break
    }
  }
}

extension CrashingFileStore.Inode {
  private var sector: Int { CrashingFileStore.sector }

  fileprivate func write(_ bytes: ArraySlice<UInt8>, at offset: Int) -> Int {
    let end = offset + bytes.count
    if seen.count < end { seen += [UInt8](repeating: 0, count: end - seen.count) }
    copyBytes(bytes, into: &seen, at: offset)
    for dirty in offset / sector...(end - 1) / sector { self.dirty.insert(dirty) }
    return bytes.count
  }

  fileprivate func truncate(_ size: Int) {
    if size < seen.count { seen.removeLast(seen.count - size) }
    dirty.insert(size / sector)
  }

  fileprivate func sync() {
    resizeDurable(seen.count)
    for index in dirty { persist(index) }
    dirty = []
  }

  /// The kernel tried, failed, and now believes that there is nothing left to write.
  fileprivate func forgetDirty(_ random: inout SplitMix64) {
    let reached = dirty.sorted().filter { _ in random.chance(30) }
    resizeDurable(max(durable.count, random.chance(50) ? seen.count : 0))
    for index in reached { persist(index) }
    dirty = []
  }

  fileprivate func survivePartly(_ random: inout SplitMix64, _ keepsAll: Bool) {
    let sizes = [seen.count, seen.count, durable.count, min(seen.count, durable.count)]
    resizeDurable(keepsAll ? seen.count : sizes[random.below(4)])
    for index in dirty.sorted() where keepsAll || random.chance(60) {
      persist(index, bytes: !keepsAll && random.chance(10) ? random.below(sector) : sector)
    }
  }

  private func resizeDurable(_ size: Int) {
    if durable.count > size {
      durable.removeLast(durable.count - size)
    } else {
      durable += [UInt8](repeating: 0, count: size - durable.count)
    }
  }

  private func persist(_ index: Int, bytes: Int = CrashingFileStore.sector) {
    let start = index * sector
    let end = min(start + bytes, seen.count, durable.count)
    if start < end { copyBytes(seen[start..<end], into: &durable, at: start) }
  }
}

/// A plain copy; the collection algorithms take a hundred times as long in a debug build.
private func copyBytes(_ bytes: ArraySlice<UInt8>, into target: inout [UInt8], at offset: Int) {
  precondition(offset + bytes.count <= target.count)
  target.withUnsafeMutableBytes { target in
    bytes.withUnsafeBytes { bytes in
      guard let from = bytes.baseAddress, let to = target.baseAddress else { return }
      (to + offset).copyMemory(from: from, byteCount: bytes.count)
    }
  }
}
