// SPDX-License-Identifier: Apache-2.0

import Logs
import TestSupport
import Testing

/// A log that a pattern does not find for a moment, because it was set aside or removed and not yet made anew.
@Suite struct AbsentLogTests {
  @Test(arguments: [false, true])
  func `what was written and set aside before the log is found again is read`(isRestarted: Bool) async throws {
    let bench = try FileBench(["app.log", "other.log"])
    let both = bench.settings
    var withoutApp = both
    withoutApp.targets.removeFirst()
    try bench.append("1\n", to: "app.log")
    try bench.start()
    await bench.expect(["1"])

    try bench.remove("app.log")
    bench.source?.update(withoutApp)
    try bench.append("without\n", to: "other.log")
    await bench.expect(["1", "without"])
    if isRestarted {
      await bench.stop()
      bench.settings = withoutApp
      try bench.start()
      try bench.append("still without\n", to: "other.log")
      await bench.expect(["1", "without", "still without"])
    }

    try bench.append("2\n", to: "app.log")
    try bench.rename("app.log", to: "app.log.1")
    try bench.append("3\n", to: "app.log")
    bench.source?.update(both)
    await bench.expect(["1", "without"] + (isRestarted ? ["still without"] : []) + ["2", "3"])
    await bench.stop()
  }

  @Test func `a file made elsewhere, put in place and set aside between two looks is read`() async throws {
    let bench = try FileBench()
    try bench.append("1\n")
    try bench.start()
    await bench.expect(["1"])
    try bench.append("3\n", to: "app.log.new")
    await bench.letClockTick()
    // Once the first of the new file is there, the other was seen beside it.
    try bench.rename("app.log", to: "app.log-20260101-000001")
    try bench.append("2\n")
    await bench.expect(["1", "2"])
    await bench.letClockTick()

    try bench.rename("app.log", to: "app.log-20260101-000002")
    try bench.rename("app.log.new", to: "app.log")
    try bench.rename("app.log", to: "app.log-20260101-000003")
    try bench.append("4\n")
    await bench.expect(["1", "2", "3", "4"])
    await bench.stop()
  }

  @Test func `what was set aside before the log was ever followed is not read when it is found again`() async throws {
    let bench = try FileBench(["app.log", "other.log"])
    let both = bench.settings
    try bench.append("old\n", to: "app.log-20260101-000001")
    await bench.letClockTick()
    try bench.append("1\n")
    try bench.start()
    await bench.expect(["1"])
    await bench.stop()

    bench.settings.targets.removeFirst()
    try bench.start()
    try bench.append("without\n", to: "other.log")
    await bench.expect(["1", "without"])
    bench.source?.update(both)
    try bench.append("2\n")
    await bench.expect(["1", "without", "2"])
    try bench.rename("app.log", to: "app.log-20260101-000002")
    try bench.append("3\n")
    await bench.expect(["1", "without", "2", "3"])
    await bench.stop()
  }
}
