// SPDX-License-Identifier: Apache-2.0

import Glibc
public import Linux
public import Queue
import Synchronization

/// A disk in memory that can lose power, fill up, turn read-only and fail.
///
/// Every file has what programs see and what would survive. Writes are seen at once and survive when synced; a power
/// cut keeps, loses or tears each unsynced sector of 512 bytes, in any order, and each unsynced creation, renaming and
/// removal. A sync that failed has forgotten what it should have written: another one does not write it.
public final class CrashingFileStore: FileStore {
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
  }

  fileprivate struct State {
    var seen: [String: Inode] = [:]
    var durable: [String: Inode] = [:]
    var changes: [Change] = []
    var directories: Set<String> = []
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

  private let state: Box

  /// `@unchecked`: inodes are reached through the mutex only.
  private final class Box: @unchecked Sendable {
    let mutex: Mutex<State>
    init(seed: UInt64) { mutex = Mutex(State(random: SplitMix64(seed: seed))) }
  }

  /// An empty disk whose misfortunes follow from `seed`.
  public init(seed: UInt64 = 1) { state = Box(seed: seed) }

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

  /// After so many more changes power is out: nothing has any effect until `crash`.
  public func cutPower(after operations: Int?) { with { $0.operationsLeft = operations } }

  /// Whether power is out.
  public var isOut: Bool { with { $0.isOut } }

  /// How many changes there were.
  public var operations: Int { with { $0.operations } }

  /// The machine stops and starts again, healthy. What was opened before must not be used any more.
  public func crash(_ kind: Crash) {
    with { state in
      state.operationsLeft = nil
      state.trouble = .none
      state.locked = []
      if case .process = kind { return }
      var keepsAll = false
      if case .powerLosingSome = kind { keepsAll = state.random.chance(20) }
      if case .powerLosingSome = kind {
        for change in state.changes where keepsAll || state.random.chance(50) { state.durable.apply(change) }
      }
      for (_, inode) in state.durable.sorted(by: { $0.key < $1.key }) {
        if case .powerLosingSome = kind { inode.survivePartly(&state.random, keepsAll) }
        inode.seen = inode.durable
        inode.dirty = []
      }
      state.changes = []
      state.seen = state.durable
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
      for name in state.seen.keys where name.hasPrefix(path + "/") {
        state.seen[name] = nil
        state.durable[name] = nil
      }
      state.changes = []
      state.locked.remove(path)
    }
  }

  /// A second disk with the same durable and seen contents, all of it durable.
  public func copy(seed: UInt64) -> CrashingFileStore {
    let other = CrashingFileStore(seed: seed)
    let files: [String: [UInt8]] = with { state in state.seen.mapValues { $0.seen } }
    for (path, bytes) in files { other.overwrite(path, with: bytes) }
    for directory in with({ $0.directories }) { other.with { _ = $0.directories.insert(directory) } }
    return other
  }

  // MARK: FileStore

  /// Opens a file that exists.
  public func open(_ path: String) throws(SystemError) -> any StoredFile {
    guard let inode = with({ InodeReference($0.seen[path]) }).inode else {
      throw SystemError("open", path, errno: ENOENT)
    }
    return File(self, path, inode)
  }

  /// Opens or makes a file.
  public func openForWriting(_ path: String) throws(SystemError) -> any StoredFile {
    guard with({ $0.directories.contains(parent(of: path)) }) else { throw SystemError("open", path, errno: ENOENT) }
    if let inode = with({ InodeReference($0.seen[path]) }).inode {
      guard trouble != .readOnly else { throw SystemError("open", path, errno: EROFS) }
      return File(self, path, inode)
    }
    try change("open", path, needsSpace: true)
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
    guard with({ $0.directories.contains(path) }) else { throw SystemError("open", path, errno: ENOENT) }
    guard with({ $0.locked.insert(path).inserted }) else { throw SystemError("flock", path, errno: EWOULDBLOCK) }
    return File(self, path, Inode(), isLock: true)
  }

  /// Renames.
  public func rename(_ path: String, to newPath: String) throws(SystemError) {
    guard with({ $0.seen[path] != nil }) else { throw SystemError("rename", path, errno: ENOENT) }
    try change("rename", path)
    with { state in
      guard let inode = state.seen[path] else { return }
      state.record(.move(path, newPath, inode))
    }
  }

  /// Removes.
  public func remove(_ path: String) throws(SystemError) {
    guard with({ $0.seen[path] != nil }) else { throw SystemError("unlink", path, errno: ENOENT) }
    try change("unlink", path)
    with { $0.record(.unlink(path)) }
  }

  /// Lists.
  public func list(_ path: String) throws(SystemError) -> [String] {
    guard with({ $0.directories.contains(path) }) else { throw SystemError("opendir", path, errno: ENOENT) }
    return with { state in
      state.seen.keys.filter { parent(of: $0) == path }.map { String($0.dropFirst(path.utf8.count + 1)) }.sorted()
    }
  }

  /// Makes a directory; directories survive everything here.
  public func makeDirectory(_ path: String) throws(SystemError) { with { _ = $0.directories.insert(path) } }

  /// Makes all entries durable.
  public func syncDirectory(_ path: String) throws(SystemError) {
    try change("fsync", path, isSync: true)
    with { state in
      state.durable = state.seen
      state.changes = []
    }
  }

  /// The size of a file.
  public func size(of path: String) throws(SystemError) -> Int64? {
    with { state in state.directories.contains(path) ? 0 : state.seen[path].map { Int64($0.seen.count) } }
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

  private func change(_ operation: String, _ path: String, needsSpace: Bool = false, isSync: Bool = false)
    throws(SystemError)
  {
    let errno: Int32? = with { state in
      state.operations += 1
      if state.isOut { return EIO }
      if let left = state.operationsLeft {
        state.operationsLeft = left - 1
        if left == 1 { return EIO }
      }
      switch state.trouble {
      case .none: return nil
      case .full: return needsSpace ? ENOSPC : nil
      case .readOnly: return isSync ? nil : EROFS
      case .failing(let percent): return state.random.chance(percent) ? EIO : nil
      case .syncFails: return isSync ? EIO : nil
      }
    }
    if let errno { throw SystemError(operation, path, errno: errno) }
  }

  /// `@unchecked`: the inode is touched with the disk's mutex held.
  private final class File: StoredFile, @unchecked Sendable {
    let disk: CrashingFileStore
    let path: String
    let inode: Inode
    let isLock: Bool

    init(_ disk: CrashingFileStore, _ path: String, _ inode: Inode, isLock: Bool = false) {
      self.disk = disk
      self.path = path
      self.inode = inode
      self.isLock = isLock
    }

    deinit {
      if isLock { disk.with { _ = $0.locked.remove(path) } }
    }

    func read(into buffer: inout [UInt8], at offset: Int64) throws(SystemError) -> Int {
      let bytes = disk.with { _ in inode.seen.dropFirst(Int(offset)).prefix(buffer.count) }
      copyBytes(bytes, into: &buffer, at: 0)
      return bytes.count
    }

    func write(_ bytes: Span<UInt8>, at offset: Int64) throws(SystemError) -> Int {
      let copy = bytes.withUnsafeBufferPointer { Array($0) }
      let grows = disk.with { _ in Int(offset) + copy.count > inode.seen.count }
      let half = copy.count / 2
      if grows, half > 0, disk.with({ $0.trouble == .full && $0.random.chance(30) }) {
        return disk.with { _ in inode.write(copy[..<half], at: Int(offset)) }
      }
      try disk.change("write", path, needsSpace: grows)
      return disk.with { state in
        let count = state.shortWrites && state.random.chance(50) ? 1 + state.random.below(copy.count) : copy.count
        return inode.write(copy[..<count], at: Int(offset))
      }
    }

    func sync() throws(SystemError) {
      do throws(SystemError) {
        try disk.change("fdatasync", path, isSync: true)
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
      try disk.change("ftruncate", path)
      disk.with { _ in inode.truncate(Int(size)) }
    }

    func size() throws(SystemError) -> Int64 { disk.with { _ in Int64(inode.seen.count) } }
  }
}

extension CrashingFileStore.State {
  fileprivate mutating func record(_ change: CrashingFileStore.Change) {
    changes.append(change)
    seen.apply(change)
  }
}

extension [String: CrashingFileStore.Inode] {
  fileprivate mutating func apply(_ change: CrashingFileStore.Change) {
    switch change {
    case .link(let path, let inode): self[path] = inode
    case .move(let path, let newPath, let inode):
      self[path] = nil
      self[newPath] = inode
    case .unlink(let path): self[path] = nil
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
