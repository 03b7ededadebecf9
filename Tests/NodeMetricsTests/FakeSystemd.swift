// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport

private let busProgram = "/usr/bin/dbus-daemon"
private let python = "/usr/bin/python3"

/// A bus of our own with something on it that answers as systemd does. Needs Debian's `dbus` and `python3-dbus`.
final class FakeSystemd {
  static let isPossible =
    fileKind(busProgram) == .regular && fileKind(python) == .regular
    && fileKind("/usr/lib/python3/dist-packages/dbus") == .directory

  let directory: TemporaryDirectory
  private(set) var bus: Program?
  private(set) var systemd: Program?

  var address: String { "unix:path=\(directory.path("bus"))" }

  init() throws {
    directory = try TemporaryDirectory()
    let policy = """
      <busconfig><type>session</type><listen>\(address)</listen><auth>EXTERNAL</auth>
      <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
      <limit name="max_replies_per_connection">128</limit></busconfig>
      """
    try replaceFile(directory.path("bus.conf"), with: Array(policy.utf8).span)
    try replaceFile(directory.path("fake.py"), with: Array(script.utf8).span)
    try tell("normal")
    try start()
  }

  func start() throws {
    bus = try Program([busProgram, "--nofork", "--nopidfile", "--config-file=\(directory.path("bus.conf"))"])
    try waitFor("bus")
    systemd = try Program([python, directory.path("fake.py"), address, directory.path("")])
    try waitFor("ready")
  }

  func stop() throws {
    systemd = nil
    bus = nil
    for file in ["bus", "ready"] { try? removeFile(directory.path(file)) }
  }

  /// Switches what the fake does.
  func tell(_ mode: String) throws { try replaceFile(directory.path("mode"), with: Array(mode.utf8).span) }

  /// The number of calls of `member` so far.
  func calls(of member: String) throws -> Int {
    let log = try String(decoding: readFile(directory.path("calls")), as: UTF8.self)
    return log.split(separator: "\n").count { $0 == member }
  }

  private func waitFor(_ file: String) throws {
    for _ in 0..<1200 {
      if fileKind(directory.path(file)) != nil { return }
      usleep(25_000)
    }
    throw SystemError("wait for", directory.path(file), errno: ETIMEDOUT)
  }
}

/// A program that runs until this value's life ends, quietly.
final class Program {
  private(set) var process = pid_t()

  init(_ arguments: [String]) throws {
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
    }
    keepDescriptorsFromChildren()
    let result = posix_spawn(&process, arguments[0], &actions, nil, &words, environ)
    guard result == 0 else { throw SystemError("spawn", arguments[0], errno: result) }
  }

  func signal(_ number: Int32) { kill(process, number) }

  deinit {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }
}

private let script = """
  import sys, dbus, dbus.service, dbus.bus
  from dbus.mainloop.glib import DBusGMainLoop
  from gi.repository import GLib
  address, folder = sys.argv[1:]
  root = '/org/freedesktop/systemd1'
  s, u, t = dbus.String, dbus.UInt32, dbus.UInt64
  def mode(): return open(folder + 'mode').read()
  units = {
    'web.service': ('loaded', 'active', {'Type': s('notify'), 'NRestarts': u(3), 'TasksCurrent': t(7),
      'TasksMax': t(2**64-1), 'ActiveEnterTimestamp': t(1700000000500000)}),
    'job.service': ('loaded', 'failed', {'Type': s('oneshot'), 'NRestarts': u(0)}),
    'gone.service': ('not-found', 'inactive', {}),
    'odd.service': ('loaded', 'reloading', {}),
    'daily.timer': ('loaded', 'active', {'LastTriggerUSec': t(1600000000000000),
      'ActiveEnterTimestamp': t(1500000000000000)}),
    'web.socket': ('loaded', 'inactive', {'NAccepted': u(11), 'NConnections': u(2), 'NRefused': u(1)}),
    'home.mount': ('loaded', 'active', {'Type': s('ext4')}),
  }
  for n in range(300): units['many%d.service' % n] = ('loaded', 'inactive', {'Type': s('simple')})
  def path(name): return root + '/unit/' + name.replace('.', '_2e')
  properties = {path(n): unit[2] for n, unit in units.items()}
  class Fake(dbus.service.Object):
    def note(self, what):
      with open(folder + 'calls', 'a') as f: f.write(what + chr(10))
    @dbus.service.method('org.freedesktop.systemd1.Manager', out_signature='a(ssssssouso)')
    def ListUnits(self):
      self.note('ListUnits')
      return [(n, 'A unit', unit[0], unit[1], 'sub', '', path(n), 0, '', '/') for n, unit in units.items()]
    @dbus.service.method('org.freedesktop.DBus.Properties', in_signature='ss', out_signature='v',
      path_keyword='at')
    def Get(self, interface, name, at=None):
      self.note(name)
      if at != root: return properties[at][name]
      return {'Version': s('252.39-1~deb12u1'), 'Virtualization': s(''),
        'SystemState': s('degraded' if mode() == 'degraded' else 'running'),
        'UnitsLoadTimestampMonotonic': t(2 if mode() == 'reloaded' else 1)}[name]
  DBusGMainLoop(set_as_default=True)
  bus = dbus.bus.BusConnection(address)
  Fake.SUPPORTS_MULTIPLE_OBJECT_PATHS = True
  fake = Fake(bus, root)
  for p in properties: fake.add_to_connection(bus, p)
  bus.request_name('org.freedesktop.systemd1')
  open(folder + 'ready', 'w').close()
  GLib.MainLoop().run()
  """
