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
}
